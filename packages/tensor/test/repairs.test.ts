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
