/* The gradient of matMul: transpose flags (stock tfjs) against explicit transposes. Both cotangents, one backward pass. */
import * as tf from '@tensorflow/tfjs-core'
import { removeRepairs } from '@equilibria/tensor/gradients'
import type { Bench } from '../src/compare.ts'

export function benches(): readonly Bench[] {
  const ours = tf.getGradient('BatchMatMul')
  removeRepairs()
  const stock = tf.getGradient('BatchMatMul')
  const shapes: readonly (readonly [string, readonly number[], readonly number[]])[] = [
    ['[32,256] x [256,256]', [32, 256], [256, 256]],
    ['[32,512] x [512,512]', [32, 512], [512, 512]],
    ['[2048,16] x [16,16]', [2048, 16], [16, 16]],
    ['[8,64,32] x [8,32,64] (attention)', [8, 64, 32], [8, 32, 64]],
  ]
  return shapes.map(([name, m, n]) => {
    const a = tf.randomUniform([...m], -1, 1, 'float32', 1)
    const b = tf.randomUniform([...n], -1, 1, 'float32', 2)
    const dy = tf.ones([...m.slice(0, -1), n.at(-1)!])
    const back =
      ({ gradFunc }: tf.GradConfig) =>
      (): void =>
        tf.tidy(() => {
          const pull = gradFunc(dy, [a, b], { transposeA: false, transposeB: false })
          pull['a']!()
          pull['b']!()
        })
    return { name, before: back(stock), after: back(ours) }
  })
}
