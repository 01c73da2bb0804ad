import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { referenceKernels, resolveKernels, referenceBackend } from '@equilibria/core'
import { leakless } from './helpers.ts'

const options = { regularization: 1e-8, cap: 1e4 }
const solve = (r: number[][], ...d: number[][][]): number[] =>
  Array.from(
    referenceKernels
      .leastSquares(
        tf.tensor2d(r),
        d.map((m) => tf.tensor2d(m)),
        options,
      )
      .dataSync(),
  )

describe('least squares, per row', () => {
  test('an orthogonal system: γᵢ = rᵀdᵢ / dᵢᵀdᵢ', () =>
    leakless(() => {
      const gamma = solve([[3, 4, 5]], [[1, 0, 0]], [[0, 2, 0]])
      // λ = 1e-8 on unit columns changes γ by a relative 1e-8; float32 by 6e-8
      expect(gamma[0]).toBeCloseTo(3, 5)
      expect(gamma[1]).toBeCloseTo(2, 5)
    }))
  test('columns of very different length are all used: scaling is per column', () =>
    leakless(() => {
      const gamma = solve([[1, 1]], [[1e-12, 0]], [[0, 1e6]])
      expect(gamma[0]! * 1e-12).toBeCloseTo(1, 5)
      expect(gamma[1]! * 1e6).toBeCloseTo(1, 5)
    }))
  test('a column that depends on newer ones is dropped, whatever λ', () =>
    leakless(() => {
      expect(solve([[1, 2]], [[1, 0]], [[2, 0]], [[0, 1]])).toEqual([expect.closeTo(1, 5), 0, expect.closeTo(2, 5)])
      // One number per state: every column is parallel to the newest, which makes it the secant method.
      expect(solve([[6]], [[2]], [[3]], [[5]])).toEqual([expect.closeTo(3, 5), 0, 0])
    }))
  test('zero, infinite and NaN columns are left out, and spoil no other row', () =>
    leakless(() => {
      const gamma = solve(
        [
          [1, 1],
          [1, 1],
          [Number.NaN, 1],
        ],
        [
          [0, 0],
          [2, 0],
          [1, 0],
        ],
        [
          [Number.NaN, 1],
          [0, 4],
          [0, 1],
        ],
      )
      expect(gamma.slice(0, 4)).toEqual([0, 0, expect.closeTo(0.5, 5), expect.closeTo(0.25, 5)])
      expect(gamma[4]).toBe(0) // a NaN right-hand side answers 0, not NaN
    }))
  test('‖γ‖₁ is capped in units of unit columns', () =>
    leakless(() => {
      const small = { ...options, cap: 1 }
      const gamma = referenceKernels.leastSquares(
        tf.tensor2d([[30, 10]]),
        [tf.tensor2d([[1, 0]]), tf.tensor2d([[0, 1]])],
        small,
      )
      expect(Array.from(gamma.dataSync())).toEqual([expect.closeTo(0.75, 5), expect.closeTo(0.25, 5)])
    }))
})

test('norms and combinations', () =>
  leakless(() => {
    const norms = referenceKernels.norms(
      tf.tensor2d([
        [3, 4],
        [0, 0],
      ]),
      tf.tensor2d([
        [1, 0],
        [5, 12],
      ]),
    )
    expect([...norms]).toEqual([5, 0, 1, 13])
    const sum = referenceKernels.combine(
      tf.tensor2d([
        [2, 3],
        [0, 1],
      ]),
      [
        tf.tensor2d([
          [1, 1],
          [1, 1],
        ]),
        tf.tensor2d([
          [10, 0],
          [0, 10],
        ]),
      ],
    )
    expect(Array.from(sum.dataSync())).toEqual([32, 2, 0, 10])
  }))

test('a backend replaces the kernels it has', () => {
  const norms = () => new Float32Array(2)
  const kernels = resolveKernels({ ...referenceBackend, kernels: { norms } })
  expect(kernels.norms).toBe(norms)
  expect(kernels.combine).toBe(referenceKernels.combine)
})
