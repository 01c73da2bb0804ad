/*
 * Two ways to make second derivatives right: recompute the output from the saved input in every backward pass, or put
 * the saved output in its place on the tape (taken). First-order backward pass, as in training and adjoint solves.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Bench } from '../src/compare.ts'

type Slope = (dy: tf.Tensor, y: tf.Tensor) => tf.Tensor

export function benches(): readonly Bench[] {
  const x = tf.randomUniform([32, 512], -1, 1, 'float32', 1)
  const dy = tf.ones([32, 512])
  const cases: readonly (readonly [string, (x: tf.Tensor) => tf.Tensor, Slope])[] = [
    ['tanh', tf.tanh, (d, y) => tf.mul(tf.sub(1, tf.square(y)), d)],
    ['sigmoid', tf.sigmoid, (d, y) => tf.mul(d, tf.mul(y, tf.sub(1, y)))],
    ['exp', tf.exp, (d, y) => tf.mul(d, y)],
    ['softmax', (t) => tf.softmax(t), (d, y) => tf.sub(tf.mul(d, y), tf.mul(tf.sum(tf.mul(d, y), -1, true), y))],
  ]
  return cases.map(([name, f, slope]) => {
    const y = f(x)
    return {
      name: `${name} backward at [32, 512]`,
      before: () => tf.tidy(() => void slope(dy, f(x))),
      after: () => tf.tidy(() => void slope(dy, y)),
    }
  })
}
