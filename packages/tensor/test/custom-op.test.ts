import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { customOp } from '@equilibria/tensor'

/** `x · y`, counting the pullbacks that run. */
function product(x: tf.Tensor, y: tf.Tensor, pulled: string[] = []): tf.Tensor {
  return customOp(
    { x, y },
    ['x', 'y'],
    ({ x, y }) => tf.mul(x, y),
    (dy, { x, y }) => ({
      x: () => (pulled.push('x'), tf.mul(dy, y)),
      y: () => (pulled.push('y'), tf.mul(dy, x)),
    }),
  )
}

test('an operation with its own gradient, in first and second order, without leaks', () => {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    const [x, y] = [tf.tensor1d([1, -2]), tf.tensor1d([3, 4])]
    const [dx, dy] = tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.sum(product(a, b)))([x, y])
    expect([...dx!.dataSync(), ...dy!.dataSync()]).toEqual([3, 4, 1, -2])
    // (x³)″ = 6x: the pullbacks are recorded themselves
    const cube = (a: tf.Tensor) => tf.sum(product(a, product(a, a)))
    const second = tf.grad((a: tf.Tensor) => tf.sum(tf.grad(cube)(a)))(x)
    expect([...second.dataSync()]).toEqual([6, -12])
  })
  expect(tf.memory().numTensors).toBe(before)
})

test('a pullback that nobody asks for does not run', () => {
  tf.tidy(() => {
    const pulled: string[] = []
    const y = tf.tensor1d([3, 4])
    tf.grad((a: tf.Tensor) => tf.sum(product(a, y, pulled)))(tf.tensor1d([1, -2]))
    expect(pulled).toEqual(['x'])
  })
})

test('what keep leaves out is not saved, and output may be kept', () => {
  tf.tidy(() => {
    const relu = (x: tf.Tensor) =>
      customOp(
        { x },
        ['output'],
        ({ x }) => tf.relu(x),
        (dy, { output }) => ({ x: () => tf.mul(dy, tf.step(output)) }),
      )
    expect([
      ...tf
        .grad((x: tf.Tensor) => tf.sum(relu(x)))(tf.tensor1d([-1, 2]))
        .dataSync(),
    ]).toEqual([0, 1])
  })
})
