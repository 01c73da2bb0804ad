import * as tf from '@tensorflow/tfjs-core'
import { scale, sub } from '@equilibria/tensor'
import type { Vector } from '@equilibria/spec'

/**
 * An approximate inverse of the Jacobian of `g(z) = G(z) − z`, one per row: `B = −I + Σᵢ uᵢ vᵢᵀ`. Rows `i` of `u` and `v`
 * are the factors, oldest first; both are `[batch, k, size]`. `null` where there are none: `B = −I`.
 */
export interface InverseFactors {
  readonly u: tf.Tensor3D | null
  readonly v: tf.Tensor3D | null
}

/** `Σᵢ (aᵢ · x) bᵢ`, row by row. */
export function through(a: tf.Tensor3D, b: tf.Tensor3D, x: Vector): Vector {
  const [batch, k, size] = a.shape
  const weights = tf.matMul(a, tf.reshape(x, [batch, size, 1]))
  return tf.reshape(tf.matMul(tf.reshape(weights, [batch, 1, k]), b), [batch, size])
}

/**
 * `B x`, `[batch, size] → [batch, size]`: with `x = G(z) − z`, minus the quasi-Newton step.
 *
 * @cost no evaluation; `4 k` multiplications per entry
 */
export const applyInverse = ({ u, v }: InverseFactors, x: Vector): Vector =>
  u && v ? sub(through(v, u, x), x) : scale(x, -1)

/**
 * `Bᵀ x`, `[batch, size] → [batch, size]`. `−Bᵀ ∂ℓ/∂z` approximates the adjoint `(I − Jᵀ)⁻¹ ∂ℓ/∂z` at no evaluation: that
 * is SHINE.
 *
 * @cost no evaluation; `4 k` multiplications per entry
 */
export const applyInverseTransposed = ({ u, v }: InverseFactors, x: Vector): Vector =>
  u && v ? sub(through(u, v, x), x) : scale(x, -1)
