import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { defineOperator, equilibrium } from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { runChecks, sampleChecks } from '@equilibria/conformance'

/* A state of rank 0 is a batch of one, everywhere: solve, gradient, trajectory, and the checks of the kit. */
const cosine = () =>
  defineOperator({ name: 'cosine', initial: () => tf.scalar(0), apply: (z, x: tf.Scalar) => tf.cos(tf.mul(x, z)) })

runChecks(
  test,
  sampleChecks('scalar', {
    summary: 'cos(xz) = z, one number',
    operator: cosine,
    input: () => tf.scalar(1),
    expected: () => tf.scalar(0.7390851332151607),
  } as never),
)

test('exact gradient of a single number', () => {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    const layer = equilibrium(cosine(), {
      solver: anderson(),
      gradient: implicit({ solver: gmres() }),
      tolerance: 1e-6,
    })
    const slope = tf.grad((x) => layer.solve(x as tf.Scalar).state)(tf.scalar(1))
    expect(slope.shape).toEqual([])
    expect(slope.dataSync()[0]).toBeCloseTo(-0.29747434151, 5) // the truth data: −z sin z / (1 + sin z)
  })
  expect(tf.memory().numTensors).toBe(before)
})
