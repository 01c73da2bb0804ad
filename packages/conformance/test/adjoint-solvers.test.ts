import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BackwardStats, GradientMode, LinearSolver, Solver } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import {
  anderson,
  andersonI,
  auto,
  bestSoFar,
  broyden,
  chebyshev,
  damped,
  halpern,
  levenbergMarquardt,
  minimalPolynomial,
  newtonKrylov,
  peacemanRachford,
  picard,
  pseudoTransient,
  reducedRank,
  safeguarded,
  vectorEpsilon,
} from '@equilibria/solvers'
import { direct, gmres } from '@equilibria/solvers/linear'
import { autoGradient, equilibriumJvp, implicit, type ImplicitOptions } from '@equilibria/implicit-diff'
import { type Rows, solveDense } from './deriv-support.ts'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => {
  vi.restoreAllMocks()
  expect(tf.memory().numTensors).toBe(before)
})

/** `ρ = 0.53`; `ρ = 1.2`, which Picard cannot solve; and `I − A` singular along (1, −1, 0). */
const contraction = [[0.5, 0.3, 0], [-0.2, 0.4, 0.1], [0.1, 0, 0.3]] // prettier-ignore
const expansive = [[1.5, 0.3, 0], [-2, -0.4, 0.1], [0.1, 4, 0.3]] // prettier-ignore
const singular = [[0.5, -0.5, 0], [-0.5, 0.5, 0], [0, 0, 0.3]] // prettier-ignore
const V = [
  [1, 2, -1],
  [0.01, 0, 0],
]

const transposed = (A: Rows): number[][] => A.map((_, i) => A.map((row) => row[i]!))
const adjointOf = (A: Rows, v: readonly number[]): number[] =>
  solveDense(
    transposed(A).map((row, i) => row.map((a, j) => Number(i === j) - a)),
    v,
  )

/** The gradient of `⟨v, z⟩` in `x` where `z = A z + x`: the adjoint itself; and what its residual is, in float64. */
function adjoint(A: Rows, options: ImplicitOptions | { readonly gradient: GradientMode }, V_ = V, rowwise = true) {
  const seen: BackwardStats[] = []
  const u = tf.tidy(() => {
    const matrix = tf.tensor2d(A as number[][])
    const v = tf.tensor2d(V_)
    const affine = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'affine',
      traits: { rowwise },
      initial: (x) => tf.zerosLike(x),
      apply: (z, x) => (rowwise ? tf.add(tf.matMul(z, matrix, false, true), x) : tf.add(tf.matMul(matrix, z), x)),
    })
    const layer = equilibrium(affine, {
      solver: anderson(),
      gradient: 'gradient' in options ? options.gradient : implicit(options),
      maxSteps: 60,
    })
    const loss = (x: tf.Tensor) =>
      tf.sum(tf.mul(v, layer.solve(x as tf.Tensor2D, { onBackward: (s) => seen.push(s) }).state))
    return tf.grad(loss)(tf.onesLike(v)).arraySync() as number[][]
  })
  const residual = u.map((row, b) => {
    const r = V_[b]!.map((v, i) => v - row[i]! + A.reduce((s, line, j) => s + line[i]! * row[j]!, 0))
    return Math.hypot(...r) / Math.hypot(...V_[b]!)
  })
  return { u, residual, stats: seen[0]! }
}
const error = (got: Rows, want: Rows): number =>
  Math.max(...got.map((row, b) => Math.hypot(...row.map((x, i) => x - want[b]![i]!)) / Math.hypot(...want[b]!)))

type Named = readonly (readonly [string, () => Solver])[]
const everywhere: Named = [
  ['anderson', () => anderson()],
  ['andersonI', () => andersonI()],
  ['auto', () => auto()],
  ['bestSoFar(anderson)', () => bestSoFar(anderson())],
  ['broyden', () => broyden()],
  ['damped(anderson)', () => damped(anderson(), 0.5)],
  ['levenbergMarquardt', () => levenbergMarquardt()],
  ['minimalPolynomial', () => minimalPolynomial()],
  ['newtonKrylov', () => newtonKrylov()],
  ['newtonKrylov(gmres)', () => newtonKrylov({ direct: 0 })],
  ['pseudoTransient', () => pseudoTransient()],
  ['reducedRank', () => reducedRank()],
  ['safeguarded(anderson)', () => safeguarded(anderson())],
  ['vectorEpsilon', () => vectorEpsilon()],
  ['picard, then anderson', () => ({ ...picard(), after: { solver: anderson() } })],
]
const contractions: Named = [
  ['picard', () => picard()],
  ['halpern', () => halpern()],
  ['chebyshev', () => chebyshev({ radius: 0.6 })],
  ['broyden(armijo)', () => broyden({ lineSearch: 'armijo' })],
]

