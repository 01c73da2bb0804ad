import type * as tf from '@tensorflow/tfjs-core'

/**
 * A batch of linear programs in the paper's form, `min cᵀy` subject to `A y ∘ b`, `lower ≤ y ≤ upper` with `∘` either
 * `=` or `≤`, as bipartite graphs between `m` constraints and `n` variables with `E` edges each. Every leaf is
 * `[batch, …]`; smaller programs are padded with edges of value 0, rows `0 ≤ 0` and variables fixed at 0.
 */
export type LpInput = {
  /** `[batch, n]` */
  readonly c: tf.Tensor2D
  /** `[batch, n]` */
  readonly lower: tf.Tensor2D
  /** `[batch, n]` */
  readonly upper: tf.Tensor2D
  /** `[batch, m]` */
  readonly b: tf.Tensor2D
  /** `[batch, m]`, 1 for `=`, 0 for `≤`. */
  readonly equality: tf.Tensor2D
  /** `[batch, E, 2]` int32: constraint, variable. */
  readonly edgeIndex: tf.Tensor3D
  /** `[batch, E]` */
  readonly edgeValue: tf.Tensor2D
}

/** The answer: `y`, `[batch, n]`. */
export type LpOutput = tf.Tensor2D
