import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BackwardStats } from '@equilibria/spec'
import { cycle, defineOperator, equilibrium } from '@equilibria/core'
import { anderson, broyden, picard } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { implicit, shine, type ShineOptions } from '@equilibria/implicit-diff'
import { solveDense } from './deriv-support.ts'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => {
  vi.restoreAllMocks()
  expect(tf.memory().numTensors).toBe(before)
})

const A = [[0.5, 0.3, 0, 0.1], [-0.2, 0.4, 0.1, 0], [0.1, 0, 0.3, -0.4], [0, 0.2, 0.4, 0.1]] // prettier-ignore
const exact = A.map((_, i) =>
  solveDense(
    A.map((row, k) => row.map((_, j) => Number(k === j) - A[j]![k]!)),
    A.map((_, k) => Number(k === i)),
  ),
) // rows of ((I − Aᵀ)⁻¹)ᵀ
const V = [
  [1, 2, -1, 0.5],
  [0.5, 0, 3, 1],
]
interface Asked extends Omit<ShineOptions, 'inverse'> {
  /** The inverse is this much of the true one, per row. */
  readonly share: readonly number[]
  readonly coupled?: boolean
}
/** The adjoint of `z = A z + x` by an inverse that is known, with what is said of it and what is so. */
function run({ share, coupled = false, ...options }: Asked) {
  const seen: BackwardStats[] = []
  let products = 0
  const u = tf.tidy(() => {
    const matrix = tf.tensor2d(A)
    const truth = tf.tensor2d(exact)
    const counted = tf.customGrad((t: unknown) => ({
      value: tf.clone(t as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => {
        products++
        return tf.clone(dy)
      },
    }))
    const affine = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'affine',
      traits: { rowwise: !coupled },
      initial: (x) => tf.zerosLike(x),
      apply: (z, x) => tf.add(tf.matMul(counted(z), matrix, false, true), x),
    })
    const inverse = (_: never, x: tf.Tensor2D): tf.Tensor2D =>
      tf.mul(tf.matMul(x, truth), tf.tensor2d(share.map((s) => [-s]))) as tf.Tensor2D
    const layer = equilibrium(affine, { solver: broyden(), gradient: shine({ inverse, ...options }) })
    const v = tf.tensor2d(V)
    const onBackward = (s: BackwardStats) => void seen.push(s)
    return tf
      .grad((x: tf.Tensor) => {
        const { state } = layer.solve(x as tf.Tensor2D, { onBackward })
        products = 0 // those of the solve
        return tf.sum(tf.mul(state, v))
      })(tf.onesLike(v))
      .arraySync() as number[][]
  })
  const residual = u.map((row, b) => {
    const r = V[b]!.map((v, i) => v - row[i]! + A.reduce((s, line, j) => s + line[i]! * row[j]!, 0))
    return Math.hypot(...r) / Math.hypot(...V[b]!)
  })
  return { u, residual, products, stats: seen[0]! }
}

describe('an inverse that is c times the true one', () => {
  test('leaves 1 − c of the cotangent, and (1 − c)^(k + 1) after k corrections, one product each', () => {
    for (const refine of [0, 1, 2, 5])
      for (const c of [0.9, 0.5, 1.4]) {
        const { residual, products, stats } = run({
          share: [c, c],
          refine,
          tolerance: 1e-7,
          onFailure: 'warn',
          ...quiet(),
        })
        const want = Math.abs(1 - c) ** (refine + 1)
        stats.perSample.residual.forEach((said, b) => {
          // Sums of a few float32 numbers.
          expect(Math.abs(said - want)).toBeLessThan(1e-6)
          expect(Math.abs(residual[b]! - want)).toBeLessThan(1e-6)
        })
        expect([stats.steps, Array.from(stats.perSample.steps)]).toEqual([1 + refine, [1 + refine, 1 + refine]])
        expect(products).toBe(stats.steps)
      }
  })
  test('rows that are accepted take no more corrections, and rows that corrections make worse none of them', () => {
    const { residual, stats } = run({ share: [0.95, 2.5], refine: 3, tolerance: 0.1, onFailure: 'warn', ...quiet() })
    expect(Math.abs(residual[0]! - 0.05)).toBeLessThan(1e-6)
    expect(Math.abs(residual[1]! - 1.5)).toBeLessThan(1e-6) // and not 1.5⁴
    expect(Array.from(stats.perSample.steps)).toEqual([1, 1])
    expect(stats.perSample.status).toEqual(['converged', 'max-steps'])
  })
  test('what is left goes to the solver, and what was accepted stays: all that is said is true of the answer', () => {
    for (const share of [
      [0.95, 0.3],
      [0.95, 40],
      [0.2, 0.95],
      [0.97, 0.97],
      [-3, 5],
    ])
      // prettier-ignore
      for (const solver of [gmres(), anderson()])
        for (const tolerance of [0.1, 1e-5]) {
          const { residual, products, stats } = run({ share, refine: 0, solver, tolerance, onFailure: 'throw' })
          residual.forEach((r, b) => {
            expect(Math.abs(r - stats.perSample.residual[b]!)).toBeLessThan(2e-6)
            expect(r).toBeLessThan(tolerance + 2e-6)
            const own = Math.abs(1 - share[b]!)
            if (own < tolerance) expect(Math.abs(r - own)).toBeLessThan(2e-6)
          })
          expect(products).toBe(stats.steps)
          expect(stats.perSample.status).toEqual(['converged', 'converged'])
          const served = share.filter((s) => Math.abs(1 - s) < tolerance).length
          expect(stats.notes![0]).toBe(`the forward inverse served ${served} of 2 rows`)
          expect(stats.notes).toHaveLength(served === 2 ? 1 : 2)
        }
  })
  test('of samples that move each other: one system', () => {
    for (const share of [
      [0.95, 0.95],
      [0.3, 0.3],
      [40, 40],
    ]) {
      // prettier-ignore
      const { residual, stats } = run({ share, coupled: true, refine: 0, solver: gmres(), tolerance: 1e-5, onFailure: 'throw' })
      residual.forEach((r) => expect(r).toBeLessThan(2e-5))
      expect(stats.perSample.status).toEqual(['converged', 'converged'])
    }
  })
})
const quiet = () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  return {}
}

