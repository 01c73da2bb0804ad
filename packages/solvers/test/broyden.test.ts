import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { applyInverse, applyInverseTransposed, broyden, type BroydenMemory } from '@equilibria/solvers'
import type { Problem, Vector } from '@equilibria/spec'

/** A problem without a driver: `G` on `[batch, size]`. */
const bare = (batch: number, size: number, apply: (z: Vector) => tf.Tensor): Problem => ({
  batch,
  size,
  traits: {},
  kernels: undefined as never, // Broyden needs none
  apply: apply as (z: Vector) => Vector,
  linearize: () => {
    throw new Error('not needed')
  },
})
const far = (a: tf.Tensor, b: tf.Tensor): number => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!

describe('the inverse', () => {
  for (const update of ['good', 'bad'] as const)
    test(`${update}: B Δg = Δz for the newest pair, before and after a restart; and (Bᵀx)·y = x·(By)`, () => {
      tf.tidy(() => {
        const n = 6
        const W = tf.randomNormal([n, n], 0, 0.3, 'float32', 3) as tf.Tensor2D
        const x = tf.randomNormal([2, n], 0, 1, 'float32', 4) as Vector
        const problem = bare(2, n, (z) => tf.tanh(tf.add(tf.matMul(z, W), x)))
        const solver = broyden({ update, memory: 3 })
        let z: Vector = tf.zeros([2, n])
        let memory = solver.init(problem, z) as BroydenMemory
        let before: { z: Vector; r: Vector } | undefined
        for (let k = 1; k <= 8; k++) {
          const step = solver.step(problem, z, memory)
          const now = { z, r: step.residual }
          memory = step.memory as BroydenMemory
          if (before) {
            const dz = tf.sub(now.z, before.z) as Vector
            const size = tf.max(tf.abs(dz)).dataSync()[0]!
            if (size < 1e-4) break // below, Δg is mostly rounding
            // B has entries near 1/(1 − μ) < 3, Δg a relative rounding of 2⁻²⁴ |r| / |Δg|
            expect(far(applyInverse(memory, tf.sub(now.r, before.r) as Vector), dz)).toBeLessThan(1e-4 * size)
            expect(memory.u!.shape[1]).toBe(((k - 2) % 3) + 1) // full at 3, then only the newest
          }
          const p = tf.randomNormal([2, n], 0, 1, 'float32', k) as Vector
          const q = tf.randomNormal([2, n], 0, 1, 'float32', k + 50) as Vector
          const left = tf.sum(tf.mul(applyInverseTransposed(memory, p), q), 1)
          const right = tf.sum(tf.mul(p, applyInverse(memory, q)), 1)
          expect(far(left, right)).toBeLessThan(1e-4 * Math.max(1, tf.max(tf.abs(right)).dataSync()[0]!))
          before = now
          z = step.next
        }
      })
    })
})
