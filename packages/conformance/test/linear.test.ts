import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { LinearOptions, LinearSolver, Vector } from '@equilibria/spec'
import { bicgstab, cg, direct, gmres, minres, neumann } from '@equilibria/solvers/linear'
import { scoped } from '@equilibria/tensor'
import { linearSolverChecks, runChecks } from '@equilibria/conformance'

type Matrix = number[][]

describe('what every linear solver must do', () => {
  for (const make of [
    () => gmres(),
    () => gmres({ restart: 2 }),
    () => gmres({ restart: 1, fallback: 'none' }),
    () => bicgstab(),
    () => direct(),
    () => neumann(),
  ])
    runChecks(test, linearSolverChecks(make))
  for (const make of [() => cg(), () => minres(), () => gmres(), () => direct()])
    runChecks(
      test,
      linearSolverChecks(make, { symmetric: true }).map((check) => ({ ...check, name: `symmetric, ${check.name}` })),
    )
})

/** A deterministic stand-in for noise, standard normal. */
function normal(seed: number): () => number {
  let state = seed
  const uniform = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648
  return () => Math.sqrt(-2 * Math.log(uniform() + 1e-12)) * Math.cos(2 * Math.PI * uniform())
}
const square = (n: number, entry: (i: number, j: number) => number): Matrix =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => entry(i, j)))

/** `u = v + A u` by Gaussian elimination with partial pivoting: float64, and no code of the library. */
function dense(A: Matrix, v: readonly number[]): number[] {
  const n = v.length
  const rows = A.map((row, i) => [...row.map((a, j) => Number(i === j) - a), v[i]!])
  for (let k = 0; k < n; k++) {
    const p = rows.slice(k).reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? k + i : best), k)
    ;[rows[k], rows[p]] = [rows[p]!, rows[k]!]
    for (let i = k + 1; i < n; i++) {
      const f = rows[i]![k]! / rows[k]![k]!
      for (let j = k; j <= n; j++) rows[i]![j]! -= f * rows[k]![j]!
    }
  }
  const x = Array.from({ length: n }, () => 0)
  for (let i = n - 1; i >= 0; i--) {
    let s = rows[i]![n]!
    for (let j = i + 1; j < n; j++) s -= rows[i]![j]! * x[j]!
    x[i] = s / rows[i]![i]!
  }
  return x
}

/** One system per row: `A_b` in a stack, `u_b ↦ A_b u_b`. */
function solveAll(solver: LinearSolver, systems: readonly Matrix[], v: Matrix, options: LinearOptions) {
  const n = v[0]!.length
  return scoped(() => {
    const stack = tf.tensor3d(systems as number[][][])
    const apply = (u: Vector): Vector => tf.reshape(tf.matMul(stack, tf.reshape(u, [-1, n, 1])), [-1, n]) as Vector
    const { u, ...rest } = solver.solve(apply, tf.tensor2d(v), options)
    return { u: Array.from(u.dataSync()), ...rest }
  })
}
const relativeError = (got: readonly number[], want: readonly number[]): number =>
  Math.hypot(...got.map((x, i) => x - want[i]!)) / Math.hypot(...want)

const n = 100
/** `D W` with `D = diag tanh′`, scaled to spectral radius 0.843: the Jacobian of a tanh layer. */
function tanhJacobian(): Matrix {
  const random = normal(7)
  const W = square(n, () => random() / Math.sqrt(n))
  const slope = Array.from({ length: n }, () => 1 - Math.tanh(0.8 * random()) ** 2)
  const J = W.map((row, i) => row.map((w) => slope[i]! * w))
  // Spectral radius by growth: ‖Jᵏ x‖^(1/k), over 400 steps; a random matrix of this size is known to 1 % then.
  let x = Array.from({ length: n }, random)
  let log = 0
  for (let k = 0; k < 400; k++) {
    x = J.map((row) => row.reduce((s, a, j) => s + a * x[j]!, 0))
    const size = Math.hypot(...x)
    if (k >= 100) log += Math.log(size)
    x = x.map((a) => a / size)
  }
  const radius = Math.exp(log / 300)
  return J.map((row) => row.map((a) => (a * 0.843) / radius))
}
/** Triangular: eigenvalues in `(−0.95, 0.95)`, far from normal. */
function nonNormal(): Matrix {
  const random = normal(11)
  return square(n, (i, j) => (i === j ? 0.95 * Math.cos((Math.PI * (i + 0.5)) / n) : j > i ? 0.1 * random() : 0))
}
/** Jacobi for `−u″ − k² u = f` on 100 points, `k² = 80`: spectral radius 1.003; two eigenvalues of `I − A` are negative. */
function helmholtz(): Matrix {
  const h = 1 / (n + 1)
  const off = 1 / (2 - 80 * h * h)
  return square(n, (i, j) => (Math.abs(i - j) === 1 ? off : 0))
}
const rhs = (seed: number): number[] => Array.from({ length: n }, normal(seed))

