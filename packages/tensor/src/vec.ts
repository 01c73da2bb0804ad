import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'

/** `a + b`, `[batch, size]`. tfjs widens ranks (`tf.add` returns `Tensor<Rank>`); these keep them. */
export const add = (a: Vector, b: Vector): Vector => tf.add(a, b)
/** `a − b`, `[batch, size]`. */
export const sub = (a: Vector, b: Vector): Vector => tf.sub(a, b)
/** Times a number, or times one number per row (`[batch, 1]`). */
export const scale = (a: Vector, k: number | tf.Tensor2D): Vector => tf.mul(a, k)
/** One value per row, as a column `[batch, 1]`. */
export const column = (v: ArrayLike<number>): tf.Tensor2D => tf.tensor2d(Float32Array.from(v), [v.length, 1])
/** One inner product per row, read back to the host: length `batch`. */
export const rowDot = (a: Vector, b: Vector): Float32Array =>
  tf.tidy(() => tf.sum(tf.mul(a, b), 1).dataSync() as Float32Array)
