import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { defineOperator, equilibrium } from '@equilibria/core'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { implicit } from '@equilibria/implicit-diff'

const tidy = (fn: () => void): void => {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    fn()
  })
  expect(tf.memory().numTensors).toBe(before)
}

test('kepler', () =>
  tidy(() => {
    const op = defineOperator<tf.Tensor2D, { e: tf.Tensor2D; M: tf.Tensor2D }>({
      name: 'kepler',
      initial: ({ M }) => tf.zerosLike(M),
      apply: (E, { e, M }) => tf.add(M, tf.mul(e, tf.sin(E))),
    })
    const layer = equilibrium(op, {
      solver: anderson(),
      gradient: implicit({ solver: gmres(), tolerance: 1e-7 }),
      tolerance: 1e-7,
      maxSteps: 200,
    })
    const e = tf.tensor2d([[0.6], [0.9], [0.99]])
    const M = tf.tensor2d([[1], [0.3], [0.01]])
    const first = tf.grad((m: tf.Tensor) => tf.sum(layer.solve({ e, M: m as tf.Tensor2D }).state))
    const second = tf.grad((m: tf.Tensor) => tf.sum(first(m)))
    const third = tf.grad((m: tf.Tensor) => tf.sum(second(m)))
    console.log(first(M).dataSync(), second(M).dataSync(), third(M).dataSync())
  }))