const one = (solver: LinearSolver, A: Matrix, v: readonly number[], tolerance: number, maxSteps = 1000) => {
  const found = solveAll(solver, [A], [[...v]], { tolerance, maxSteps })
  return { ...found, error: relativeError(found.u, dense(A, v)), status: found.status![0]! }
}

/*
 * Products to a relative residual, n = 100. In float64 the literature's table goes to 1e-6; in float32 the residual cannot
 * get below about u ‖u‖/‖v‖, which is 6e-6 here for the two hard systems, so they are asked for 1e-4.
 */
describe('products with A, n = 100', () => {
  const figures: string[] = []
  const count = (name: string, f: { steps: number; residual: Float32Array; status: string; error: number }) =>
    figures.push(`${name}: ${f.steps} products, residual ${f.residual[0]!.toExponential(1)}, ${f.status}`)

  test('the Jacobian of a tanh layer, radius 0.843', () => {
    const [A, v] = [tanhJacobian(), rhs(3)]
    const found = {
      gmres: one(gmres(), A, v, 1e-6),
      short: one(gmres({ restart: 30, fallback: 'none' }), A, v, 1e-6),
      bicgstab: one(bicgstab(), A, v, 1e-6),
      neumann: one(neumann(), A, v, 1e-6),
    }
    for (const [name, f] of Object.entries(found)) {
      count(`tanh ${name}`, f)
      expect(f.status).toBe('converged')
      expect(f.error).toBeLessThan(1e-5) // ‖(I − A)⁻¹‖ · 1e-6, and the inverse of this matrix has a norm below 10
    }
    // ln 1e-6 / ln 0.843 = 81 terms; Krylov spaces take about half, one product more measures the answer.
    expect(found.neumann.steps).toBeLessThan(90)
    expect(found.gmres.steps).toBeLessThan(45)
    expect(found.short.steps).toBeLessThan(55)
    expect(found.bicgstab.steps).toBeLessThan(70)
  })
  test('non-normal, radius 0.95: GMRES(30) stalls, BiCGSTAB saves it', () => {
    const [A, v] = [nonNormal(), rhs(3)]
    const stalls = one(gmres({ restart: 30, fallback: 'none' }), A, v, 1e-4, 300)
    const saved = one(gmres({ restart: 30 }), A, v, 1e-4, 300)
    const longer = one(gmres(), A, v, 1e-4, 300)
    count('non-normal gmres(30)', stalls)
    count('non-normal gmres(30) → bicgstab', saved)
    count('non-normal gmres(50)', longer)
    expect(stalls.status).not.toBe('converged')
    expect(stalls.residual[0]).toBeGreaterThan(1e-3)
    expect(saved.status).toBe('converged')
    expect(saved.notes![0]).toMatch(/gmres stalled on 1 of 1 rows after 6\d products; bicgstab took over/)
    expect(longer.status).toBe('converged')
    expect(longer.steps).toBeLessThanOrEqual(n + 2)
    // ‖(I − A)⁻¹‖ ‖v‖ / ‖u‖ · 1e-4 bounds the error; the first factor is below 1e3 for triangular matrices like this one.
    for (const f of [saved, longer]) expect(f.error).toBeLessThan(1e-1 * 1e-4 * 1e3)
  })
  test('indefinite Helmholtz, radius 1.003: GMRES(30) stalls, BiCGSTAB saves it, MINRES needs no help', () => {
    const [A, v] = [helmholtz(), rhs(3)]
    const stalls = one(gmres({ restart: 30, fallback: 'none' }), A, v, 1e-4, 700)
    const saved = one(gmres(), A, v, 1e-4, 1000)
    const symmetric = one(minres(), A, v, 1e-4)
    const exact = one(direct(), A, v, 1e-4)
    count('Helmholtz gmres(30)', stalls)
    count('Helmholtz gmres(50) → bicgstab', saved)
    count('Helmholtz minres', symmetric)
    count('Helmholtz direct', exact)
    expect(stalls.residual[0]).toBeGreaterThan(1e-2)
    expect([saved.status, symmetric.status, exact.status]).toEqual(['converged', 'converged', 'converged'])
    expect(symmetric.steps).toBeLessThan(1.5 * n) // n in exact arithmetic; float32 loses orthogonality
    expect(exact.steps).toBe(n + 1)
    // The error is at most ‖(I − A)⁻¹‖ · 1e-4 · ‖v‖: 1 / min|1 − λ| is about 2000, ‖u‖ about 50 ‖v‖.
    for (const f of [saved, symmetric, exact]) expect(f.error).toBeLessThan((2000 / 50) * 1e-4)
    const grown = one(neumann(), A, v, 1e-4, 1000)
    expect(grown.residual[0]).toBeGreaterThan(1)
    console.log(`[${tf.getBackend()}] ${figures.join('\n')}`)
  })
})

