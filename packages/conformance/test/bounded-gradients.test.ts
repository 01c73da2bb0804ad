import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Backend, GradientMode, Solver } from '@equilibria/spec'
import { defineOperator, equilibrium, referenceKernels } from '@equilibria/core'
import { anderson, bounded, damped, picard } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { autoGradient, checkpointedUnrolled, equilibriumJvp, implicit, unrolled } from '@equilibria/implicit-diff'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => expect(tf.memory().numTensors).toBe(before))

/** `z = A z + x` in a box: entry 0 ends at its upper bound, the others inside. */
const A = [[0.5, 0.3, 0], [-0.2, 0.4, 0.1], [0.1, 0, 0.3]] // prettier-ignore
const x0 = [2, 0.3, -0.4]
const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
  name: 'affine',
  initial: (x) => tf.zerosLike(x),
  apply: (z, x) => tf.add(tf.matMul(z, tf.tensor2d(A), false, true), x),
})
const weights = [1, -2, 0.5]
/** `Σ c z²` at the solution, in float64 by projected iteration. */
const host = (x: readonly number[]): number => {
  let z = [0, 0, 0]
  for (let k = 0; k < 300; k++)
    z = z.map((_, i) => Math.min(1, Math.max(-5, x[i]! + A[i]!.reduce((s, a, j) => s + a * z[j]!, 0))))
  return z.reduce((s, v, i) => s + weights[i]! * v * v, 0)
}
const want = x0.map((_, i) => {
  const at = (h: number) => host(x0.map((v, j) => (j === i ? v + h : v)))
  return (at(1e-5) - at(-1e-5)) / 2e-5
})
const box = { lower: -5, upper: 1 }
const layerOf = (solver: Solver, gradient: GradientMode) =>
  equilibrium(operator, { solver, gradient, tolerance: 1e-6, maxSteps: 60 })

describe('gradients where a bound is active are those of the bounded equilibrium', () => {
  const modes: readonly (readonly [string, () => GradientMode])[] = [
    ['implicit', () => implicit({ solver: gmres(), onFailure: 'throw' })],
    ['auto', () => autoGradient({ krylov: gmres(), onFailure: 'throw' })],
    ['unrolled', unrolled],
    ['checkpointed', () => checkpointedUnrolled()],
  ]
  const solvers: readonly (readonly [string, () => Solver])[] = [
    ['bounded(picard)', () => bounded(picard(), box)],
    ['damped(bounded(picard))', () => damped(bounded(picard(), box), 0.9)],
    ['bounded by tensors', () => bounded(picard(), { lower: [-5, -5, -5], upper: [1, 9, 9] })],
  ]
  test.each(modes)('%s', (_, mode) =>
    tf.tidy(() => {
      expect(want[0]).toBe(0) // held: its own input does not move it
      for (const [name, solver] of solvers) {
        const layer = layerOf(solver(), mode())
        const loss = (x: tf.Tensor) =>
          tf.sum(tf.mul(tf.tensor1d(weights), tf.square(layer.solve(x as tf.Tensor2D).state)))
        const got = tf
          .grad(loss)(tf.tensor2d([x0]))
          .dataSync()
        // Residuals of 1e-6 and 1e-5, times ‖(I − J)⁻¹‖ < 3 and slopes of 5.
        want.forEach((w, i) => expect(Math.abs(got[i]! - w), name).toBeLessThan(1e-4))
      }
    }),
  )
  test('forward mode', () =>
    tf.tidy(() => {
      const layer = layerOf(bounded(anderson(), box), implicit({ solver: gmres() }))
      const x = tf.tensor2d([x0])
      const { solution } = equilibriumJvp(layer, x, tf.tensor2d([[1, 0, 0]]), { solver: gmres() })
      const slopes = [0, 1, 2].map((i) => {
        const along = tf.tensor2d([[0, 1, 2].map((j) => Number(i === j))])
        const { tangent } = equilibriumJvp(layer, x, along, { solver: gmres() })
        return tf.sum(tf.mul(tf.mul(tangent, solution!.state), tf.tensor1d(weights.map((w) => 2 * w)))).dataSync()[0]!
      })
      want.forEach((w, i) => expect(Math.abs(slopes[i]! - w)).toBeLessThan(1e-4))
    }))
})

test('forward mode computes with the kernels of the layer', () =>
  tf.tidy(() => {
    let called = 0
    const backend: Backend = {
      kind: 'backend',
      spec: 1,
      name: 'counting',
      features: [],
      kernels: {
        norms: (r, z) => {
          called++
          return referenceKernels.norms(r, z)
        },
      },
      dispose: () => {},
    }
    const layer = equilibrium(operator, { solver: picard(), backend })
    const state = layer.solve(tf.tensor2d([x0])).state
    called = 0
    equilibriumJvp(layer, tf.tensor2d([x0]), tf.ones([1, 3]) as tf.Tensor2D, { solver: anderson(), state })
    expect(called).toBeGreaterThan(2)
  }))
