import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { GradientMode, Solver } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import {
  aitken,
  anderson,
  auto,
  bestSoFar,
  bounded,
  chebyshev,
  damped,
  halpern,
  krasnoselskiiMann,
  minimalPolynomial,
  picard,
  reducedRank,
  safeguarded,
  vectorEpsilon,
} from '@equilibria/solvers'
import { checkpointedUnrolled, unrolled } from '@equilibria/implicit-diff'
import { EquilibriaError } from '@equilibria/tensor'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => {
  expect(tf.memory().numTensors).toBe(before)
  expect(tf.engine().state.gradientDepth).toBe(0)
})

const STEPS = 5
/** `z = tanh(w (z₁ + 0.5 z₂) + c)`, both entries: `Σ z_t²` as a function of `w`. */
const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
  name: 'tanh',
  initial: (w) => tf.zeros([w.shape[0], 2]),
  apply: (z, w) =>
    tf.tanh(tf.add(tf.mul(w, tf.matMul(z, tf.tensor2d([[1, 0.3], [0.5, -0.8]]))), tf.tensor1d([0.4, -0.2]))), // prettier-ignore
})
const loss = (w: tf.Tensor, solver: Solver, gradient: GradientMode): tf.Tensor => {
  const layer = equilibrium(operator, { solver, gradient, tolerance: 0, maxSteps: STEPS })
  return tf.sum(tf.square(layer.solve(w as tf.Tensor2D).state))
}
const first = (w: tf.Tensor, solver: Solver, gradient: GradientMode): tf.Tensor =>
  tf.grad((v: tf.Tensor) => loss(v, solver, gradient))(w)
const modes: readonly (readonly [string, () => GradientMode])[] = [
  ['unrolled', unrolled],
  ['checkpointed', () => checkpointedUnrolled({ every: 2 })],
]
const AT = 0.8

describe.each(modes)('second derivatives: %s', (_, mode) => {
  test.each<[string, () => Solver]>([
    ['picard', () => picard()],
    ['picard, damped', () => picard({ damping: 0.6 })],
    ['damped(picard)', () => damped(picard(), 0.7)],
    ['krasnoselskiiMann', () => krasnoselskiiMann()],
    ['krasnoselskiiMann, fixed', () => krasnoselskiiMann({ damping: 0.4 })],
    ['halpern', () => halpern()],
    ['chebyshev', () => chebyshev({ radius: 0.7 })],
    ['safeguarded(picard)', () => safeguarded(picard())],
    ['bounded(picard)', () => bounded(picard(), { lower: -0.3, upper: 0.5 })],
  ])('%s: that of the steps taken, by differences of the first', (_, make) => {
    tf.tidy(() => {
      const h = 1e-2
      const [low, high] = [AT - h, AT + h].map((w) => first(tf.tensor2d([[w]]), make(), mode()).dataSync()[0]!)
      const second = tf
        .grad((w: tf.Tensor) => first(w, make(), mode()))(tf.tensor2d([[AT]]))
        .dataSync()[0]!
      // First derivatives of size 1 to a few 2⁻²³, over 2h; h² times the third derivative, of size 1 to 10.
      expect(Math.abs(second - (high! - low!) / (2 * h))).toBeLessThan(3e-3)
      expect(Math.abs(second)).toBeGreaterThan(0.03)
      // The first one itself, by differences of the loss.
      const [a, b] = [AT - h, AT + h].map((w) => loss(tf.tensor2d([[w]]), make(), mode()).dataSync()[0]!)
      const slope = first(tf.tensor2d([[AT]]), make(), mode()).dataSync()[0]!
      expect(Math.abs(slope - (b! - a!) / (2 * h))).toBeLessThan(1e-3)
    })
  })

  test.each<[string, () => Solver]>([
    ['anderson', () => anderson()],
    ['aitken', () => aitken()],
    ['minimalPolynomial', () => minimalPolynomial()],
    ['reducedRank', () => reducedRank()],
    ['vectorEpsilon', () => vectorEpsilon()],
    ['damped(anderson)', () => damped(anderson(), 0.5)],
    ['safeguarded(anderson)', () => safeguarded(anderson())],
  ])('%s: refused, and the first derivative is not', (_, make) => {
    tf.tidy(() => {
      expect(Number.isFinite(first(tf.tensor2d([[AT]]), make(), mode()).dataSync()[0]!)).toBe(true)
      let caught: unknown
      try {
        tf.grad((w: tf.Tensor) => first(w, make(), mode()))(tf.tensor2d([[AT]]))
      } catch (error) {
        caught = error
      }
      expect(EquilibriaError.is(caught) && caught.code).toBe('gradient')
      expect(String(caught)).toMatch(/second derivative; ".*" finds coefficients of its steps aside/)
    })
  })
})

test('of a chain of methods: all of them count', () => {
  tf.tidy(() => {
    const w = () => tf.tensor2d([[AT]])
    const chain = (solver: Solver): Solver => ({ ...picard(), after: { solver } })
    expect(() => tf.grad((v: tf.Tensor) => first(v, chain(anderson()), unrolled()))(w())).toThrow(/"anderson/)
    for (const solver of [chain(halpern()), bestSoFar(picard()), auto({ methods: [picard(), halpern()] })])
      expect(
        Number.isFinite(
          tf
            .grad((v: tf.Tensor) => first(v, solver, unrolled()))(w())
            .dataSync()[0],
        ),
      ).toBe(true)
  })
})
test('of several starts: refused', () => {
  tf.tidy(() => {
    const layer = equilibrium(operator, { solver: picard(), gradient: unrolled(), maxSteps: STEPS })
    const slope = (w: tf.Tensor) =>
      tf.grad((v: tf.Tensor) => tf.sum(layer.solve(v as tf.Tensor2D, { breadth: { starts: 2 } }).state))(w)
    expect(Number.isFinite(slope(tf.tensor2d([[AT]])).dataSync()[0])).toBe(true)
    expect(() => tf.grad((w: tf.Tensor) => slope(w))(tf.tensor2d([[AT]]))).toThrow(/several starts/)
  })
})