describe('rows', () => {
  const easy = square(n, (i, j) => (i === j ? 0.5 * Math.cos(i) : 0))
  const methods: [string, () => LinearSolver][] = [
    ['gmres', () => gmres()],
    ['gmres(10)', () => gmres({ restart: 10 })],
    ['bicgstab', () => bicgstab()],
    ['direct', () => direct()],
    ['neumann', () => neumann()],
  ]
  for (const [name, make] of methods)
    test(`${name}: easy and hard rows, NaN, zero, each as if alone`, () => {
      const systems = [tanhJacobian(), easy, easy, easy, nonNormal()]
      const v = [rhs(1), rhs(2), rhs(3).map((x, i) => (i === 4 ? Number.NaN : x)), rhs(4).map(() => 0), rhs(5)]
      const options = { tolerance: 1e-3, maxSteps: 700 }
      const together = solveAll(make(), systems, v, options)
      expect(together.status).toEqual(['converged', 'converged', 'non-finite', 'converged', 'converged'])
      expect(together.u.slice(3 * n, 4 * n)).toEqual(v[3])
      for (const b of [0, 1, 4]) {
        const alone = solveAll(make(), [systems[b]!], [v[b]!], options)
        const gap = relativeError(together.u.slice(b * n, (b + 1) * n), alone.u)
        // On wasm a batched product rounds otherwise than a single one: both answers are good to 1e-3, no more is asked.
        expect(gap).toBeLessThanOrEqual(tf.getBackend() === 'cpu' ? 0 : 1e-3)
        expect(Math.abs(together.residual[b]! - alone.residual[0]!)).toBeLessThanOrEqual(
          tf.getBackend() === 'cpu' ? 0 : 1e-3,
        )
      }
    })
  test('gmres: a row that is done takes no more columns, however long the others need', () => {
    // At a tolerance of 0.1 the easy row is done after a few columns; with those of its mate it would be solved to 1e-6.
    const v = [rhs(1), rhs(2)]
    const options = { tolerance: 0.1, maxSteps: 60 }
    const together = solveAll(gmres(), [easy, nonNormal()], v, options)
    const alone = solveAll(gmres(), [easy], [v[0]!], options)
    expect(together.perSampleSteps[1]).toBeGreaterThan(2 * together.perSampleSteps[0]!)
    expect(together.perSampleSteps[0]).toBe(alone.perSampleSteps[0])
    expect(together.u.slice(0, n)).toEqual(alone.u)
    expect(together.residual[0]).toBe(alone.residual[0])
    expect(together.residual[0]).toBeGreaterThan(1e-2)
  })
  test('symmetric methods: rows of different difficulty', () => {
    const spd = square(n, (i, j) => (i === j ? 1 - 10 ** (-2 + (2 * i) / n) : 0)) // κ = 100
    for (const make of [cg, minres]) {
      const v = [rhs(1), rhs(2)]
      const together = solveAll(make(), [easy, spd], v, { tolerance: 1e-5, maxSteps: 300 })
      expect(together.status).toEqual(['converged', 'converged'])
      expect(relativeError(together.u.slice(n), dense(spd, v[1]!))).toBeLessThan(100 * 1e-5)
      // The bound for conjugate gradients: 2 (9/11)ᵏ = 1e-5 / 10 at k = 72; MINRES has the same one, for its residual.
      expect(together.perSampleSteps[1]).toBeLessThan(75)
    }
  })
})

