import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'

/**
 * Rotary position embedding: entry pair `(i, i + d/2)` of the vector at place `p` is turned by the angle `p · base^{−2i/d}`,
 * so that `⟨rotary(q)ₚ, rotary(k)ₛ⟩` depends on the places through `p − s` alone. `x` is `[…, places, d]`, `d` even.
 *
 * The angles are computed in float64 and rounded once. Differentiable; keeps the length of every vector.
 *
 * @cost five operations
 * @throws EquilibriaError `shape` when the last axis is odd
 * @cite su2024
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { rotary } from '@equilibria/operators'
 *
 * console.log(rotary(tf.tensor([[1, 0], [1, 0]])).dataSync()) // [1, 0, cos 1, sin 1]
 * ```
 */
export function rotary(x: tf.Tensor, base = 10000): tf.Tensor {
  const [places = 0, d = 0] = x.shape.slice(-2)
  if (x.rank < 2 || d % 2)
    throw new EquilibriaError(
      'shape',
      `rotary() was given a tensor of shape (${x.shape}).`,
      'Pass [places, d], d even, after any leading axes.',
    )
  const half = d / 2
  const table = (of: (angle: number) => number): tf.Tensor =>
    tf.tensor2d(
      Float32Array.from({ length: places * half }, (_, k) => of(Math.floor(k / half) * base ** (-(k % half) / half))),
      [places, half],
    )
  const [cos, sin] = [table(Math.cos), table(Math.sin)]
  const [a, b] = tf.split(x, 2, -1) as [tf.Tensor, tf.Tensor]
  return tf.concat([tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))], -1)
}
