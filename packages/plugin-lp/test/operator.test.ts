import { pluginChecks, runChecks } from '@equilibria/conformance'
import { equilibrium } from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import lp, { pdhgStep, productMix, toInput } from '@equilibria/plugin-lp'
import { randomPrograms } from '@equilibria/plugin-lp/exact'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'

describe('the plugin', () => {
  // The input has integer leaves, which finite differences cannot move: the sample says so with `differentiable: false`.
  const possible = pluginChecks(lp).filter(({ name }) => !name.includes('finite differences'))
  runChecks(it, possible)
})

describe('pdhgStep', () => {
  it('has the exact primal and dual answers as its fixed points', async () => {
    const labelled = await randomPrograms({ seed: 1, count: 20 })
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const input = toInput(labelled.map(({ program }) => program))
      const y = tf.tensor2d(labelled.map((l) => [...l.y]))
      const dual = tf.tensor2d(labelled.map((l) => [...l.rowDual]))
      const next = pdhgStep().bind(input).apply({ y, dual })
      // Float32 on numbers up to 40, and 1 / Σ|a| up to some 100 for columns with one small entry.
      expect(Math.max(...tf.abs(tf.sub(next.y, y)).dataSync())).toBeLessThan(1e-4)
      expect(Math.max(...tf.abs(tf.sub(next.dual, dual)).dataSync())).toBeLessThan(1e-4)
      // And it sees the difference: somewhere else it moves.
      const moved = pdhgStep()
        .bind(input)
        .apply({ y: tf.mul(y, 0.9) as tf.Tensor2D, dual })
      expect(Math.max(...tf.abs(tf.sub(moved.dual, dual)).dataSync())).toBeGreaterThan(0.01)
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  it('carries the implicit gradient of the optimal value: its duals', () => {
    const before = tf.memory().numTensors
    const sample = productMix
    const input = sample.input()
    const layer = equilibrium(sample.operator(), {
      solver: anderson(),
      gradient: implicit({ solver: gmres() }),
      tolerance: 1e-6,
      maxSteps: 2000,
    })
    const value = (b: tf.Tensor): tf.Scalar =>
      tf.tidy(() => tf.sum(tf.mul(input.c, layer.solve({ ...input, b: b as tf.Tensor2D }).state.y)))
    const slope = tf.grad(value)(input.b)
    // ∂ value / ∂ (labour, wood, total) are the prices −1, −1, 0.
    slope.dataSync().forEach((v, i) => expect(v).toBeCloseTo([-1, -1, 0][i] ?? 0, 2))
    tf.dispose([slope, ...Object.values(input)])
    expect(tf.memory().numTensors).toBe(before)
  })
})
