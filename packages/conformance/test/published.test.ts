import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { anderson, picard } from '@equilibria/solvers'
import { published, type ZooProblem, zooError } from '@equilibria/conformance'

const within = <T>(fn: () => T): T => tf.tidy(fn as () => tf.TensorContainer) as T

describe('published problems', () => {
  for (const [key, make] of Object.entries(published) as [string, () => ZooProblem][]) {
    const problem = make()
    test(`${key}: the answers are fixed points in float32, and what Picard does is what is said`, () => {
      const before = tf.memory().numTensors
      within(() => {
        const x = problem.input()
        const map = problem.operator().bind(x)
        for (const known of [problem.answers, ...(problem.also ?? [])]) {
          const z = tf.tensor2d(known as number[][])
          const size = tf.norm(z).dataSync()[0]!
          // Sums of up to 100 terms, entry by entry: 2⁻²⁴ · ‖z‖ each way, times the map's own growth, below 30.
          const residual = tf.norm(tf.sub(map.apply(z), z)).dataSync()[0]!
          expect(residual).toBeLessThan(30 * 2 ** -24 * Math.max(1, size))
        }
        for (const known of problem.also ?? []) {
          const apart = Math.max(...known.flat().map((v, i) => Math.abs(v - problem.answers.flat()[i]!)))
          expect(apart).toBeGreaterThan(10 * problem.tolerance) // another point, not the same one again
        }
        if (problem.maxSteps! > 400 && problem.picard !== 'fails') return // thousands of steps: counted elsewhere
        const { status } = equilibrium(problem.operator(), { solver: picard(), tolerance: 1e-5, maxSteps: 400 }).solve(
          x,
        )
        expect(status === 'converged').toBe(problem.picard !== 'fails')
      })
      expect(tf.memory().numTensors).toBe(before)
    })
    test(`${key}: Anderson finds a known answer`, () => {
      within(() => {
        const layer = equilibrium(problem.operator(), { solver: anderson(), tolerance: 1e-6, maxSteps: 600 })
        const { state, status } = layer.solve(problem.input())
        expect(status).toBe('converged')
        expect(zooError(problem, state)).toBeLessThan(problem.tolerance)
      })
    })
  }
})
