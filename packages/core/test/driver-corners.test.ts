import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import type { Solver, StopRule, Vector } from '@equilibria/spec'
import { defineOperator, equilibrium, residualBelow } from '@equilibria/core'

const relaxed = (beta: number): Solver => ({
  kind: 'solver',
  spec: 1,
  name: `relaxed(${beta})`,
  init: () => null,
  step(problem, z) {
    const residual: Vector = tf.sub(problem.apply(z), z)
    return { next: tf.add(z, tf.mul(residual, beta)), residual, memory: null }
  },
})
const after = (steps: number, sample?: number): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: `after ${steps}`,
  start: () => (seen) =>
    seen.step >= steps && (sample === undefined || seen.sample === sample) ? 'stagnated' : undefined,
})
const slow = defineOperator({
  name: 'slow',
  initial: (x: tf.Tensor2D) => tf.zerosLike(x),
  apply: (z, x) => tf.add(tf.mul(z, 0.9), x),
})

test('a row that is given up by the last method does not wait for another', () => {
  tf.tidy(() => {
    const active: number[] = []
    const solver: Solver = { ...relaxed(1), giveUp: after(3, 0) }
    const { stats } = equilibrium(slow, { solver, maxSteps: 6 }).solve(tf.tensor2d([[1], [2]]), {
      onProgress: (p) => void active.push(p.active),
    })
    expect(stats.perSample.status).toEqual(['stagnated', 'max-steps'])
    expect(active).toEqual([2, 2, 1, 1, 1, 1])
  })
})

test('coupled samples go on to the next method together, those that looked done too', () => {
  // Row 1 creeps to 1 in its first entry and swings in its second; row 0 copies that first entry, and looks done early.
  const coupled = defineOperator({
    name: 'coupled',
    traits: { rowwise: false },
    initial: (x: tf.Tensor2D) => tf.zerosLike(x),
    apply: (z) => {
      const [, row] = tf.split(z, 2, 0) as [tf.Tensor2D, tf.Tensor2D]
      const [a, b] = tf.split(row, 2, 1) as [tf.Tensor2D, tf.Tensor2D]
      const creeping = tf.add(a, tf.mul(tf.sub(1, a), 1e-3))
      return tf.concat([tf.concat([a, tf.zerosLike(a)], 1), tf.concat([creeping, tf.sub(3, b)], 1)], 0) as tf.Tensor2D
    },
  })
  tf.tidy(() => {
    const solver: Solver = { ...relaxed(1), after: { solver: relaxed(0.5), leave: after(4) } }
    const { stats } = equilibrium(coupled, { solver, tolerance: 2e-3, maxSteps: 100 }).solve(tf.zeros([2, 2]))
    expect(new Set(stats.perSample.status)).toEqual(new Set(['converged']))
    for (const attempts of stats.perSample.tried!) expect(attempts).toHaveLength(2)
  })
})

test('a state whose norm overflows has no residual: it never counts as converged', () => {
  const huge = defineOperator({
    name: 'huge',
    initial: (x: tf.Tensor2D) => tf.fill(x.shape, 3e38),
    apply: (z) => tf.mul(z, 0.999),
  })
  tf.tidy(() => {
    const layer = equilibrium(huge, { solver: relaxed(1), stop: residualBelow(0.1), maxSteps: 2 })
    const { stats } = layer.solve(tf.zeros([1, 4]))
    expect(stats.perSample.status).toEqual(['max-steps'])
    expect(stats.residual).toBeNaN()
  })
})
