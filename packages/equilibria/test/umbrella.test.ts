import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { anderson, defineOperator, equilibrium, implicit } from 'equilibria'
import { gmres } from 'equilibria/linear'

test('one import: dE/dM = 1 / (1 − e cos E) for Kepler’s equation', () => {
  const before = tf.memory().numTensors
  const orbit = defineOperator({
    name: 'kepler',
    initial: ({ M }: { M: tf.Tensor2D; e: tf.Tensor2D }) => tf.zerosLike(M),
    apply: (E, { M, e }) => tf.add(M, tf.mul(e, tf.sin(E))),
  })
  const layer = equilibrium(orbit, { solver: anderson(), gradient: implicit({ solver: gmres() }), tolerance: 1e-6 })
  tf.tidy(() => {
    const M = tf.tensor2d([[1], [2]])
    const e = tf.tensor2d([[0.3], [0.9]])
    const E = layer.solve({ M, e }).state.dataSync()
    const slope = tf
      .grad((m: tf.Tensor) => tf.sum(layer.solve({ M: m as tf.Tensor2D, e }).state))(M)
      .dataSync()
    // Residual 1e-6 times 1/(1 − e cos E)², which is below 6 here.
    E.forEach((v, i) => expect(slope[i]).toBeCloseTo(1 / (1 - e.dataSync()[i]! * Math.cos(v)), 4))
  })
  expect(tf.memory().numTensors).toBe(before)
})
