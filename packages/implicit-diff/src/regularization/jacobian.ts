import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'
import { requireWhole } from '@equilibria/core'
import { type AtState, atState, type Source } from './frozen.ts'
import { checkProbes, probe, type ProbeDistribution } from './probes.ts'

export interface JacobianRegularizationOptions {
  /** Random probes to average over. Default `1`. */
  readonly samples?: number
  /** Default `rademacher`: never more variance than `gaussian`. */
  readonly distribution?: ProbeDistribution
  /** The same probes on every call. Left out: new ones, as training wants. */
  readonly seed?: number
}

/** A quantity per sample, `[batch]`, and its mean over the batch: add a multiple of it to the loss. Both owned by the caller. */
export interface Regularization {
  readonly perSample: tf.Tensor1D
  readonly mean: tf.Scalar
}

/**
 * Jacobian regularisation: an unbiased estimate of `‖J‖_F² / n` per sample, `J = ∂G/∂z` at a state, `n` its size.
 *
 * Hutchinson: with `E[v vᵀ] = I`, `E ‖Jᵀv‖² = ‖J‖_F²`. The variance of one probe is `2 ‖JJᵀ‖_F²` for Gaussian ones and
 * `2 (‖JJᵀ‖_F² − Σ (JJᵀ)ᵢᵢ²)` for signs (both over `n²` here), divided by `samples`. Keeps an equilibrium model
 * contractive while it trains: `ρ(J) ≤ ‖J‖₂ ≤ ‖J‖_F`. A weight of 0.1 to 3, on some of the steps only, is usual.
 *
 * Inside a gradient the result has one: in the parameters, in the input, and through the state where that is on the
 * tape, so that the gradient is the whole one. To hold `z*` fixed, as is common and cheaper, pass a state that was solved
 * off the tape (`offTape` in `@equilibria/tensor`). Any gradient mode will do. `traits.rowwise: false`: the rows share
 * one `J`, and only their sum means something.
 *
 * When not to use it: as a bound on `ρ(J)`, which may be `√n` times smaller than `‖J‖_F`; see `spectralRegularization`.
 *
 * @cost 1 evaluation of `G`, and 1 vector–Jacobian product per probe; in the backward pass about twice that
 * @throws EquilibriaError `gradient` inside a gradient without `@equilibria/tensor/gradients` (stock tfjs would be
 * silently wrong), or when the gradient of an op has no gradient; `option` on settings that are not usable; `shape` when
 * the state is not one of the operator
 * @cite hutchinson1990, bai2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator } from '@equilibria/core'
 * import { jacobianRegularization } from '@equilibria/implicit-diff'
 *
 * const operator = defineOperator({ name: 'scaled', initial: (a: tf.Tensor2D) => tf.zeros([a.shape[0], 2]) as tf.Tensor2D, apply: (z, a) => tf.mul(z, a) })
 * const a = tf.tensor2d([[0.5], [-3]]) // J = a I: ‖J‖_F² / 2 = a², which signs hit exactly
 * const { perSample } = jacobianRegularization(operator, { state: tf.ones([2, 2]) as tf.Tensor2D }, a)
 * console.log(perSample.dataSync()) // [0.25, 9]
 * ```
 */
export function jacobianRegularization<S extends TensorTree, X extends TensorTree>(
  source: Source<S, X>,
  solution: AtState<S>,
  input: X,
  { samples = 1, distribution = 'rademacher', seed }: JacobianRegularizationOptions = {},
): Regularization {
  requireWhole('jacobianRegularization({ samples })', samples, 1)
  checkProbes('jacobianRegularization', distribution, seed)
  return atState('jacobianRegularization()', source, solution, input, ({ value, seen }) => {
    const squares = Array.from({ length: samples }, (_, i) =>
      tf.sum(tf.square(seen(probe(value.shape, distribution, seed, i))), 1),
    )
    const perSample = tf.div(tf.addN(squares), samples * value.shape[1]) as tf.Tensor1D
    return { perSample, mean: tf.mean(perSample) as tf.Scalar }
  })
}
