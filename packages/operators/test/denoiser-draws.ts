import * as tf from '@tensorflow/tfjs-core'
import { scoped } from '@equilibria/tensor'
import { gradientStep, inputConvex } from '@equilibria/operators'
import { expect } from 'vitest'
import {
  dot,
  frobenius,
  minus,
  normal,
  redraw,
  residuals,
  rows,
  solveFromAnywhere,
  spreadScale,
  tensor,
  U,
} from './monotone-support.ts'

/*
 * Tolerances. `T(x)` is `x` plus a few products of k terms with matrices of bounded norm: off by at most
 * (2k + 16) 2⁻²⁴ of the size of what enters. What enters is `x`, and a bounded residual of size `R`.
 */
const rounding = (terms: number, ...sizes: readonly number[]): number =>
  (2 * terms + 16) * U * sizes.reduce((s, t) => s + t, 0)

export function drawGradientStep(count: number, seed: number): number {
  const random = normal(seed)
  for (let i = 0; i < count; i++) {
    const [size, hidden] = [1 + (i % 6), 1 + (i % 9)]
    const [kappa, pull, steepness] = [[0.3, 0.9, 0.999][i % 3]!, [0.5, 0.35, 1][i % 3]!, [1, 5][i % 2]!]
    const operator = gradientStep({ size, hidden, smoothness: kappa, pull, steepness })
    const { modulus, modulusNow, solutionLipschitz } = operator.certificate
    scoped(() => {
      redraw(operator, random, 0.01, 10)
      // The bound of the rounded weights: normalised to about 2⁻²² per product of `hidden` or `size` terms.
      const lipschitz = operator.gradientLipschitz()
      const exact = 1 + (4 * (hidden + size) + 64) * U + 2e-3 // the last: room of a Schatten norm, n^{1/2048} twice
      expect(lipschitz, `draw ${i}`).toBeLessThanOrEqual(kappa * exact)
      expect(modulusNow!()).toBeLessThanOrEqual(modulus * exact)
      const x = tensor(random, [2, size], spreadScale(random, 0.05, 5)) as tf.Tensor2D
      const [a, b] = rows(x)
      const gap = minus(a!, b!)
      const away = frobenius(gap)
      const terms = size + hidden
      const slack = 4 * rounding(terms, frobenius(a!), frobenius(b!), Math.sqrt(size))
      const [da, db] = rows(operator.denoise(x))
      // Lip(∇g) ≤ κ, and D is strongly monotone: a proximal map of a weakly convex function.
      expect(frobenius(minus(minus(a!, da!), minus(b!, db!)))).toBeLessThanOrEqual(kappa * away + slack)
      expect(dot(minus(da!, db!), gap)).toBeGreaterThanOrEqual((1 - kappa) * away ** 2 - slack * away)
      // The equilibrium contracts.
      const y = tensor(random, [1, size], 2) as tf.Tensor2D
      const both = tf.concat([y, y]) as tf.Tensor2D
      const [ga, gb] = rows(operator.bind(both).apply(x) as tf.Tensor)
      const more = slack + 4 * rounding(terms, frobenius(rows(y)[0]!))
      expect(frobenius(minus(ga!, gb!))).toBeLessThanOrEqual(modulus * away + more)
      const { state } = solveFromAnywhere(operator, x, random, { maxSteps: 2000 })
      const [sa, sb] = rows(state)
      const error = residuals(operator, x, state).reduce((s, r) => s + r, 0) / (1 - modulus)
      expect(frobenius(minus(sa!, sb!))).toBeLessThanOrEqual(
        solutionLipschitz!() * away + error + slack / (1 - modulus),
      )
    })
    operator.dispose()
  }
  return count
}

export function drawInputConvex(count: number, seed: number): number {
  const random = normal(seed)
  for (let i = 0; i < count; i++) {
    const [size, depth] = [1 + (i % 5), 1 + (i % 3)]
    const hidden = Array.from({ length: depth }, (_, l) => 1 + ((i + 3 * l) % 7))
    const [beta, alpha] = [[0.5, 4, 20][i % 3]!, [1, 0.3][i % 2]!]
    const operator = inputConvex({ size, hidden, smoothness: beta, convexity: alpha })
    const { modulus } = operator.certificate
    const eta = 2 / (2 * alpha + beta)
    scoped(() => {
      redraw(operator, random, 0.01, 5)
      const x = tensor(random, [2, size], spreadScale(random, 0.05, 5)) as tf.Tensor2D
      const [a, b] = rows(x)
      const gap = minus(a!, b!)
      const away = frobenius(gap)
      const y = tensor(random, [1, size], 2) as tf.Tensor2D
      const both = tf.concat([y, y]) as tf.Tensor2D
      const terms = size + hidden.reduce((s, t) => s + t, 0)
      // T(z) is z, y and η∇f, whose size is measured; its own products have no cancellation beyond that of signs: the
      // pre-activations are off by 2⁻²⁴ of their size, and that passes through slopes bounded by the curvature β.
      const moved = operator.bind(both).apply(x) as tf.Tensor2D
      const [ga, gb] = rows(moved)
      const flat = rows(operator.bind(x).apply(x) as tf.Tensor) // z − η∇f(z)
      const steps = [frobenius(minus(a!, flat[0]!)), frobenius(minus(b!, flat[1]!))]
      const slack = 4 * rounding(terms, frobenius(a!), frobenius(b!), frobenius(rows(y)[0]!), ...steps, 1)
      expect(frobenius(minus(ga!, gb!)), `draw ${i}`).toBeLessThanOrEqual(modulus * away + slack)
      // Convexity of f + its smoothness: 0 ≤ ⟨∇f(a) − ∇f(b), a − b⟩ ≤ β‖a − b‖².
      const slopes = minus(minus(a!, flat[0]!), minus(b!, flat[1]!)).map((d) => d / eta)
      expect(dot(slopes, gap)).toBeGreaterThanOrEqual((-slack / eta) * away)
      expect(frobenius(slopes)).toBeLessThanOrEqual(beta * away + slack / eta)
      const middle = tf.mul(tf.add(tf.slice(x, [0, 0], [1, size]), tf.slice(x, [1, 0], [1, size])), 0.5) as tf.Tensor2D
      const [fa, fb] = Array.from(operator.potential(x).dataSync()) as [number, number]
      const [fm] = operator.potential(middle).dataSync()
      expect(fm).toBeLessThanOrEqual((fa + fb) / 2 + rounding(terms, Math.abs(fa), Math.abs(fb)))
      // The equilibrium is a proximal map: nonexpansive.
      const { state } = solveFromAnywhere(operator, x, random, { maxSteps: 2000 })
      const [sa, sb] = rows(state)
      const error = residuals(operator, x, state).reduce((s, r) => s + r, 0) / (1 - modulus)
      expect(frobenius(minus(sa!, sb!))).toBeLessThanOrEqual(away + error + slack / (1 - modulus))
    })
    operator.dispose()
  }
  return count
}