describe('any fixed-point solver solves the adjoint', () => {
  // A residual of 1e-5 of ‖v‖, times ‖(I − A)⁻¹‖: below 3 and 12.
  test.each([...everywhere, ...contractions])('%s: of a contraction', (_, make) => {
    const { u, stats } = adjoint(contraction, { solver: make(), maxSteps: 200, onFailure: 'throw' })
    expect(stats.perSample.status).toEqual(['converged', 'converged'])
    expect(error(u, V.map((v) => adjointOf(contraction, v)))).toBeLessThan(5e-5) // prettier-ignore
  })
  test.each(everywhere)('%s: of an expansive map', (_, make) => {
    const { u, stats } = adjoint(expansive, { solver: make(), maxSteps: 200, onFailure: 'throw' })
    expect(stats.converged).toBe(true)
    expect(error(u, V.map((v) => adjointOf(expansive, v)))).toBeLessThan(2e-4) // prettier-ignore
  })
  test.each(everywhere)('%s: rows that move each other are one system', (_, make) => {
    const v = [[1], [2], [-1]]
    const { u } = adjoint(contraction, { solver: make(), maxSteps: 200, onFailure: 'throw' }, v, false)
    expect(error([u.flat()], [adjointOf(contraction, v.flat())])).toBeLessThan(5e-5)
  })
})

describe('what is reported is true of the adjoint that is used', () => {
  test.each([...everywhere, ...contractions])('%s, out of steps', (name, make) => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    for (const A of [contraction, expansive, singular])
      for (const maxSteps of [1, 3, 30]) {
        const { u, residual, stats } = adjoint(A, { solver: make(), maxSteps })
        expect(u.flat().every(Number.isFinite) || /picard$|halpern|chebyshev|armijo/.test(name)).toBe(true)
        stats.perSample.residual.forEach((said, b) => {
          // The product and the sum of it in float32, where |u| may be above |v|.
          const rounding = (1e-6 * Math.hypot(...u[b]!)) / Math.hypot(...V[b]!)
          if (Number.isFinite(said)) expect(Math.abs(said - residual[b]!)).toBeLessThan(1e-6 + 1e-5 * said + rounding)
          // An enormous u has a small residual where I − A is singular, and is not called an answer.
          expect(stats.perSample.status[b] === 'converged').toBe(A !== singular && said <= 1e-5)
        })
      }
  })
  test('a best state found on the way: its residual, not that of the last state', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const solver = bestSoFar(picard())
    const { residual, stats } = adjoint(expansive, { solver, maxSteps: 12 })
    stats.perSample.residual.forEach((said, b) => expect(said / residual[b]!).toBeCloseTo(1, 4))
    const last = adjoint(expansive, { solver: picard(), maxSteps: 12 }).residual
    expect(last.some((r, b) => r > 1.2 * residual[b]!)).toBe(true)
  })
  test('a singular system ends in a status under auto, whatever it tries', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const { stats } = adjoint(singular, { solver: auto(), maxSteps: 400 })
    expect(stats.converged).toBe(false)
    for (const s of stats.perSample.status) expect(s).toMatch(/stagnated|max-steps|diverged/)
  })
  test('steps are products: Newton takes several each, and one more measures a best state', () => {
    let products = 0
    const counted = tf.customGrad((t: unknown) => ({
      value: tf.clone(t as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => {
        products++
        return tf.clone(dy)
      },
    }))
    for (const make of [picard, anderson, broyden, newtonKrylov, auto] as const)
      tf.tidy(() => {
        const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'counted',
          initial: (x) => tf.zerosLike(x),
          apply: (z, x) => tf.add(tf.mul(counted(z), 0.5), x),
        })
        let [at, said] = [0, 0]
        const gradient = implicit({ solver: make() })
        const layer = equilibrium(operator, { solver: picard(), gradient })
        tf.grad((x) => {
          const onBackward = ({ steps }: BackwardStats) => ([at, said] = [products, steps])
          const { state } = layer.solve(x as tf.Tensor2D, { onBackward })
          products = 0
          return tf.sum(state)
        })(tf.ones([2, 3]))
        expect(said, make.name).toBe(at)
      })
  })
  test('forward mode and second derivatives by Newton: products with J and Jᵀ change places', () => {
    tf.tidy(() => {
      const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'tanh',
        initial: (x) => tf.zerosLike(x),
        apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, tf.tensor2d(contraction)), x)),
      })
      const run = { solver: anderson(), tolerance: 1e-6 }
      const x = tf.tensor2d([[0.3, -0.5, 1]])
      const twice = (solver: ImplicitOptions['solver']) => {
        const layer = equilibrium(operator, {
          ...run,
          gradient: implicit({ solver, onFailure: 'throw', tolerance: 1e-6 }),
        })
        const first = (t: tf.Tensor) => tf.grad((s: tf.Tensor) => tf.sum(layer.solve(s as tf.Tensor2D).state))(t)
        const second = tf.grad((t: tf.Tensor) => tf.sum(tf.square(first(t))))(x)
        const { tangent } = equilibriumJvp(layer, x, tf.tensor2d([[1, -1, 2]]), { solver, tolerance: 1e-6 })
        return [second, tangent].map((t) => t.arraySync() as number[][])
      }
      const want = twice(gmres())
      for (const solver of [newtonKrylov(), levenbergMarquardt(), auto()])
        twice(solver).forEach((got, i) => expect(error(got, want[i]!)).toBeLessThan(2e-5))
    })
  })
  test('a method for operators with parts says what is missing', () => {
    const x = tf.ones([1, 1]) as tf.Tensor2D
    const half = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'half',
      initial: (t) => tf.zerosLike(t),
      apply: (z, t) => tf.add(tf.mul(z, 0.5), t),
    })
    const layer = equilibrium(half, { solver: picard(), gradient: implicit({ solver: peacemanRachford() }) })
    expect(() => tf.grad((t) => tf.sum(layer.solve(t as tf.Tensor2D).state))(x)).toThrow(/offers no splitting/)
    x.dispose()
  })
})

