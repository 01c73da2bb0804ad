import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import type { GradientMode } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import { heavy } from './helpers.ts'

/** One application of `G` at the solution, recorded. */
const once: GradientMode = {
  kind: 'gradient',
  spec: 1,
  name: 'once',
  forward: 'detached',
  attach: ({ z, problem }) => problem.apply(z),
}

test('a training loop of 1000 steps holds as many tensors at its end as at its beginning, and learns', () => {
  const before = tf.memory().numTensors
  const w = tf.tidy(() => tf.variable(tf.tensor2d([[0.1]])))
  const x = tf.tensor2d([[1], [2]])
  const layer = equilibrium(
    defineOperator({
      name: 'learner',
      initial: (v: tf.Tensor2D) => tf.zerosLike(v),
      apply: (z, v) => tf.add(tf.mul(z, w), v),
    }),
    { solver: heavy(0), gradient: once, tolerance: 1e-4 },
  )
  const held: number[] = []
  const peak: number[] = []
  // z = x / (1 − w) = 2x at w = 1/2
  for (let k = 0; k < 1000; k++) {
    tf.tidy(() => {
      const { grads } = tf.variableGrads(() => {
        const { state } = layer.solve(x)
        if (k % 100 === 10) peak.push(tf.memory().numTensors)
        return tf.mean(tf.squaredDifference(state, tf.mul(x, 2)))
      })
      w.assign(tf.sub(w, tf.mul(Object.values(grads)[0]!, 0.02)) as tf.Tensor2D)
    })
    held.push(tf.memory().numTensors)
  }
  expect(new Set(held).size).toBe(1)
  expect(new Set(peak).size).toBe(1)
  expect(w.dataSync()[0]).toBeCloseTo(0.5, 3)
  tf.dispose([w, x])
  expect(tf.memory().numTensors).toBe(before)
})
