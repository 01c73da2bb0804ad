import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import { gmres } from '@equilibria/solvers/linear'
import type { CertifiedOperator } from '@equilibria/operators'
import { checkMatrixOf, checkPairsOf, seeded } from './families-properties.ts'
import { type Entry, inputShape } from './families-table.ts'
import { normal, type Random } from './families-support.ts'

/**
 * A small regression: the mean of the state is to follow a smooth function of the input, by Adam through the implicit
 * gradient. The loss falls, every weight gets a gradient, and afterwards the guarantee still holds.
 */
export function trained(entry: Entry, steps: number): { readonly before: number; readonly after: number } {
  const random = seeded(`${entry.name} training`, 0)
  const family = member(entry, random)
  const before = tf.memory().numTensors
  const optimizer = tf.train.adam(0.03)
  try {
    const shape = inputShape(entry, family)
    const x = tf.tidy(() => {
      const size = shape.reduce((a, b) => a * b, 16)
      return tf.tensor(
        Float32Array.from({ length: size }, () => normal(random)),
        [16, ...shape],
      )
    })
    const layer = equilibrium(family, {
      solver: family.solver(),
      gradient: implicit({ solver: gmres() }),
      tolerance: 1e-4,
      maxSteps: 400,
    })
    const loss = (): tf.Scalar => {
      const { state } = layer.solve(x)
      const got = tf.mean(tf.reshape(state as tf.Tensor, [16, -1]), 1)
      const target = tf.add(tf.mul(tf.sin(tf.mean(tf.reshape(x, [16, -1]), 1)), 0.2), 0.3)
      return tf.mean(tf.squaredDifference(got, target))
    }
    const value = () => tf.tidy(() => loss().dataSync()[0]!)
    const start = value()
    const touched = new Set<string>()
    for (let step = 0; step < steps; step++)
      tf.tidy(() => {
        const { grads } = tf.variableGrads(loss, Object.values(family.variables))
        for (const [name, g] of Object.entries(grads)) {
          const largest = tf.max(tf.abs(g)).dataSync()[0]!
          expect(Number.isFinite(largest)).toBe(true)
          if (largest > 0) touched.add(name)
        }
        optimizer.applyGradients(grads as unknown as Record<string, tf.Variable>)
      })
    expect(touched.size).toBe(Object.keys(family.variables).length)
    const end = value()
    x.dispose()
    optimizer.dispose()
    expect(tf.memory().numTensors).toBe(before)
    for (let draw = 0; draw < 20; draw++) checkPairsOf(entry, family, seeded(`${entry.name} trained`, draw))
    if (entry.trainWith === 'identity') checkMatrixOf(entry, family)
    tf.tidy(() => {
      const { perSample } = layer.solve(tf.zeros([2, ...shape])).stats
      perSample.status.forEach((status) => expect(['converged', 'floor']).toContain(status))
    })
    return { before: start, after: end }
  } finally {
    family.dispose()
  }
}

/** One with more than one entry: alone, an entry has no direction and no scale to learn. */
function member(entry: Entry, random: Random): CertifiedOperator<tf.Tensor, tf.Tensor> {
  for (;;) {
    const family = entry.make(random, entry.trainWith)
    if (family.variables['input']!.shape[1]! > 1) return family
    family.dispose()
  }
}
