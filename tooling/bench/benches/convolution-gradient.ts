/*
 * The gradients of a convolution: those of stock tfjs against those of our layer, forward pass included. The filter's on
 * cpu only: tfjs has none on wasm; there, against a product with the unfolded image.
 */
import * as tf from '@tensorflow/tfjs-core'
import { convolution2d } from '@equilibria/operators'
import type { Bench } from '../src/compare.ts'

function unfolded(x: tf.Tensor, kernel: number): tf.Tensor2D {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  const [rows, columns] = [height - kernel + 1, width - kernel + 1]
  const shifts = Array.from({ length: kernel ** 2 }, (_, i) => [Math.floor(i / kernel), i % kernel] as const)
  const parts = shifts.map(([s, t]) => tf.slice(x, [0, s, t, 0], [batch, rows, columns, channels]))
  return tf.reshape(tf.concat(parts, 3), [batch * rows * columns, -1])
}

export function benches(): readonly Bench[] {
  const sizes = [
    [4, 16, 8],
    [2, 16, 32],
  ] as const
  return sizes.flatMap(([batch, size, channels]) => {
    const layer = convolution2d({ inputs: channels, outputs: channels, kernel: 3, padding: 'valid', bias: false })
    const weight = layer.variables['weight']!
    const x = tf.randomUniform([batch, size + 2, size + 2, channels], -1, 1, 'float32', 1)
    const run = (f: () => tf.Tensor) => (): void => void tf.tidy(() => f().dataSync())
    const stock = (t: tf.Tensor, w: tf.Tensor) => tf.conv2d(t as tf.Tensor4D, w as tf.Tensor4D, 1, 'valid')
    const ours = (t: tf.Tensor): tf.Tensor => layer.bind()(t)
    const inWeight = (f: () => tf.Tensor) =>
      run(() => tf.variableGrads(() => tf.sum(f()), [weight]).grads[weight.name]!)
    const product = (): tf.Tensor =>
      tf.matMul(unfolded(x, 3), tf.reshape(weight, [9 * channels, channels]) as tf.Tensor2D)
    const name = `[${x.shape}], 3 x 3`
    return [
      {
        name: `${name}, in the image`,
        before: run(() => tf.grad((t: tf.Tensor) => tf.sum(stock(t, weight)))(x)),
        after: run(() => tf.grad((t: tf.Tensor) => tf.sum(ours(t)))(x)),
      },
      {
        name: `${name}, in the filter${tf.getBackend() === 'cpu' ? '' : ', against unfolding'}`,
        before: inWeight(tf.getBackend() === 'cpu' ? () => stock(x, weight) : product),
        after: inWeight(() => ours(x)),
      },
    ]
  })
}
