/* Loss and gradients of a small network, ten layers with shared weights as an unrolled model has: BatchMatMul only. */
import * as tf from '@tensorflow/tfjs-core'
import { removeRepairs } from '@equilibria/tensor/gradients'
import type { Bench } from '../src/compare.ts'

export function benches(): readonly Bench[] {
  const ours = tf.getGradient('BatchMatMul')
  removeRepairs()
  const stock = tf.getGradient('BatchMatMul')
  return [
    [32, 64],
    [32, 256],
  ].map(([batch, size]) => {
    const x = tf.randomUniform([batch!, size!], -1, 1, 'float32', 1) as tf.Tensor2D
    const W = tf.variable(tf.randomUniform([size!, size!], -0.1, 0.1, 'float32', 2)) as tf.Variable<tf.Rank.R2>
    const loss = (): tf.Scalar => {
      let z: tf.Tensor2D = tf.zerosLike(x)
      for (let i = 0; i < 10; i++) z = tf.tanh(tf.add(tf.matMul(z, W), x) as tf.Tensor2D)
      return tf.mean(tf.square(z))
    }
    const step = (): void => tf.tidy(() => void tf.variableGrads(loss, [W]))
    return {
      name: `10 unrolled layers, [${batch}, ${size}]`,
      prepare: (side) => tf.registerGradient(side === 'before' ? stock : ours),
      before: step,
      after: step,
    }
  })
}