describe('systems that a method cannot do', () => {
  const unit = (i: number, size: number) => Array.from({ length: size }, (_, j) => Number(i === j))
  test('cg says indefinite, and asymmetric; minres asymmetric', () => {
    const indefinite = square(4, (i, j) => (i === j ? [0, 0, 3, 0.5][i]! : 0))
    const skew = square(6, (i, j) => (i === j ? 0 : i < j ? 0.7 : -0.7))
    expect(one(cg(), indefinite, [1, 1, 1, 1], 1e-6).status).toBe('indefinite')
    expect(one(minres(), indefinite, [1, 1, 1, 1], 1e-6)).toMatchObject({ status: 'converged' })
    expect(one(cg(), skew, [1, 2, 0, -1, 1, 3], 1e-6).status).toBe('asymmetric')
    expect(one(minres(), skew, [1, 2, 0, -1, 1, 3], 1e-6).status).toBe('asymmetric')
    expect(one(gmres(), skew, [1, 2, 0, -1, 1, 3], 1e-6).error).toBeLessThan(1e-5)
    expect(one(bicgstab(), skew, [1, 2, 0, -1, 1, 3], 1e-6).error).toBeLessThan(1e-5)
  })
  test('a singular system that has a solution is solved; one that has none ends "stagnated", finite and silent', () => {
    // I − A = diag(0, 1, 0.5, 2): the first component of v must be 0.
    const A = square(4, (i, j) => (i === j ? [1, 0, 0.5, -1][i]! : 0))
    const said: unknown[] = []
    const warn = console.warn
    console.warn = (...args: unknown[]) => said.push(args)
    try {
      for (const make of [gmres, bicgstab, cg, minres, direct]) {
        const solvable = solveAll(make(), [A], [[0, 1, 2, 3]], { tolerance: 1e-5, maxSteps: 40 })
        expect({ [make.name]: solvable.status }).toEqual({ [make.name]: ['converged'] })
        expect(relativeError(solvable.u.slice(1), [1, 4, 1.5])).toBeLessThan(1e-4)
        // BiCGSTAB has no way to tell it from one of its plateaus but to wait.
        const unsolvable = solveAll(make(), [A], [[1, 1, 2, 3]], { tolerance: 1e-5, maxSteps: 400 })
        expect({ [make.name]: unsolvable.status }).toEqual({ [make.name]: ['stagnated'] })
        expect(unsolvable.steps).toBeLessThan(300)
        expect(unsolvable.u.every(Number.isFinite)).toBe(true)
        expect(unsolvable.residual[0]).toBeLessThanOrEqual(1)
      }
    } finally {
      console.warn = warn
    }
    expect(said).toEqual([])
  })
  test('a row of A that is NaN ends "non-finite", though v is finite, and touches no other', () => {
    const [good, bad] = [square(4, (i, j) => (i === j ? 0.3 + 0.1 * i : 0)), square(4, () => Number.NaN)]
    for (const make of [gmres, bicgstab, cg, minres, direct, neumann]) {
      const v = [
        [1, 2, 0, -1],
        [1, 1, 1, 1],
      ]
      const { u, status, residual } = solveAll(make(), [good, bad], v, { tolerance: 1e-5, maxSteps: 100 })
      expect({ [make.name]: status }).toEqual({ [make.name]: ['converged', 'non-finite'] })
      expect(residual[0]).toBeLessThanOrEqual(1e-5)
      expect(residual[1]).toBeNaN()
      expect(relativeError(u.slice(0, 4), dense(good, v[0]!))).toBeLessThan(1e-4)
    }
  })
  test('I − A = 0: nothing to be had, and u stays where it was', () => {
    for (const make of [gmres, bicgstab, cg, minres, direct]) {
      const { u, residual, status } = solveAll(make(), [square(2, (i, j) => Number(i === j))], [[1, 2]], {
        tolerance: 1e-5,
        maxSteps: 20,
      })
      expect({ [make.name]: [u, residual[0], status![0]] }).toEqual({ [make.name]: [[0, 0], 1, 'stagnated'] })
    }
  })
  test('a skew operator, on which plain BiCGSTAB breaks down: (s, (I − A) s) = 0', () => {
    const turn = [
      [1, -1],
      [1, 1],
    ] // I − A = [[0, 1], [−1, 0]]
    for (const make of [gmres, bicgstab, direct]) {
      const found = one(make(), turn, [1, 0], 1e-5, 40)
      if (make === bicgstab) expect(found.status).toBe('stagnated') // said, not hidden
      else expect(found.error).toBeLessThan(1e-6)
    }
  })
  test('direct: a zero on the diagonal, a limit, a budget that is too small', () => {
    const permuted = square(4, (i, j) => Number(i === j) - Number((i + 1) % 4 === j)) // I − A: a cyclic permutation
    expect(one(direct(), permuted, [1, 2, 3, 4], 1e-6, 5)).toMatchObject({ status: 'converged', steps: 5 })
    expect(() => one(direct({ limit: 3 }), permuted, unit(0, 4), 1e-6)).toThrow(/4 × 4 matrix per row; its limit is 3/)
    expect(() => direct({ limit: 0 })).toThrow(/limit/)
    const short = one(direct(), permuted, [1, 2, 3, 4], 1e-6, 4)
    expect(short).toMatchObject({ steps: 0, status: 'max-steps', u: [0, 0, 0, 0] })
    expect(short.residual[0]).toBe(1)
    expect(short.notes![0]).toMatch(/takes 5 products; 4 were left/)
  })
})

