import * as tf from '@tensorflow/tfjs-core'
import {
  type Csr,
  csrFromTriplets,
  estimateDual,
  evaluator,
  farkas,
  kktError,
  type LinearProgram,
  multiply,
  pdhg,
  polish,
  programInput,
  solveLp,
  startFrom,
  warmStartSavings,
} from '@equilibria/plugin-lp'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { workspace, pdhgStep } from '../../src/pdhg/halpern.ts'
import { emptyState } from '../../src/pdhg/host.ts'
import { prepare } from '../../src/pdhg/prepare.ts'
import { data, dense, random } from './helpers.ts'

/** A program with a known optimal pair: choose y, λ and r with the right signs, then c = Aᵀλ + r. */
const solved = fc
  .record({
    m: fc.integer({ min: 1, max: 6 }),
    n: fc.integer({ min: 1, max: 8 }),
    seed: fc.integer({ min: 1, max: 2 ** 30 }),
  })
  .map(({ m, n, seed }) => {
    let state = seed
    const next = () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
      return state / 0x7fffffff
    }
    const a = Array.from({ length: m }, () => Array.from({ length: n }, () => (next() < 0.5 ? 0 : 2 * next() - 1)))
    const y = Array.from({ length: n }, () => 4 * next() - 2)
    const at = y.map(() => (next() < 0.5 ? 0 : next() < 0.5 ? -1 : 1)) // inside, at lower, at upper
    const lower = y.map((v, j) => (at[j] === -1 ? v : v - 0.5 - next()))
    const upper = y.map((v, j) => (at[j] === 1 ? v : v + 0.5 + next()))
    const press = a.map(() => (next() < 0.5 ? 0 : next() < 0.5 ? -1 : 1))
    const lambda = press.map((s) => s * (0.1 + next()))
    const row = a.map((r) => r.reduce((s, v, j) => s + v * y[j]!, 0))
    const rowLower = row.map((v, i) => (press[i] === 1 ? v : v - 1))
    const rowUpper = row.map((v, i) => (press[i] === -1 ? v : v + 1))
    const c = y.map((_, j) => a.reduce((s, r, i) => s + r[j]! * lambda[i]!, 0) - at[j]! * (0.1 + next()))
    return { program: dense({ c, a, rowLower, rowUpper, lower, upper }), y, lambda, a }
  })

const entry = (a: Csr, i: number, j: number): number => {
  for (let e = a.starts[i]!; e < a.starts[i + 1]!; e++) if (a.indices[e] === j) return a.values[e]!
  return 0
}

