import * as tf from '@tensorflow/tfjs-core'
import { customOp } from '@equilibria/tensor'

/**
 * `y[b, i, j] = Σₛₜ x[b, i + s, j + t] W[s, t]`, without padding, stride 1: `x` `[batch, height, width, inputs]`, `filter`
 * `[kernel, kernel, inputs, outputs]`.
 *
 * Gradients to any order, from forward convolutions alone: tfjs has no filter gradient on wasm, and that of cpu took ten to
 * fifty times as long as this one (tooling/bench, convolution-gradient).
 */
export function convolve(x: tf.Tensor, filter: tf.Tensor): tf.Tensor {
  return customOp(
    { x, filter },
    ['x', 'filter'],
    (t) => tf.conv2d(t.x as tf.Tensor4D, t.filter as tf.Tensor4D, 1, 'valid'),
    (dy, t) => ({ x: () => spread(dy, t.filter), filter: () => correlate(t.x, dy) }),
  )
}

/** The adjoint of `x ↦ convolve(x, filter)`. */
function spread(dy: tf.Tensor, filter: tf.Tensor): tf.Tensor {
  const [height, width, inputs] = filter.shape as [number, number, number]
  const [batch, rows, columns] = dy.shape as [number, number, number]
  const shape: [number, number, number, number] = [batch, rows + height - 1, columns + width - 1, inputs]
  return customOp(
    { dy, filter },
    ['dy', 'filter'],
    (t) => {
      if (tf.getBackend() !== 'wasm')
        return tf.conv2dTranspose(t.dy as tf.Tensor4D, t.filter as tf.Tensor4D, shape, 1, 'valid')
      // That kernel is slow on wasm, up to 5 times: the padded cotangent with the turned filter instead.
      const [down, across] = [height - 1, width - 1]
      const wide = tf.pad(t.dy as tf.Tensor4D, [
        [0, 0],
        [down, down],
        [across, across],
        [0, 0],
      ])
      const turned = tf.transpose(tf.reverse(t.filter as tf.Tensor4D, [0, 1]), [0, 1, 3, 2])
      return tf.conv2d(wide, turned, 1, 'valid')
    },
    (dx, t) => ({ dy: () => convolve(dx, t.filter), filter: () => correlate(dx, t.dy) }),
  )
}

/** The adjoint of `filter ↦ convolve(x, filter)`: channels of `x` in the place of samples, `dy` in that of the filter. */
function correlate(x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  return tf.transpose(convolve(tf.transpose(x, [3, 1, 2, 0]), tf.transpose(dy, [1, 2, 0, 3])), [1, 2, 0, 3])
}
