import * as tf from '@tensorflow/tfjs-core'
import { customOp } from '@equilibria/tensor'

/** A norm of a weight: an upper bound, and its derivative in the weight (an estimate will do). */
export interface Measure {
  readonly bound: number
  readonly direction: ArrayLike<number>
}

/** The largest float32 that is not above `x ≥ 0`. */
export function floor32(x: number): number {
  const near = Math.fround(x)
  return near <= x ? near : Math.fround(near * (1 - 2 ** -24) - 2 ** -149)
}

/**
 * `W ↦ W · limit / max(limit, ‖W‖)` for a norm of which `measure` is an upper bound at the present `W`: the result, in float32
 * as it is used, has `‖result‖ ≤ limit`. Weights below the limit pass unchanged.
 *
 * The scale is a number; its gradient is that of `‖W‖`, along `measure.direction`: right to the digits of that.
 * `norm32` bounds the norm of a matrix whose entries are the roundings of `W`'s: `2⁻²⁴ |W|` entry by entry.
 */
export function scaledBelow(weight: tf.Tensor, limit: number, measure: Measure, norm32: number): tf.Tensor {
  const { bound } = measure
  if (bound <= limit) return tf.clone(weight)
  // Twice what the product rounds off, and room for entries that leave the normal range.
  const above = bound * (1 + 2 ** -22) + 2 ** -23 * norm32
  const scale = floor32(limit / above)
  return customOp(
    { weight },
    ['weight'],
    ({ weight }) => tf.mul(weight, scale),
    (dy, { weight }) => ({
      weight: () => {
        const direction = tf.tensor(Float32Array.from(measure.direction), weight.shape)
        // d(c W / ‖W‖) = (c / ‖W‖) (dW − W d‖W‖ / ‖W‖); W / ‖W‖ first, which neither overflows nor underflows.
        const along = tf.sum(tf.mul(dy, tf.div(weight, above)))
        return tf.mul(tf.sub(dy, tf.mul(direction, along)), scale)
      },
    }),
  )
}

/**
 * A computed matrix, pulled below `limit` should rounding have left it above: what is certified is the float32 matrix
 * that is used, not the formula it came from. The correction (usually none, or `1 − 1e-7`) counts as a constant.
 */
export function heldBelow(matrix: tf.Tensor, limit: number, bound: number, norm32: number): tf.Tensor {
  if (bound <= limit) return matrix
  return tf.mul(matrix, floor32(limit / (bound * (1 + 2 ** -22) + 2 ** -23 * norm32)))
}

/** `‖W‖_F`, rounded up: with entries off by `2⁻²⁴` relative, `‖ΔW‖₂ ≤ 2⁻²⁴ ‖W‖_F`. */
export function frobenius(values: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!))
  if (largest === 0) return 0
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i]! / largest) ** 2
  return largest * Math.sqrt(sum) * (1 + (values.length + 4) * 2 ** -52)
}