describe('autoGradient keeps what is best', () => {
  const V1 = [[1, 2, -1]]
  const bad = (factor: number): LinearSolver => ({
    ...gmres(),
    name: 'bad',
    solve(apply, v, options) {
      // The answer, off by so much of v: a residual of about |factor|, told as it is.
      const { u, steps } = gmres().solve(apply, v, { ...options, maxSteps: 50 })
      const off = tf.add(u, tf.mul(v, factor)) as tf.Tensor2D
      const r = tf.sub(tf.add(v, apply(off)), off)
      const size = (t: tf.Tensor) => tf.norm(t, 2, 1).dataSync()
      const [left, right] = [size(r), size(v)]
      const residual = Float32Array.from(left, (x, b) => x / right[b]!)
      return { u: off, steps: steps + 1, residual, perSampleSteps: new Int32Array(v.shape[0]).fill(steps + 1) }
    },
  })
  const found = (krylov: LinearSolver, backup: LinearSolver) =>
    adjoint(expansive, { gradient: autoGradient({ krylov, backup }) }, V1)
  test('a backup that does worse changes nothing; one that does better is used', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const [worse, better] = [found(bad(0.01), bad(3)), found(bad(3), bad(0.01))]
    for (const { residual, stats } of [worse, better]) {
      expect(stats.perSample.residual[0]).toBeCloseTo(residual[0]!, 4)
      expect(residual[0]).toBeLessThan(0.1)
    }
  })
  test('a system that is written out takes as many products as it has equations, and two: else Krylov', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const mode = (maxSteps: number) =>
      adjoint(expansive, { gradient: autoGradient({ krylov: gmres(), direct: direct(), maxSteps }) }, V1).stats.mode
    expect([mode(5), mode(4)]).toEqual(['auto(direct)', 'auto(gmres)'])
  })
})

describe('in a tangent space', () => {
  const chain = defineOperator<tf.Tensor2D, { Q: tf.Tensor2D }>({
    name: 'chain',
    initial: () => tf.fill([1, 3], 1 / 3),
    apply: (p, { Q }) => tf.matMul(p, Q),
  })
  const Q = [[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0.1, 0.3, 0.6]] // prettier-ignore
  const tangent = (u: tf.Tensor2D) => tf.sub(u, tf.mean(u, 1, true)) as tf.Tensor2D
  const slope = (solver: ImplicitOptions['solver']) => {
    const gradient = implicit({ solver, tangent, onFailure: 'throw' })
    const layer = equilibrium(chain, { solver: picard(), gradient, tolerance: 1e-7, maxSteps: 200 })
    return (at: tf.Tensor) =>
      tf.grad((q: tf.Tensor) => tf.sum(tf.mul(layer.solve({ Q: q as tf.Tensor2D }).state, tf.tensor1d([1, 2, 4]))))(at)
  }
  test('methods that take derivatives are exact too', () =>
    tf.tidy(() => {
      const want = slope(gmres())(tf.tensor2d(Q)).arraySync() as number[][]
      for (const solver of [newtonKrylov(), newtonKrylov({ direct: 0 }), levenbergMarquardt(), auto()])
        expect(error(slope(solver)(tf.tensor2d(Q)).arraySync() as number[][], want), solver.name).toBeLessThan(1e-4)
    }))
  test('second derivatives are refused', () =>
    tf.tidy(() => {
      expect(() => tf.grad((q: tf.Tensor) => tf.sum(tf.square(slope(gmres())(q))))(tf.tensor2d(Q))).toThrow(
        /in a tangent space was asked for a second derivative/,
      )
    }))
})
