import type { GradientMode } from '@equilibria/spec'
import { requireWhole } from '@equilibria/core'
import { truncated } from './phantom.ts'

export interface TruncatedUnrolledOptions {
  /** `k`: how many steps of `G` are differentiated. Default `8`. */
  readonly steps?: number
}

/**
 * Truncated backpropagation through depth: the solve is not recorded, then `k` plain steps of `G` are, from where it ended.
 *
 * With `T` steps in the solve the value is the state after `T + k` steps, and its derivative is taken with the state after
 * `T` as a constant: `∂z_{T+k}/∂θ = Σ_{i<k} J_{T+k−1} … J_{T+k−i} ∂G/∂θ`. For `T + k` steps in all, ask the solve for `T`; without a tape
 * there are no further steps, so ask for `T + k` at inference where the depth is fixed.
 * At an equilibrium with multiplier `a` it is `1 − aᵏ` of the exact gradient, as `neumannGradient({ terms: k })`; away from one, as in
 * looped transformers that stop early, every Jacobian is taken where its step began, so that it is the gradient of what
 * was computed. The bias stays where `μ` is near 1.
 *
 * @cost `k` recorded evaluations more than the solve, memory of `k` evaluations
 * @throws EquilibriaError `option` on `steps` that is not a whole number ≥ 1; `gradient` where a second derivative is asked
 * @cite geiping2025
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { picard } from '@equilibria/solvers'
 * import { truncatedUnrolled } from '@equilibria/implicit-diff'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const layer = equilibrium(half, { solver: picard(), gradient: truncatedUnrolled({ steps: 2 }), tolerance: 0 })
 * const slope = tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D, { steps: 10 }).state))(tf.ones([1, 2]))
 * console.log(slope.dataSync()) // [1.5, 1.5]: 1 + 1/2, the last 2 of 12 steps
 * ```
 */
export function truncatedUnrolled({ steps = 8 }: TruncatedUnrolledOptions = {}): GradientMode {
  requireWhole('truncatedUnrolled({ steps })', steps, 1)
  return truncated(`truncated unrolling(k=${steps})`, steps, 1)
}