test('preconditioners: κ = 1e4 by scaling alone is no work for a diagonal one', () => {
  const diagonal = Array.from({ length: n }, (_, i) => 10 ** (-2 + (4 * i) / n))
  const A = square(n, (i, j) => (i === j ? 1 - diagonal[i]! : Math.abs(i - j) === 1 ? -1e-3 : 0))
  const preconditioner = (r: Vector): Vector => tf.div(r, tf.tensor2d([diagonal])) as Vector
  for (const make of [cg, bicgstab, gmres]) {
    const [plain, helped] = [one(make(), A, rhs(1), 1e-5, 400), one(make({ preconditioner }), A, rhs(1), 1e-5, 400)]
    expect(helped.status).toBe('converged')
    expect({ [make.name]: helped.steps < 30 && helped.steps < plain.steps / 3 }).toEqual({ [make.name]: true })
    expect(helped.error).toBeLessThan(1e-3)
  }
})

describe('tensors', () => {
  const size = 6
  const stall = square(size, (i, j) => Number(i === j) - Number((i + 1) % size === j)) // a shift: GMRES(2) makes no progress
  const solvers: [string, () => LinearSolver][] = [
    ['gmres', () => gmres()],
    ['gmres(2) → bicgstab', () => gmres({ restart: 2 })],
    ['bicgstab', () => bicgstab()],
    ['cg', () => cg()],
    ['minres', () => minres()],
    ['direct', () => direct()],
    ['neumann', () => neumann()],
  ]
  for (const [name, make] of solvers)
    test(`${name}: u is all that is left, whatever the system; nothing after an exception at any product`, () => {
      for (const A of [stall, square(size, (i, j) => Number(i === j)), square(size, (i, j) => (i === j ? 0.5 : 0.1))]) {
        const [m, v] = [tf.tensor2d(A), tf.tensor2d([rhs(1).slice(0, size), rhs(2).slice(0, size)])]
        for (const right of [v, tf.mul(v, 1e-20) as Vector, tf.mul(v, Number.NaN) as Vector]) {
          const before = tf.memory().numTensors
          const { u } = make().solve((w) => tf.tidy(() => tf.matMul(w, m)), right, { tolerance: 1e-6, maxSteps: 40 })
          expect(u.shape).toEqual([2, size])
          u.dispose()
          // `apply` makes tensors that its caller owns: what the solver does with them is what is counted.
          expect(tf.memory().numTensors).toBe(before)
          for (let at = 1; at <= 25; at++) {
            let calls = 0
            const failing = (w: Vector): Vector => {
              if (++calls === at) throw new Error('boom')
              return tf.tidy(() => tf.matMul(w, m))
            }
            let thrown = false
            try {
              make().solve(failing, right, { tolerance: 0, maxSteps: 30 }).u.dispose()
            } catch {
              thrown = true
            }
            expect(thrown).toBe(calls >= at)
            expect(tf.memory().numTensors).toBe(before)
          }
          if (right !== v) right.dispose()
        }
        tf.dispose([m, v])
      }
    })
})
