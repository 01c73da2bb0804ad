import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Solver } from '@equilibria/spec'
import { assertConverged, defineOperator, equilibrium, nonFinite, residualBelow } from '@equilibria/core'
import { affine, leakless, plain } from './helpers.ts'

const U = 2 ** -24
const column = (values: readonly number[]): tf.Tensor2D => tf.tensor2d([...values], [values.length, 1])
const alternating = (a: readonly number[]) => ({ a: column(a), b: tf.ones<tf.Rank.R2>([a.length, 1]) })

describe('floor', () => {
  /** Contractive: random weights of spectral radius about 0.8. */
  const W = () => tf.mul(tf.randomNormal([32, 32], 0, 1, 'float32', 3), 0.8 / Math.sqrt(32))
  const tanh = () =>
    defineOperator({
      name: 'tanh',
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, W()), x)),
    })
  const input = () => tf.randomNormal<tf.Rank.R2>([3, 32], 0, 1, 'float32', 5)
  test('a tolerance below what float32 gives ends at the floor, soon, and counts as solved', () =>
    leakless(() => {
      for (const tolerance of [3 * U, 1e-9, 1e-30]) {
        const layer = equilibrium(tanh(), { solver: plain(), tolerance, maxSteps: 2000 })
        const solution = assertConverged(layer.solve(input()))
        const { perSample, steps } = solution.stats
        expect(perSample.status.every((s) => s === 'floor' || s === 'converged')).toBe(true)
        // |z| ≤ 1 entry by entry, so ‖z‖ ≤ √32, and `residual` is relative to ‖z‖ > 1.
        for (const r of perSample.residual) expect(r).toBeLessThanOrEqual(16 * U)
        // 0.8ᵏ passes 16 u after 62 steps or so, and the floor at 3 u eight steps later; then 8 steps of waiting.
        expect(steps).toBeLessThan(130)
      }
    }))
  test('what can be reached is reached: 20 u converges', () =>
    leakless(() => {
      const layer = equilibrium(tanh(), { solver: plain(), tolerance: 20 * U, maxSteps: 2000 })
      expect(layer.solve(input()).stats.perSample.status).toEqual(['converged', 'converged', 'converged'])
    }))
  test('states of any size', () =>
    leakless(() => {
      for (const scale of [1e-6, 1, 1e6]) {
        const x = {
          a: column([0.7, -0.9]),
          b: tf.mul(tf.randomNormal<tf.Rank.R2>([2, 50], 0, 1, 'float32', 2), scale) as tf.Tensor2D,
        }
        const { status, stats } = equilibrium(affine(), { solver: plain(), tolerance: 1e-35, maxSteps: 3000 }).solve(x)
        expect(['floor', 'converged']).toContain(status) // converged: an exact fixed point of the rounded map
        expect(stats.steps).toBeLessThan(400)
      }
    }))
  test('only by the default rule: not with one of your own, nor with tolerance 0', () =>
    leakless(() => {
      const layer = equilibrium(tanh(), { solver: plain(), maxSteps: 150 })
      expect(layer.solve(input(), { stop: residualBelow(1e-12) }).status).toBe('max-steps')
      const { stats } = layer.solve(input(), { tolerance: 0 })
      expect([stats.steps, ...stats.perSample.status]).toEqual([150, 'max-steps', 'max-steps', 'max-steps'])
    }))
  test('a slow iteration that still falls is not at the floor', () =>
    leakless(() => {
      // 1 % per step, from 1 down to 1e-6 > 16 u
      const { status } = equilibrium(affine(), { solver: plain(), tolerance: 1e-6, maxSteps: 3000 }).solve(
        alternating([0.99]),
      )
      expect(status).toBe('converged')
    }))
})

