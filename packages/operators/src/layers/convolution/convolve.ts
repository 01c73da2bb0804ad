import * as tf from '@tensorflow/tfjs-core'
import { customOp } from '@equilibria/tensor'

/**
 * `y[b, i, j] = Σₛₜ x[b, i + s, j + t] W[s, t]`, without padding, stride 1: `x` `[batch, height, width, inputs]`, `filter`
 * `[kernel, kernel, inputs, outputs]`.
 *
 * Both gradients are convolutions again, so they exist on wasm, whose filter gradient tfjs lacks, and to any order: in
 * `x` that of the padded cotangent with the turned filter, in the filter that of `x` with the cotangent, channels in the
 * place of samples.
 */
export function convolve(x: tf.Tensor, filter: tf.Tensor): tf.Tensor {
  const [height, width] = filter.shape as [number, number]
  return customOp(
    { x, filter },
    ['x', 'filter'],
    (t) => tf.conv2d(t.x as tf.Tensor4D, t.filter as tf.Tensor4D, 1, 'valid'),
    (dy, t) => ({
      x: () => {
        const wide = tf.pad(dy, [
          [0, 0],
          [height - 1, height - 1],
          [width - 1, width - 1],
          [0, 0],
        ])
        return convolve(wide, tf.transpose(tf.reverse(t.filter, [0, 1]), [0, 1, 3, 2]))
      },
      filter: () =>
        tf.transpose(convolve(tf.transpose(t.x, [3, 1, 2, 0]), tf.transpose(dy, [1, 2, 0, 3])), [1, 2, 0, 3]),
    }),
  )
}
