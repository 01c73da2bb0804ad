import * as tf from '@tensorflow/tfjs-core'
import type { Loose, Operator, Sample } from '@equilibria/spec'

/** A problem whose answer is known in float64. State and parameters are `[batch, …]`, one row per sample. */
export interface ZooProblem extends Sample<tf.Tensor2D, tf.Tensor2D> {
  readonly name: string
  /** Where the answer comes from: a formula, or a value of the truth data. */
  readonly source: string
  /** Largest `|λ|` of `∂G/∂z` at the answers, over the samples. */
  readonly radius: number
  /**
   * What Picard does from the start: `contractive` (a norm shrinks at every step), `converges` (in the end), or `fails`.
   */
  readonly picard: 'contractive' | 'converges' | 'fails'
  /** Answers, `[batch, n]`, float64. */
  readonly answers: readonly (readonly number[])[]
  /** Further fixed points, laid out like `answers`: a solver that ends at one of them has solved the problem as well. */
  readonly also?: readonly (readonly (readonly number[])[])[] | undefined
  /** Largest error allowed once the relative residual is `1e-6`. */
  readonly tolerance: number
}

/** Everything a zoo problem needs beyond the obvious is filled in here. */
export function zooProblem(parts: {
  readonly name: string
  readonly summary: string
  readonly source: string
  readonly radius: number
  readonly picard: ZooProblem['picard']
  /** One row per sample. */
  readonly parameters: readonly (readonly number[])[]
  readonly answers: readonly (readonly number[])[]
  readonly also?: ZooProblem['also'] | undefined
  /** Amplification from residual to error, `‖(I − J)⁻¹‖`, over the samples: the tolerance follows. */
  readonly resolvent: number
  readonly lipschitz?: number
  readonly start?: (x: tf.Tensor2D) => tf.Tensor2D
  /** Default `400`. */
  readonly maxSteps?: number
  /** Matrices of the map, made once per binding. */
  readonly constants?: () => readonly tf.Tensor2D[]
  readonly apply: (z: tf.Tensor2D, x: tf.Tensor2D, constants: readonly tf.Tensor2D[]) => Loose<tf.Tensor2D>
}): ZooProblem {
  const size = parts.answers[0]!.length
  const largest = Math.max(1, ...parts.answers.map((row) => Math.hypot(...row)))
  const start = parts.start ?? ((x: tf.Tensor2D) => tf.zeros<tf.Rank.R2>([x.shape[0], size]))
  const operator = (): Operator<tf.Tensor2D, tf.Tensor2D> => ({
    kind: 'operator',
    spec: 1,
    name: parts.name,
    traits: parts.lipschitz === undefined ? {} : { lipschitz: parts.lipschitz },
    bind: (x) => {
      const constants = parts.constants?.() ?? []
      return { initial: () => start(x), apply: (z) => parts.apply(z, x, constants) }
    },
  })
  return {
    ...parts,
    operator,
    input: () => tf.tensor2d(parts.parameters as number[][]),
    expected: () => tf.tensor2d(parts.answers as number[][]),
    // Residual 1e-6 · ‖z‖ plus a few float32 roundings of z (4 · 2⁻²⁴ ≈ 2.4e-7), amplified; twice, for the curvature.
    tolerance: 2 * (1e-6 + 4 * 2 ** -24) * parts.resolvent * largest,
    maxSteps: parts.maxSteps ?? 400,
    // A finite difference of width 1e-2 says nothing where answers bend that fast.
    differentiable: parts.resolvent <= 10,
  }
}

/** Largest error of an entry, row by row against the nearest of the known fixed points. */
export function zooError(problem: Pick<ZooProblem, 'answers' | 'also'>, state: tf.Tensor): number {
  const values = state.dataSync()
  const size = problem.answers[0]!.length
  const gaps = problem.answers.map((_, b) =>
    Math.min(
      ...[problem.answers, ...(problem.also ?? [])].map((known) =>
        Math.max(...known[b]!.map((v, i) => gap(values[b * size + i]!, v))),
      ),
    ),
  )
  return Math.max(...gaps)
}
const gap = (a: number, b: number): number => (Number.isFinite(a) ? Math.abs(a - b) : Number.POSITIVE_INFINITY)

/** Column `i` of the parameters, `[batch, 1]`. */
export const parameter = (x: tf.Tensor2D, i: number): tf.Tensor2D => tf.slice(x, [0, i], [-1, 1])

/** A root of `f` between `low` and `high`, where it changes sign: bisection in float64, unrelated to any solver here. */
export function bisect(f: (z: number) => number, low: number, high: number): number {
  const rising = f(high) > 0
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2
    if (f(middle) > 0 === rising) high = middle
    else low = middle
  }
  return (low + high) / 2
}
