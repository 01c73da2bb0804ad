import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { equilibrium, referenceBackend } from '@equilibria/core'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { implicit } from '@equilibria/implicit-diff'
import { createKit } from '@equilibria/plugin'
import { pluginChecks, runChecks } from '@equilibria/conformance'
import kepler, { anomaly, type Orbit } from './kepler/index.ts'

describe('conformance', () => {
  runChecks(test, pluginChecks(kepler))
})

test('dE/dM = 1 / (1 − e cos E)', () => {
  tf.tidy(() => {
    const layer = equilibrium(anomaly(), {
      solver: anderson(),
      gradient: implicit({ solver: gmres() }),
      tolerance: 1e-6,
    })
    const eccentricity = tf.tensor2d([[0.3], [0.6]])
    const meanAnomaly = tf.tensor2d([[1], [2]])
    const [dM] = tf.grads((M) => layer.solve({ meanAnomaly: M as tf.Tensor2D, eccentricity }).state)([meanAnomaly])
    const E = layer.solve({ meanAnomaly, eccentricity }).state.dataSync()
    expect(dM!.dataSync()[0]).toBeCloseTo(1 / (1 - 0.3 * Math.cos(E[0]!)), 4)
    expect(dM!.dataSync()[1]).toBeCloseTo(1 / (1 - 0.6 * Math.cos(E[1]!)), 4)
  })
})

test('names are typed through a kit', () => {
  const kit = createKit({ plugins: [kepler], backend: referenceBackend })
  const operator = kit.operators['kepler/anomaly']({ maxEccentricity: 0.5 })
  expectTypeOf(operator.bind).parameter(0).toEqualTypeOf<Orbit>()
  // @ts-expect-error no such operator
  const absent = () => kit.operators['kepler/apoapsis']
  expect(absent()).toBeUndefined()
})
