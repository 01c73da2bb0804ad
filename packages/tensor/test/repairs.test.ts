import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { jvp, scoped } from '@equilibria/tensor'
import { probes, wave } from './probes.ts'

/*
 * Everything against central differences in float32. Their step h = 4e-3 leaves a truncation error h²|f‴|/6 ≈ 1e-5 and
 * a rounding error u·|f|/h ≈ 2e-5, both times the size of the derivatives (up to 10 here, and the reference of a second
 * derivative differences a first one that has rounding of its own). 3e-3 of the largest entry is ten times that; a
 * gradient that forgets a term is off by tenths.
 */
const tolerance = 3e-3
const largest = (t: tf.Tensor): number => scoped(() => tf.max(tf.abs(t)).dataSync()[0]!)

const error = (got: tf.Tensor, want: tf.Tensor): number =>
  got.shape.join() === want.shape.join() ? largest(tf.sub(got, want)) / Math.max(1, largest(want)) : Infinity

describe.each(probes)('$name', ({ f, x: point = () => wave([2, 4]), not }) => {
  const skipped = () => tf.getBackend() === not

  test('J v by two backward passes', ({ skip }) => {
    if (skipped()) skip('no right kernel on this backend')
    scoped(() => {
      const x = point()
      const v = tf.cos(tf.mul(x, 5))
      expect(error(jvp(f, x, v), jvp(f, x, v, { method: 'finite-difference' }))).toBeLessThan(tolerance)
    })
  })

  test('first and second derivative, with another path to x', ({ skip }) => {
    if (skipped()) skip('no right kernel on this backend')
    scoped(() => {
      const x = point()
      const v = tf.cos(tf.mul(x, 5))
      const y = f(x)
      const weights = tf.add(tf.sin(tf.reshape(tf.range(1, y.size + 1), y.shape)), 1.3)
      // The factor sum(x²) is the other path: without it stock tfjs throws instead of being wrong.
      const loss = (t: tf.Tensor): tf.Tensor => tf.mul(tf.sum(tf.mul(weights, f(t))), tf.mean(tf.square(t)))
      const slope = tf.grad(loss)
      const along = tf.sum(tf.mul(slope(x), v))
      expect(error(along, jvp(loss, x, v, { method: 'finite-difference' }))).toBeLessThan(tolerance)
      const curved = tf.grad((t) => tf.sum(tf.mul(slope(t), v)))
      expect(error(curved(x), jvp(slope, x, v, { method: 'finite-difference' }))).toBeLessThan(tolerance)
    })
  })
})

describe('edges', () => {
  const values = (t: tf.Tensor): number[] => Array.from(t.dataSync())

  test('segment sums drop what lies outside the segments, forward and backward', () => {
    scoped(() => {
      const x = tf.tensor2d([1, 2, 3, 4], [4, 1])
      const sum = (t: tf.Tensor): tf.Tensor => tf.unsortedSegmentSum(t, tf.tensor1d([1, -1, 2, 1], 'int32'), 2)
      expect(values(sum(x))).toEqual([0, 5])
      expect(values(tf.grad(sum)(x))).toEqual([1, 0, 0, 1])
    })
  })

  test('segment sums of integers, of no rows, and without width', () => {
    scoped(() => {
      const ids = tf.tensor1d([0, 0, 2], 'int32')
      const whole = tf.unsortedSegmentSum(tf.tensor1d([1, 2, 3], 'int32'), ids, 3)
      expect([whole.dtype, ...values(whole)]).toEqual(['int32', 3, 0, 3])
      const none = tf.unsortedSegmentSum(tf.zeros([0, 2]), tf.tensor1d([], 'int32'), 2)
      expect(values(none)).toEqual([0, 0, 0, 0])
    })
  })

  test('pooling zeros, as after a relu: each window hands on its whole cotangent, none of it to the padding', () => {
    scoped(() => {
      const pool = (t: tf.Tensor): tf.Tensor => tf.maxPool(t as tf.Tensor4D, 3, 1, 'same')
      const slope = tf.grad(pool)(tf.zeros([1, 3, 3, 1]))
      expect(values(tf.sum(slope))[0]).toBeCloseTo(9, 5)
    })
  })

  test('comparisons of integers that depend on x', () => {
    scoped(() => {
      const x = tf.tensor2d([1, -2, 3, -4], [2, 2])
      const f = (t: tf.Tensor): tf.Tensor =>
        tf.where(tf.greater(tf.cast(t, 'int32'), tf.scalar(0, 'int32')), tf.square(t), tf.neg(t))
      expect(values(tf.grad(f)(x))).toEqual([2, -1, 6, -1])
    })
  })
})
