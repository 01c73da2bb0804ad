import * as tf from '@tensorflow/tfjs-core'
import { customOp } from '@equilibria/tensor'
import { invert } from './monotone-host.ts'

/** `E⁻¹` of an `[n, n]` matrix, in float64 on the host; `dE = −E⁻ᵀ dY E⁻ᵀ`, differentiable again. */
export function inverse(E: tf.Tensor2D): tf.Tensor2D {
  const n = E.shape[0]
  return customOp(
    { E },
    ['E'],
    (given) => tf.tensor2d(Float32Array.from(invert(given.E.dataSync(), n)), [n, n]),
    (dy, { E: kept }) => ({
      E: () => {
        const transposed = tf.transpose(inverse(kept as tf.Tensor2D))
        return tf.neg(tf.matMul(tf.matMul(transposed, dy as tf.Tensor2D), transposed))
      },
    }),
  ) as tf.Tensor2D
}
