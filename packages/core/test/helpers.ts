import * as tf from '@tensorflow/tfjs-core'
import type { Memory, Operator, Solver, Vector } from '@equilibria/spec'
import { expect } from 'vitest'
import { defineOperator } from '@equilibria/core'

/** The plainest solver there is: core's own tests may not import the package above it. */
export const plain = (): Solver => ({
  kind: 'solver',
  spec: 1,
  name: 'plain',
  init: () => null,
  step: (problem, z) => {
    const next = problem.apply(z)
    return { next, residual: tf.sub(next, z), memory: null }
  },
})

/** Heavy ball: remembers a tensor per sample, so that compaction has something to gather. */
export const heavy = (momentum = 0.1): Solver => ({
  kind: 'solver',
  spec: 1,
  name: 'heavy',
  init: (_problem, z): Memory => ({ last: z, unused: [null, 3] }),
  step: (problem, z, memory) => {
    const { last } = memory as { readonly last: Vector }
    const next: Vector = tf.add(problem.apply(z), tf.mul(tf.sub(z, last), momentum))
    return { next, residual: tf.sub(next, z), memory: { last: z, unused: [null, 3] } }
  },
})

export type Affine = { readonly a: tf.Tensor2D; readonly b: tf.Tensor2D }
/** `z = a z + b` per row; `a`, `b` are `[batch, 1]` and `[batch, n]`. Answer `b / (1 − a)`. */
export const affine = (apply: (z: tf.Tensor2D, x: Affine) => tf.Tensor = linear): Operator<tf.Tensor2D, Affine> =>
  defineOperator<tf.Tensor2D, Affine>({ name: 'affine', initial: ({ b }) => tf.zerosLike(b), apply })
export const linear = (z: tf.Tensor2D, { a, b }: Affine): tf.Tensor => tf.add(tf.mul(z, a), b)

/** Runs, frees what comes out, and insists that nothing else was left behind: on success and on an exception. */
export function leakless<T>(fn: () => T): T {
  const before = tf.memory().numTensors
  try {
    return tf.tidy(() => fn() as never) as T
  } finally {
    expect(tf.memory().numTensors).toBe(before)
  }
}
