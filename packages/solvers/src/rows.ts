import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'

/** Divisors are kept above this: far below anything a residual means, far above the smallest float32. */
export const TINY = 1e-30

/** `max |v|` per row, at least {@link TINY}, `[batch, 1]`. */
export const rowScale = (v: Vector): tf.Tensor2D => tf.maximum(tf.max(tf.abs(v), 1, true), TINY)

/** `‖v‖₂` per row, `[batch, 1]`: scaled first, so that squares neither overflow nor vanish in float32. */
export function rowNorm(v: Vector): tf.Tensor2D {
  const size = rowScale(v)
  return tf.mul(tf.norm(tf.div(v, size), 2, 1, true), size)
}

/** The same number for every row, `[batch, 1]`. */
export const rowFill = (batch: number, value: number): tf.Tensor2D => tf.fill([batch, 1], value)
