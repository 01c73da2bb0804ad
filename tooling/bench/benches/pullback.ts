/* Many cotangents through one point, as an adjoint solve asks: tf.grads each time, against linearize once. */
import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'
import { linearize } from '@equilibria/tensor'
import type { Bench } from '../src/compare.ts'

export function benches(): readonly Bench[] {
  return [
    [32, 64],
    [32, 256],
  ].flatMap(([batch, size]) => {
    const uniform = (rows: number, seed: number) =>
      tf.randomUniform([rows, size!], -0.1, 0.1, 'float32', seed) as tf.Tensor2D
    const W = uniform(size!, 1)
    const x = uniform(batch!, 2)
    const z = uniform(batch!, 3)
    const u = uniform(batch!, 4)
    const layer = (t: Vector): Vector => tf.tanh(tf.add(tf.matMul(t, W), x))
    const slope = tf.grad(layer as (t: tf.Tensor) => tf.Tensor)
    const once = linearize(layer, z)
    const solve = (count: number): Bench => ({
      name: `tanh(zW + x), [${batch}, ${size}], ${count} cotangents`,
      before: () => {
        for (let i = 0; i < count; i++) slope(z, u).dispose()
      },
      after: () => {
        const frozen = linearize(layer, z)
        for (let i = 0; i < count; i++) frozen.vjp(u).dispose()
        frozen.dispose()
      },
    })
    return [
      {
        name: `tanh(zW + x), [${batch}, ${size}], one more cotangent`,
        before: () => slope(z, u).dispose(),
        after: () => once.vjp(u).dispose(),
      },
      solve(1),
      solve(10),
    ]
  })
}
