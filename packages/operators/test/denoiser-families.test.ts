import * as tf from '@tensorflow/tfjs-core'
import '@equilibria/tensor/gradients'
import { expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { gradientStep, inputConvex } from '@equilibria/operators'
import { scoped } from '@equilibria/tensor'
import { drawGradientStep, drawInputConvex } from './denoiser-draws.ts'
import { checkLeaks, normal, tensor } from './monotone-support.ts'

test('gradient-step draws', () => {
  expect(drawGradientStep(60, 31)).toBe(60)
})
test('input-convex draws', () => {
  expect(drawInputConvex(24, 32)).toBe(24)
})

test('D = I − ∇g, with the g it says', () => {
  const operator = gradientStep({ size: 5, hidden: 7, steepness: 2, seed: 3 })
  scoped(() => {
    const x = tensor(normal(4), [3, 5]) as tf.Tensor2D
    const slope = tf.grad((t: tf.Tensor) => tf.sum(operator.potential(t as tf.Tensor2D)))(x)
    // Both are sums of a dozen terms of size 1.
    const off = tf.max(tf.abs(tf.sub(tf.sub(x, operator.denoise(x)), slope))).dataSync()[0]!
    expect(off).toBeLessThan(2e-6)
    expect(tf.max(tf.abs(slope)).dataSync()[0]!).toBeGreaterThan(0.01)
  })
  operator.dispose()
})

test('the steps of the input-convex map are those of its function, and end at its minimum', () => {
  const operator = inputConvex({ size: 4, hidden: [6, 5, 3], smoothness: 8, convexity: 0.5, seed: 3 })
  scoped(() => {
    const x = tensor(normal(6), [3, 4]) as tf.Tensor2D
    const eta = 2 / (2 * 0.5 + 8)
    const slopeAt = tf.grad((t: tf.Tensor) => tf.sum(operator.potential(t as tf.Tensor2D)))
    const slope = slopeAt(x)
    const step = tf.sub(x, operator.bind(x).apply(x))
    expect(tf.max(tf.abs(tf.sub(step, tf.mul(slope, eta)))).dataSync()[0]!).toBeLessThan(2e-6)
    expect(tf.max(tf.abs(slope)).dataSync()[0]!).toBeGreaterThan(0.01)
    const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-6, maxSteps: 500 })
    const { state } = layer.solve(x)
    // ∇f(z) + α(z − x) = 0: residuals of 1e-6 divided by η.
    const balance = tf.add(slopeAt(state), tf.mul(tf.sub(state, x), 0.5))
    expect(tf.max(tf.abs(balance)).dataSync()[0]!).toBeLessThan(3e-5)
  })
  operator.dispose()
})

test('options and leaks', () => {
  expect(() => gradientStep({ size: 0, hidden: 1 })).toThrow('size')
  expect(() => gradientStep({ size: 2, hidden: 1, smoothness: 1 })).toThrow('smoothness')
  expect(() => gradientStep({ size: 2, hidden: 1, pull: 0.1 })).toThrow('no contraction')
  expect(() => gradientStep({ size: 2, hidden: 1, steepness: 0 })).toThrow('steepness')
  expect(() => inputConvex({ size: 2, hidden: [] })).toThrow('layers')
  expect(() => inputConvex({ size: 2, hidden: [2, 0] })).toThrow('hidden')
  expect(() => inputConvex({ size: 2, hidden: [2], smoothness: 0 })).toThrow('smoothness')
  expect(() => inputConvex({ size: 2, hidden: [2], convexity: -1 })).toThrow('convexity')
  for (const make of [() => gradientStep({ size: 3, hidden: 4 }), () => inputConvex({ size: 3, hidden: [4, 2] })])
    checkLeaks<tf.Tensor2D, tf.Tensor2D>(
      make,
      () => tf.ones([2, 3]),
      () => tf.ones([2, 5]),
    )
})
