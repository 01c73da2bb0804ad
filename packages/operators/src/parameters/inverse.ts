import * as tf from '@tensorflow/tfjs-core'
import { customOp } from '@equilibria/tensor'

/**
 * `M⁻¹` of a square matrix, solved in float64 on the host, with gradients of every order (`dM⁻¹ = −M⁻¹ dM M⁻¹`). NaN where
 * `M` is singular or not finite.
 *
 * @cost `n³` on the host, and again in every backward pass
 */
export function inverse(m: tf.Tensor2D): tf.Tensor2D {
  return customOp(
    { m },
    ['m'],
    ({ m }) => tf.tensor2d(inverted(m.dataSync(), m.shape[0]!), m.shape as [number, number]),
    (dy, { m }) => ({
      m: () => {
        const transposed = tf.transpose(inverse(m as tf.Tensor2D))
        return tf.neg(tf.matMul(tf.matMul(transposed, dy as tf.Tensor2D), transposed))
      },
    }),
  ) as tf.Tensor2D
}

/** Gauss–Jordan with partial pivoting. */
export function inverted(values: ArrayLike<number>, n: number): Float32Array {
  const a = Array.from({ length: n }, (_, i) =>
    Float64Array.from({ length: 2 * n }, (_, j) => (j < n ? values[i * n + j]! : j - n === i ? 1 : 0)),
  )
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i]![k]!) > Math.abs(a[pivot]![k]!)) pivot = i
    ;[a[k], a[pivot]] = [a[pivot]!, a[k]!]
    const row = a[k]!
    const head = row[k]!
    for (let j = k; j < 2 * n; j++) row[j]! /= head
    for (let i = 0; i < n; i++) {
      const factor = a[i]![k]!
      if (i === k || factor === 0) continue
      for (let j = k; j < 2 * n; j++) a[i]![j]! -= factor * row[j]!
    }
  }
  return Float32Array.from({ length: n * n }, (_, k) => a[Math.floor(k / n)]![n + (k % n)]!)
}
