import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import * as core from '@equilibria/core'
import * as gradients from '@equilibria/implicit-diff'
import * as plugins from '@equilibria/plugin'
import * as solvers from '@equilibria/solvers'
import * as linear from '@equilibria/solvers/linear'
import * as theory from '@equilibria/theory'
import * as all from 'equilibria'
import { anderson, defineOperator, equilibrium, implicit } from 'equilibria'
import * as ownLinear from 'equilibria/linear'
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

test('everything that the packages export is here, under one name each', () => {
  // A name that two packages export would silently be neither's.
  const here = Object.fromEntries(Object.entries(all))
  for (const part of [core, solvers, gradients, theory, plugins])
    for (const [name, value] of Object.entries(part)) expect([name, here[name]]).toEqual([name, value])
  expect(Object.entries(ownLinear)).toEqual(Object.entries(linear))
})

test('a monotone network by splitting, its gradient by the same, and a solver chosen by itself', () => {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    const W = tf.tensor2d([
      [0, 3],
      [-3, 0],
    ])
    const skew: all.Operator<tf.Tensor2D, tf.Tensor2D> = {
      kind: 'operator',
      spec: 1,
      name: 'skew',
      traits: {},
      bind: (x) => ({
        initial: () => tf.zerosLike(x),
        apply: (z) => tf.relu(tf.add(tf.matMul(z, W), x)),
        splitting: all.linearProxSplitting({
          weights: W,
          bias: x,
          proximal: all.proximal.relu,
          monotonicity: 1,
          lipschitz: Math.sqrt(10),
        }),
      }),
    }
    const x = tf.tensor2d([[1, 1]])
    for (const solver of [all.peacemanRachford(), all.auto()]) {
      const layer = equilibrium(skew, {
        solver,
        gradient: implicit({ solver: all.peacemanRachford() }),
        maxSteps: 200,
        tolerance: 1e-5,
      })
      // z = [0, 1]: the first entry is clamped, the second is x₂. Residual 1e-5, (I − J)⁻¹ = I there.
      const { state, status } = layer.solve(x)
      expect(status).toBe('converged')
      expect(Math.abs(state.dataSync()[0]!)).toBeLessThan(1e-4)
      expect(state.dataSync()[1]).toBeCloseTo(1, 4)
      const slope = tf
        .grad((v: tf.Tensor) => tf.sum(layer.solve(v as tf.Tensor2D).state))(x)
        .dataSync()
      expect(slope[0]).toBe(0)
      expect(slope[1]).toBeCloseTo(1, 4)
    }
  })
  expect(tf.memory().numTensors).toBe(before)
})