describe('cycle', () => {
  const logistic = defineOperator({
    name: 'logistic',
    initial: (r: tf.Tensor2D) => tf.fill(r.shape, 0.4) as tf.Tensor2D,
    apply: (z, r) => tf.mul(r, tf.mul(z, tf.sub(1, z))),
  })
  test('Picard on the logistic map: periods 2, 4 and 3; rows that converge are none of its business', () =>
    leakless(() => {
      const layer = equilibrium(logistic, { solver: plain(), maxSteps: 3000, tolerance: 1e-5 })
      const { stats } = layer.solve(column([3.2, 2.8, 3.5, 3.83, 2.5]))
      expect(stats.perSample.status).toEqual(['cycle', 'converged', 'cycle', 'cycle', 'converged'])
      for (const b of [0, 2, 3]) expect(stats.perSample.steps[b]).toBeLessThan(150)
    }))
  test('chaos is no cycle', () =>
    leakless(() => {
      const { status } = equilibrium(logistic, { solver: plain(), maxSteps: 500 }).solve(column([3.9]))
      expect(status).toBe('max-steps')
    }))
  test('a reflection, turns by 120° and 90° are; a turn by 1 radian is not', () =>
    leakless(() => {
      const turn = (angle: number) =>
        defineOperator({
          name: 'turn',
          initial: (x: tf.Tensor2D) => x,
          apply: (z) => {
            const [c, s] = [Math.cos(angle), Math.sin(angle)]
            return tf.matMul(
              z,
              tf.tensor2d([
                [c, s],
                [-s, c],
              ]),
            )
          },
        })
      const status = (angle: number) =>
        equilibrium(turn(angle), { solver: plain(), maxSteps: 300 }).solve(tf.tensor2d([[1, 0.3]])).status
      expect([180, 120, 90].map((degrees) => status((degrees * Math.PI) / 180))).toEqual(['cycle', 'cycle', 'cycle'])
      expect(status(1)).toBe('max-steps')
    }))
  test('oscillations that converge, however slowly, are not', () =>
    leakless(() => {
      const layer = equilibrium(affine(), { solver: plain(), tolerance: 1e-4, maxSteps: 12_000 })
      const { stats } = layer.solve(alternating([-0.9, -0.99, -0.999]))
      expect(stats.perSample.status).toEqual(['converged', 'converged', 'converged'])
      expect(layer.solve(alternating([-0.9999]), { maxSteps: 3000 }).status).toBe('max-steps')
    }))
  test('property: no linear contraction with a modulus up to 0.9999 is ever called a cycle', () =>
    leakless(() => {
      const modulus = fc.double({ min: 1e-4, max: 1, noNaN: true }).map((e) => 1 - e)
      const row = fc.record({ modulus, angle: fc.constantFrom(180, 120, 90, 60, 179.9, 0.1) })
      fc.assert(
        fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), (rows) => {
          const cos = column(rows.map((r) => r.modulus * Math.cos((r.angle * Math.PI) / 180)))
          const sin = column(rows.map((r) => r.modulus * Math.sin((r.angle * Math.PI) / 180)))
          const spiral = defineOperator({
            name: 'spiral',
            initial: ({ c }: { c: tf.Tensor2D; s: tf.Tensor2D }) => tf.zeros<tf.Rank.R2>([c.shape[0], 2]),
            apply: (z, { c, s }) => {
              const [p, q] = tf.split(z, 2, 1) as [tf.Tensor2D, tf.Tensor2D]
              return tf.add(tf.concat([tf.sub(tf.mul(c, p), tf.mul(s, q)), tf.add(tf.mul(s, p), tf.mul(c, q))], 1), 1)
            },
          })
          return tf.tidy(() => {
            const { stats } = equilibrium(spiral, { solver: plain(), tolerance: 1e-6, maxSteps: 120 }).solve({
              c: cos,
              s: sin,
            })
            return !stats.perSample.status.includes('cycle')
          })
        }),
        { numRuns: 25, seed: 20261124 },
      )
    }))
  test('a chain goes on where the first method goes round', () =>
    leakless(() => {
      const damped: Solver = {
        ...plain(),
        step: (problem, z) => {
          const residual = tf.sub(problem.apply(z), z) as tf.Tensor2D
          return { next: tf.add(z, tf.mul(residual, 0.4)), residual, memory: null }
        },
      }
      const { state, status, stats } = equilibrium(logistic, {
        solver: { ...plain(), after: { solver: damped } },
        maxSteps: 300,
      }).solve(column([3.2, 3.5]))
      expect(status).toBe('converged')
      expect(stats.perSample.tried!.map((t) => t[0]!.status)).toEqual(['cycle', 'cycle'])
      ;[3.2, 3.5].forEach((r, b) => expect(state.dataSync()[b]).toBeCloseTo(1 - 1 / r, 3))
    }))
})

test('what the default rule costs beside a plain one', () => {
  const [B, n, steps] = [256, 8, 100]
  const x = { a: column(Array.from({ length: B }, () => 0.9999)), b: tf.ones<tf.Rank.R2>([B, n]) }
  const time = (stop: object) => {
    const began = performance.now()
    tf.tidy(() => void equilibrium(affine(), { solver: plain(), maxSteps: steps, ...stop }).solve(x))
    return performance.now() - began
  }
  const [bare, full] = [{ stop: nonFinite() }, { tolerance: 1e-9 }].map((rule) =>
    Math.min(...Array.from({ length: 4 }, () => time(rule))),
  )
  console.log(
    `[${tf.getBackend()}] ${steps} steps of ${B} × ${n}: ${bare!.toFixed(1)} ms, default rule ${full!.toFixed(1)} ms`,
  )
  expect(full).toBeLessThan(3 * bare! + 50) // the machine is shared; the figure printed is the measurement
  tf.dispose(x)
})
