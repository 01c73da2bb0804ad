import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree, Vector } from '@equilibria/spec'
import { requireWhole } from '@equilibria/core'
import { offTape, scoped } from '@equilibria/tensor'
import { type AtState, atState, type Source } from './frozen.ts'
import type { Regularization } from './jacobian.ts'
import { checkProbes, probe } from './probes.ts'

export interface SpectralRegularizationOptions {
  /** Power steps before, which no gradient sees. Default `10`. */
  readonly steps?: number
  /** Steps over which the growth is measured, with a gradient. Default `2`. */
  readonly recorded?: number
  /** The same start on every call. Left out: a new one. */
  readonly seed?: number
}

/** Squares below this count as 0: their roots would have no derivative. */
const TINY = 1e-30

/**
 * An estimate of the spectral radius `ρ(J)` per sample, `J = ∂G/∂z` at a state, to be kept small in training.
 *
 * A random `v` is turned towards the dominant subspace by `steps` power steps `v ← Jᵀv / ‖Jᵀv‖`, which no gradient sees;
 * then the growth over `m = recorded` steps, `‖(Jᵀ)ᵐ v‖^(1/m)`, is the estimate, and has a gradient. Its error falls like
 * the power method's, `|λ₂/λ₁|^steps`; on a complex pair of eigenvalues the growth of single steps goes up and down, and
 * its mean over `m` steps tends to `ρ` like `1/m`. (A Rayleigh quotient tends to `Re λ` there, and one product with a
 * random unit vector measures `‖J‖_F² / n`.)
 *
 * The gradient is that of the growth from a fixed `v`: that of `ρ` for normal `J`; for others it tends to it as
 * `recorded` grows. Use it where `‖J‖_F` is far above `ρ` and `jacobianRegularization` would punish too much; not to
 * certify anything: a power method may miss what its start misses.
 *
 * @cost 1 evaluation of `G`, `steps + recorded` vector–Jacobian products; in the backward pass about
 * `2 · recorded`
 * @throws EquilibriaError as `jacobianRegularization`
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator } from '@equilibria/core'
 * import { spectralRegularization } from '@equilibria/implicit-diff'
 *
 * const A = tf.tensor2d([[0.9, 0], [5, 0.1]]) // ρ = 0.9, ‖A‖_F = 5.1
 * const operator = defineOperator({ name: 'linear', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.matMul(z, A), x) })
 * const x = tf.ones([1, 2]) as tf.Tensor2D
 * console.log(spectralRegularization(operator, { state: x }, x, { seed: 1 }).mean.dataSync()) // [0.9]
 * ```
 */
export function spectralRegularization<S extends TensorTree, X extends TensorTree>(
  source: Source<S, X>,
  solution: AtState<S>,
  input: X,
  { steps = 10, recorded = 2, seed }: SpectralRegularizationOptions = {},
): Regularization {
  requireWhole('spectralRegularization({ steps })', steps, 0)
  requireWhole('spectralRegularization({ recorded })', recorded, 1)
  checkProbes('spectralRegularization', 'gaussian', seed)
  return atState('spectralRegularization()', source, solution, input, ({ value, aside, seen }) => {
    const start = offTape(() =>
      scoped(() => {
        let v = unit(probe(value.shape, 'gaussian', seed, 0))
        for (let k = 0; k < steps; k++) v = unit(aside(v))
        return v
      }),
    )
    let w = start
    for (let k = 0; k < recorded; k++) w = seen(w)
    const perSample = tf.pow(tf.maximum(tf.sum(tf.square(w), 1), TINY), 1 / (2 * recorded)) as tf.Tensor1D
    return { perSample, mean: tf.mean(perSample) as tf.Scalar }
  })
}

/** Rows of length 1; a row of zeros stays. The largest entry goes first, so that squares stay in range. */
function unit(v: Vector): Vector {
  const largest = tf.maximum(tf.max(tf.abs(v), 1, true), TINY)
  const safe = tf.div(v, largest)
  return tf.div(safe, tf.maximum(tf.norm(safe, 2, 1, true), TINY)) as Vector
}
