import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { GradientMode } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import { leakless, plain } from './helpers.ts'

const once: GradientMode = {
  kind: 'gradient',
  spec: 1,
  name: 'once',
  forward: 'detached',
  attach: ({ z, problem }) => problem.apply(z),
}

describe('states of rank 0 are a batch of one', () => {
  const cosine = defineOperator({
    name: 'cosine',
    initial: () => tf.scalar(0),
    apply: (z, x: tf.Scalar) => tf.cos(tf.mul(x, z)),
  })
  const options = { solver: plain(), tolerance: 1e-6, maxSteps: 200 }
  test('solve, warm start, several starts, exit rules', () =>
    leakless(() => {
      const layer = equilibrium(cosine, options)
      const { state, status, stats } = layer.solve(tf.scalar(1))
      expect([state.shape, status, stats.perSample.status, stats.notes]).toEqual([[], 'converged', ['converged'], []])
      expect(state.dataSync()[0]).toBeCloseTo(0.739085, 5)
      expect(layer.solve(tf.scalar(1), { initial: state }).stats.steps).toBe(1)
      expect(layer.solve(tf.scalar(1), { breadth: { starts: 3 } }).state.shape).toEqual([])
      const shapes: number[][] = []
      const exit = {
        kind: 'exit-rule' as const,
        spec: 1 as const,
        name: 'e',
        start: () => (seen: { readonly state: tf.Tensor }) => [shapes.push(seen.state.shape) > 2],
      }
      expect(layer.solve(tf.scalar(1), { exit }).status).toBe('exited')
      expect(shapes).toEqual([[], [], []])
    }))
  test('trees with a leaf of rank 0, beside leaves of one row', () =>
    leakless(() => {
      const mixed = defineOperator({
        name: 'mixed',
        initial: (x: tf.Tensor2D) => ({ mean: tf.scalar(0), all: tf.zerosLike(x) }),
        apply: ({ mean, all }, x) => ({ mean: tf.mul(tf.mean(all), 0.5), all: tf.add(tf.mul(mean, 0.5), x) }),
      })
      const { state } = equilibrium(mixed, options).solve(tf.tensor2d([[1, 3]]))
      // m = (m/2 + 2) / 2, so m = 4/3
      expect([state.mean.shape, state.all.shape]).toEqual([[], [1, 2]])
      expect(state.mean.dataSync()[0]).toBeCloseTo(4 / 3, 4)
    }))
  test('trajectory, gradient, asynchronous solve', async () => {
    const before = tf.memory().numTensors
    leakless(() => {
      const points = equilibrium(cosine, options).trajectory(tf.scalar(1), [0, 1])
      expect(points.map((p) => [p.state.shape, p.state.dataSync()[0]])).toEqual([
        [[], 0],
        [[], 1],
      ])
      const layer = equilibrium(cosine, { ...options, gradient: once })
      const slope = tf.grad((x) => layer.solve(x as tf.Scalar).state)(tf.scalar(1))
      expect(slope.shape).toEqual([])
      expect(slope.dataSync()[0]).toBeCloseTo(-0.739085 * Math.sin(0.739085), 4) // ∂cos(xz)/∂x at z
    })
    const x = tf.scalar(1)
    const { state } = await equilibrium(cosine, options).solveAsync(x)
    expect(state.shape).toEqual([])
    tf.dispose([x, state])
    expect(tf.memory().numTensors).toBe(before)
  })
  test('G must keep the rank', () =>
    leakless(() => {
      const bad = defineOperator({
        name: 'bad',
        initial: () => tf.scalar(0),
        apply: (z, _: tf.Scalar) => tf.reshape(z, [1]),
      })
      expect(() => equilibrium(bad, options).solve(tf.scalar(1))).toThrow(/turned a state \(\) into \(1\)/)
    }))
})
