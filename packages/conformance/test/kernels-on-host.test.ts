import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Solver } from '@equilibria/spec'
import { defineOperator, equilibrium, referenceKernels } from '@equilibria/core'
import { anderson, krasnoselskiiMann, picard } from '@equilibria/solvers'

/** tfjs operations that `run` starts, what driver and solver do included. */
function operations(run: () => void): number {
  const engine = tf.engine() as unknown as { runKernelFunc: (...args: unknown[]) => unknown }
  const original = engine.runKernelFunc
  let count = 0
  engine.runKernelFunc = (...args) => {
    count++
    return original.apply(engine, args)
  }
  try {
    run()
  } finally {
    delete (engine as { runKernelFunc?: unknown }).runKernelFunc
  }
  return count
}

/** `z ↦ s tanh((A z/s + x))`, element-wise but for a reversal: exact under powers of two. */
const scaled = (s: number) =>
  defineOperator({
    name: 'scaled',
    initial: (x: tf.Tensor2D) => tf.zerosLike(x),
    apply: (z, x) => {
      const u = tf.div(z, s)
      return tf.mul(tf.tanh(tf.add(tf.add(tf.mul(u, 0.5), tf.mul(tf.reverse(u, 1), 0.4)), x)), s)
    },
  })
const input = () => tf.tensor2d([[0.3, -0.2, 0.5], [0.9, 0.1, -0.7]]) // prettier-ignore

describe('operations per step', () => {
  test.each<[string, () => Solver, number]>([
    // G and its packing make 3, the residual and the next state 2.
    ['picard', picard, 5],
    // Differences, a sum to measure, and the mixing beside it; loops on the host are none.
    ['anderson', anderson, 9],
  ])('%s', (_name, make, most) => {
    const x = tf.tensor2d([[1], [2]])
    const half = defineOperator({
      name: 'half',
      initial: (v: tf.Tensor2D) => tf.zerosLike(v),
      apply: (z) => tf.cos(z),
    })
    const steps = (count: number) =>
      operations(() => {
        const { state } = equilibrium(half, { solver: make(), tolerance: 0, maxSteps: count }).solve(x)
        state.dispose()
      })
    expect((steps(30) - steps(10)) / 20).toBeLessThanOrEqual(most)
    x.dispose()
  })
})

describe('norms', () => {
  test('neither overflow nor vanish where float32 squares would', () => {
    tf.tidy(() => {
      const rows = tf.tensor2d([[3e30, 4e30], [3e-30, 4e-30], [0, 0], [3, 4]]) // prettier-ignore
      const norms = referenceKernels.norms(rows, tf.neg(rows))
      for (const [i, want] of [5e30, 5e-30, 0, 5, 5e30, 5e-30, 0, 5].entries())
        expect(Math.abs(norms[i]! - want)).toBeLessThanOrEqual(2 ** -22 * want)
    })
  })
  test('NaN and infinity stay in their rows', () => {
    tf.tidy(() => {
      const rows = tf.tensor2d([[Number.NaN, 1], [Number.POSITIVE_INFINITY, 1], [3, 4]]) // prettier-ignore
      const [a, b, c] = referenceKernels.norms(rows, rows)
      expect([a, Number.isFinite(b), c]).toEqual([Number.NaN, false, 5])
    })
  })
})

test('combine: recorded or not, the same sum; its gradient reaches the vectors', () => {
  tf.tidy(() => {
    const weights = tf.tensor2d([[0.5, -2], [1, 0]]) // prettier-ignore
    const a = tf.tensor2d([[1, 2, 3], [4, 5, 6]]) // prettier-ignore
    const b = tf.tensor2d([[7, 8, 9], [1, 1, 1]]) // prettier-ignore
    const plain = Array.from(referenceKernels.combine(weights, [a, b]).dataSync())
    expect(plain).toEqual([-13.5, -15, -16.5, 4, 5, 6])
    const { value, grads } = tf.valueAndGrads((u: tf.Tensor, v: tf.Tensor) =>
      tf.sum(referenceKernels.combine(weights, [u as tf.Tensor2D, v as tf.Tensor2D])),
    )([a, b])
    expect(value.dataSync()[0]).toBeCloseTo(-30, 4)
    expect(Array.from(grads[0]!.dataSync())).toEqual([0.5, 0.5, 0.5, 1, 1, 1])
    expect(Array.from(grads[1]!.dataSync())).toEqual([-2, -2, -2, 0, 0, 0])
  })
})

/* Tolerances are relative to max(‖z‖, 1), so the steps are fixed. */
test.each([anderson, krasnoselskiiMann])('units of 2^60 and 2^−60 change no bit of a step', (make) => {
  const states = (s: number) =>
    tf.tidy(() => {
      const { state } = equilibrium(scaled(s), { solver: make(), tolerance: 0, maxSteps: 12 }).solve(input())
      return Array.from(tf.div(state, s).dataSync())
    })
  const want = states(1)
  for (const s of [2 ** 60, 2 ** -60]) expect(states(s)).toEqual(want)
})