describe('laws on programs with a known optimum', () => {
  it('measures 0 there, and stays there', () => {
    fc.assert(
      fc.property(solved, ({ program, y, lambda }) => {
        expect(kktError(evaluator(program), y, lambda).error).toBeLessThan(1e-13) // sums of at most 14 terms of size 10
        tf.tidy(() => {
          const operator = pdhg({ programs: [program], inner: 8 })
          const input = programInput([0])
          const z = startFrom(operator, input, [{ y, dual: lambda }])
          const next = operator.bind(input).apply(z)
          for (const leaf of ['y', 'dual'] as const)
            // values of size 4 in pairs of float32, read back as float32: 2⁻²² absolute
            expect(tf.max(tf.abs(tf.sub(next[leaf] as tf.Tensor, z[leaf]))).dataSync()[0]).toBeLessThan(1e-6)
        })
      }),
      { numRuns: 25 },
    )
  })

  it('finds the optimum, obeys weak duality, and never calls it infeasible', () => {
    fc.assert(
      fc.property(solved, ({ program, y }) => {
        const best = y.reduce((s, v, j) => s + v * program.c[j]!, 0)
        const found = solveLp(program, { tolerance: 1e-7, maxIterations: 100_000 })
        expect(found.status).toBe('optimal')
        // |p − d| ≤ 1e-7 (1 + |p| + |d|), and the optimum lies between them up to the residuals times ‖y‖, ‖λ‖ ≤ 20
        const room = 1e-7 * 50 * (1 + Math.abs(best))
        expect(Math.abs(found.objective - best)).toBeLessThan(room)
        expect(found.kkt.dualObjective).toBeLessThan(best + room)
        expect(farkas(evaluator(program), found.dual)).toBeUndefined()
        found.y.forEach((v, j) => expect(v >= program.lower[j]! && v <= program.upper[j]!).toBe(true))
      }),
      { numRuns: 25 },
    )
  })

  it('does not care about the units of rows and columns', () => {
    fc.assert(
      fc.property(solved, ({ program, a }) => {
        const r = a.map((_, i) => 2 ** ((i % 7) - 3))
        const s = Array.from(program.c, (_, j) => 2 ** ((j % 5) - 2))
        const scaled = dense({
          c: Array.from(program.c, (v, j) => v * s[j]!),
          a: a.map((row, i) => row.map((v, j) => v * r[i]! * s[j]!)),
          rowLower: Array.from(program.rowLower, (v, i) => v * r[i]!),
          rowUpper: Array.from(program.rowUpper, (v, i) => v * r[i]!),
          lower: Array.from(program.lower, (v, j) => v / s[j]!),
          upper: Array.from(program.upper, (v, j) => v / s[j]!),
        })
        const plain = solveLp(program, { tolerance: 1e-7, maxIterations: 100_000 })
        const other = solveLp(scaled, { tolerance: 1e-7, maxIterations: 100_000 })
        expect(other.status).toBe('optimal')
        // optima of both are within 1e-7 · 50 · scale (≤ 8) of the same number
        expect(Math.abs(plain.objective - other.objective)).toBeLessThan(1e-4 * (1 + Math.abs(plain.objective)))
      }),
      { numRuns: 15 },
    )
  })

  it('scales by a norm that is one, and close', () => {
    fc.assert(
      fc.property(solved, ({ program, a }) => {
        const p = prepare(program)
        // Frobenius norm of powers of ÂᵀÂ: tr((ÂᵀÂ)^64)^(1/128) lies between σ and σ · 8^(1/128) = 1.0164 σ
        const n = p.n
        let g = Array.from({ length: n }, (_, j) =>
          Array.from({ length: n }, (_, k) => {
            let s = 0
            for (let i = 0; i < a.length; i++) s += entry(p.rows, i, j) * entry(p.rows, i, k)
            return s
          }),
        )
        const size = g.reduce((s, row, j) => s + row[j]!, 0)
        if (size === 0) return
        g = g.map((row) => row.map((v) => v / size))
        let times = 1
        let scale = Math.log(size)
        for (; times < 64; times *= 2) {
          g = g.map((row) => row.map((_, k) => row.reduce((s, v, l) => s + v * g[l]![k]!, 0)))
          const t = g.reduce((s, row, j) => s + row[j]!, 0)
          scale = 2 * scale + Math.log(t)
          g = g.map((row) => row.map((v) => v / t))
        }
        const above = Math.exp(scale / 128)
        expect(p.norm).toBeGreaterThan(above / 1.0165)
        expect(p.norm).toBeLessThan(above * 1.0051)
      }),
      { numRuns: 100 },
    )
  })

  it('has a plain step whose residual in the P norm never grows', () => {
    fc.assert(
      fc.property(solved, ({ program }) => {
        const p = prepare(program)
        const s = emptyState(p)
        const work = workspace(p)
        const eta = 1 / p.norm
        let last = Number.POSITIVE_INFINITY
        for (let k = 0; k < 60; k++) {
          const now = pdhgStep(p, s, work, eta, eta)
          expect(now).toBeLessThanOrEqual(last * (1 + 1e-9) + 1e-12) // rounding of sums near 0
          last = now
          s.yIterate.set(work.yNext)
          s.dualIterate.set(work.dualNext)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('refuses Farkas candidates on feasible programs, whatever they are', () => {
    fc.assert(
      fc.property(
        solved,
        fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 6, maxLength: 6 }),
        (one, l) => {
          expect(farkas(evaluator(one.program), l.slice(0, one.a.length))).toBeUndefined()
        },
      ),
    )
  })
})

it('estimates a dual from the bounds that a prediction touches', () => {
  const none = Number.NEGATIVE_INFINITY
  const wedge = (c: readonly number[]) =>
    evaluator(
      dense({
        c,
        a: [
          [1, 1],
          [1, 0],
          [0, 1],
        ],
        rowLower: [none, none, none],
        rowUpper: [4, 3, 2],
      }),
    )
  const [one, two, three] = estimateDual(wedge([-1, -2]), [2, 2])
  // exact but for the 1e-6 of regularisation
  expect([one, two, three]).toEqual([expect.closeTo(-1, 4), expect.closeTo(0, 12), expect.closeTo(-1, 4)])
  // costs that would need λ > 0, which presses on lower sides that are not there
  expect(estimateDual(wedge([1, 2]), [2, 2]).some((v) => v !== 0)).toBe(false)
})

describe('farkas', () => {
  const none = Number.NEGATIVE_INFINITY
  const clash: LinearProgram = dense({ c: [0], a: [[1], [1]], rowLower: [2, none], rowUpper: [9, 1] })
  it('accepts the proof and nothing near it', () => {
    // y ≥ 2 and y ≤ 1: λ = (1, −1), v = 2 − 1
    expect(farkas(evaluator(clash), [3, -3])).toMatchObject({ kind: 'farkas', value: 1, violation: 0 })
    // y ≥ 0 has no upper bound: r = −Aᵀλ must not be negative
    expect(farkas(evaluator(clash), [1, -0.999])).toBeUndefined()
    // r = 0.001 presses on y ≥ 0, which is there: a weaker proof, v = 2 · 0.999 − 1
    expect(farkas(evaluator(clash), [0.999, -1])?.value).toBeCloseTo(0.998, 12)
    expect(farkas(evaluator(clash), [-1, 1])).toBeUndefined()
    expect(farkas(evaluator(clash), [0, 0])).toBeUndefined()
    expect(farkas(evaluator(clash), [Number.NaN, 1])).toBeUndefined()
  })

  it('is not fooled by units: y = 1e12 is feasible where 1e-12 y = 1', () => {
    const far = dense({ c: [1], a: [[1e-12]], rowLower: [1], rowUpper: [1] })
    expect(farkas(evaluator(far), [1])).toBeUndefined()
    // two rows that are nearly parallel: y₁ = 1e9 (1 − 1e-9), y₂ = −1e9
    const steep = dense({
      c: [0, 0],
      a: [
        [1, -1],
        [1, -1 + 1e-9],
      ],
      rowLower: [1, 0],
      rowUpper: [1, 0],
      lower: [none, none],
    })
    expect(farkas(evaluator(steep), [1, -1])).toBeUndefined()
    // and a true clash is seen in any units
    const small = dense({ c: [0], a: [[1e-12], [1e-12]], rowLower: [2, none], rowUpper: [9, 1] })
    expect(farkas(evaluator(small), [1, -1])).toMatchObject({ value: 1, violation: 0 })
  })

  it('never condemns a feasible program without upper bounds, its answers up to 1e14', () => {
    let state = 999
    const next = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff
    for (let k = 0; k < 30; k++) {
      const [m, n] = [1 + Math.floor(next() * 8), 1 + Math.floor(next() * 10)]
      const unit = Array.from({ length: n }, () => 10 ** (next() * 6 - 14))
      const a = Array.from({ length: m }, () => unit.map((u) => (next() < 0.6 ? next() - 0.5 : 0) * u))
      const y = unit.map((u) => (next() < 0.3 ? 0 : next() / u))
      const at = a.map((row) => row.reduce((s, v, j) => s + v * y[j]!, 0))
      const side = at.map(() => next())
      const rowLower = at.map((v, i) => (side[i]! < 0.7 ? v : none))
      const rowUpper = at.map((v, i) => (side[i]! < 0.4 || side[i]! >= 0.7 ? v : Number.POSITIVE_INFINITY))
      const c = unit.map((u) => next() * u) // positive, on y ≥ 0: bounded
      const found = solveLp(dense({ c, a, rowLower, rowUpper }), { maxIterations: 1000, tolerance: 1e-7 })
      expect(['optimal', 'iteration-limit']).toContain(found.status)
    }
  })
})

describe.skipIf(!data)('random LPs with HiGHS labels', () => {
  const some = data ? random('test', 40) : []
  it('are fixed points and optimal at their labels', () => {
    tf.tidy(() => {
      const programs = some.map((s) => s.program)
      const operator = pdhg({ programs, inner: 8 })
      const input = programInput(programs.map((_, k) => k))
      const z = startFrom(operator, input, some)
      some.forEach((s) => expect(kktError(evaluator(s.program), s.y, s.dual).error).toBeLessThan(1e-12))
      const next = operator.bind(input).apply(z)
      const moved = tf.div(tf.norm(tf.sub(next.y as tf.Tensor, z.y), 2, 1), tf.norm(z.y, 2, 1)).dataSync()
      moved.forEach((v) => expect(v).toBeLessThan(1e-6)) // float32: 2⁻²⁴ relative per entry
    })
  })

  it('are solved to their labels', () => {
    for (const { program, y, objective } of some.slice(0, 15)) {
      const found = solveLp(program, { tolerance: 1e-9, maxIterations: 500_000 })
      expect(found.status).toBe('optimal')
      expect(Math.abs(found.objective - objective)).toBeLessThan(1e-7) // 1e-9 (1 + |p| + |d|) plus residuals · ‖λ‖
      const scale = 1 + Math.hypot(...y)
      // the optimum is unique, but reduced costs can be as small as 1e-4: the error of y is a multiple of the gap's
      expect(Math.hypot(...found.y.map((v, j) => v - y[j]!)) / scale).toBeLessThan(1e-3)
    }
  })

  it('are recognised when infeasible', () => {
    for (const { program } of random('test_infeasible', 15)) {
      const found = solveLp(program)
      expect(found.status).toBe('infeasible')
      expect(farkas(evaluator(program), found.certificate!.vector)).toBeDefined()
    }
  })

  it('gain from a polish, and from a warm start', () => {
    const some = random('test', 12)
    const programs = some.map((s) => s.program)
    // 5 % of 1 + ‖y‖, in a fixed direction per entry
    const guesses = some.map(({ y }) => {
      const size = (0.05 * (1 + Math.hypot(...y))) / Math.sqrt(y.length)
      return { y: y.map((v, j) => v + (j % 2 === 0 ? size : -size)) }
    })
    const polished = polish(programs, guesses, { steps: 100 })
    const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length
    expect(Math.max(...polished.map((p) => p.steps))).toBeLessThanOrEqual(100)
    expect(mean(polished.map((p) => p.after.primal))).toBeLessThan(0.1 * mean(polished.map((p) => p.before.primal)))
    const error = (y: Float64Array, k: number) => Math.hypot(...y.map((v, j) => v - some[k]!.y[j]!))
    expect(mean(polished.map((p, k) => error(p.y, k)))).toBeLessThan(mean(guesses.map((g, k) => error(g.y, k))))
    const savings = warmStartSavings(programs, guesses)
    expect(savings.unfinished).toEqual({ cold: 0, warm: 0 })
    expect(savings.warmSteps.mean).toBeLessThan(savings.coldSteps.mean)
    expect(savings.savedShare).toBeCloseTo(1 - savings.warmSteps.mean / savings.coldSteps.mean, 12)
    const exact = warmStartSavings(programs, some)
    expect(exact.warmSteps.mean).toBe(0) // a label is optimal as it is
    expect(exact.savedShare).toBe(1)
  })
})

it('helpers: rows of the matrix are what they were', () => {
  const a = csrFromTriplets({ rows: 2, columns: 2, row: [0, 1], column: [1, 0], value: [2, 3] })
  expect(Array.from(multiply(a, [1, 10]))).toEqual([20, 3])
})
