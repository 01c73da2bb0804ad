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
  test('Σ |γᵢ| ‖dᵢ‖ is capped in units of ‖r‖, so that scale plays no part', () =>
    leakless(() => {
      const small = { ...options, cap: 1 }
      const gamma = referenceKernels.leastSquares(
        tf.tensor2d([
          [30, 40],
          [30e6, 40e6],
        ]),
        [
          tf.tensor2d([
            [1, 0],
            [1, 0],
          ]),
          tf.tensor2d([
            [0, 2],
            [0, 2],
          ]),
        ],
        small,
      )
      // Uncapped: 30 and 20, Σ |γᵢ| ‖dᵢ‖ = 70, ‖r‖ = 50.
      const [a, b, c, d] = Array.from(gamma.dataSync())
      expect([a, b]).toEqual([expect.closeTo((30 * 5) / 7, 4), expect.closeTo((20 * 5) / 7, 4)])
      expect([c! / 1e6, d! / 1e6]).toEqual([expect.closeTo((30 * 5) / 7, 4), expect.closeTo((20 * 5) / 7, 4)])
    }))
})

test('rows may use fewer columns than there are', () =>
  leakless(() => {
    const rows = [
      [1, 2],
      [1, 2],
      [1, 2],
    ]
    const [first, second] = [
      [1, 0],
      [0, 1],
    ].map((v) => tf.tensor2d([v, v, v]))
    const gamma = referenceKernels.leastSquares(tf.tensor2d(rows), [first!, second!], { ...options, depth: [0, 1, 5] })
    expect(Array.from(gamma.dataSync(), (v) => Math.round(1e5 * v) / 1e5)).toEqual([0, 0, 1, 0, 1, 2])
  }))

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