test('the memory it needs keeps finished samples in the batch, which the solve says', () => {
  tf.tidy(() => {
    const affine = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'half',
      initial: (x) => tf.zerosLike(x),
      apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
    })
    const inverse = (_: never, x: tf.Tensor2D): tf.Tensor2D => tf.neg(x)
    const layer = equilibrium(affine, { solver: broyden(), gradient: shine({ inverse }) })
    const notes: (readonly string[])[] = []
    tf.grad((x: tf.Tensor) => {
      const { state, stats } = layer.solve(x as tf.Tensor2D)
      notes.push(stats.notes)
      return tf.sum(state)
    })(tf.ones([3, 2]))
    notes.push(layer.solve(tf.ones([3, 2]) as tf.Tensor2D).stats.notes)
    expect(notes).toEqual([['no compaction: "shine(2)" needs the memory'], []])
  })
})

describe('failed samples', () => {
  test('a forward solve that ended in a cycle has no equilibrium to differentiate', () => {
    tf.tidy(() => {
      const seen: BackwardStats[] = []
      const turning = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'turning',
        initial: (x) => tf.zerosLike(x),
        apply: (z, x) => tf.sub(x, z), // 0, x, 0, x, …
      })
      const gradient = implicit({ solver: gmres(), onFailure: 'fallback' })
      const layer = equilibrium(turning, { solver: picard(), gradient, stop: cycle() })
      let status = ''
      const slope = tf.grad((x: tf.Tensor) => {
        const solved = layer.solve(x as tf.Tensor2D, { onBackward: (s) => seen.push(s) })
        status = solved.status
        return tf.sum(solved.state)
      })(tf.tensor2d([[1, 2]]))
      expect([status, ...seen[0]!.perSample.status]).toEqual(['cycle', 'unsolved'])
      expect(Array.from(slope.dataSync())).toEqual([0, 0])
    })
  })
  test('a phantom fallback that leaves float32 gives way to the Jacobian-free one', () => {
    tf.tidy(() => {
      const shift = defineOperator<tf.Tensor2D, { s: tf.Tensor2D; x: tf.Tensor2D }>({
        name: 'shift',
        initial: ({ x }) => tf.zerosLike(x),
        apply: (z, { s, x }) =>
          tf.add(tf.mul(tf.concat([tf.zeros([z.shape[0], 1]), tf.slice(z, [0, 0], [-1, 7])], 1), s), x),
      })
      const gradient = implicit({ solver: gmres(), maxSteps: 3, onFailure: 'fallback', fallback: 'phantom' })
      const layer = equilibrium(shift, { solver: picard(), gradient, maxSteps: 1 })
      const s = tf.tensor2d([[1], [1e12]])
      const zero = tf.zeros([2, 8]) // the state is 0, its slope is not
      const got = tf
        .grad((x: tf.Tensor) => tf.sum(layer.solve({ s, x: x as tf.Tensor2D }).state))(zero)
        .arraySync() as number[][]
      expect(got[1]).toEqual(Array(8).fill(1))
      expect(got[0]![0]).toBeGreaterThan(1.5)
      expect(got[0]!.every(Number.isFinite)).toBe(true)
    })
  })
})
