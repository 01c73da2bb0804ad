import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import type { ExitRule } from '@equilibria/spec'
import {
  argmaxStability,
  decisionMargin,
  defineOperator,
  entropyChange,
  equilibrium,
  klChange,
  outputChange,
} from '@equilibria/core'
import { leakless, plain } from './helpers.ts'

/** `z ← a z + (1 − a) x`: after `t` steps from 0 the state is `(1 − aᵗ) x`, so every rule can be worked out by hand. */
const approach = defineOperator<tf.Tensor2D, { a: tf.Tensor2D; x: tf.Tensor2D }>({
  name: 'approach',
  initial: ({ x }) => tf.zerosLike(x),
  apply: (z, { a, x }) => tf.add(tf.mul(z, a), tf.mul(x, tf.sub(1, a))),
})
const stepsOf = (exit: ExitRule<tf.Tensor2D>, x: number[][], a: number[] = x.map(() => 0.5)) => {
  const { stats } = equilibrium(approach, { solver: plain(), tolerance: 0, maxSteps: 40 }).solve(
    { a: tf.tensor2d(a, [a.length, 1]), x: tf.tensor2d(x) },
    { exit },
  )
  return stats.perSample.status.map((s, b) => (s === 'exited' ? stats.perSample.steps[b] : s))
}
const decode = (z: tf.Tensor2D) => z

test('output change: ‖y_t − y_{t−1}‖ ≤ tolerance · max(‖y_t‖, 1)', () =>
  leakless(() => {
    // The change at step t is 0.5ᵗ ‖x‖ with ‖x‖ = 1: ≤ 1/16 at t = 4. The slow row moves by 0.9ᵗ⁻¹ · 0.1: at t = 6.
    expect(
      stepsOf(
        outputChange({ decode, tolerance: 1 / 16 }),
        [
          [1, 0],
          [0, 1],
        ],
        [0.5, 0.9],
      ),
    ).toEqual([4, 6])
  }))
test('decision margin: best logit minus runner-up', () =>
  leakless(() => {
    // The margin is (1 − 0.5ᵗ) · 2: ≥ 1.8 at t = 4; never for a tie.
    expect(
      stepsOf(decisionMargin({ decode, margin: 1.8 }), [
        [2, 0, -3],
        [1, 1, 0],
      ]),
    ).toEqual([4, 'max-steps'])
  }))
test('the same best class several times in a row', () =>
  leakless(() => {
    expect(
      stepsOf(argmaxStability({ decode, times: 3 }), [
        [2, 0],
        [0, 2],
      ]),
    ).toEqual([3, 3])
  }))
test('entropy and KL of the softmax stop moving', () =>
  leakless(() => {
    const p = (t: number) => 1 / (1 + Math.exp(-2 * (1 - 0.5 ** t)))
    const entropy = (q: number) => -q * Math.log(q) - (1 - q) * Math.log(1 - q)
    const kl = (q: number, r: number) => q * Math.log(q / r) + (1 - q) * Math.log((1 - q) / (1 - r))
    const first = (test: (t: number) => boolean) => {
      let t = 1
      while (!test(t)) t++
      return t
    }
    const tolerance = 1e-3
    expect(stepsOf(entropyChange({ decode, tolerance }), [[2, 0]])).toEqual([
      first((t) => t > 1 && Math.abs(entropy(p(t)) - entropy(p(t - 1))) < tolerance),
    ])
    expect(stepsOf(klChange({ decode, tolerance }), [[2, 0]])).toEqual([
      first((t) => kl(t === 1 ? 0.5 : p(t - 1), p(t)) < tolerance),
    ])
  }))
test('an exit rule does not mix rows when finished ones have left the batch', () =>
  leakless(() => {
    const a = [0.1, 0.95, 0.2, 0.9, 0.3, 0.8, 0.4, 0.7]
    const x = a.map((_, i) => [1 + i, -i])
    const rule = outputChange({ decode, tolerance: 1e-3 })
    const together = stepsOf(rule, x, a)
    expect(together).toEqual(a.map((_, i) => stepsOf(rule, [x[i]!], [a[i]!])[0]))
  }))
test('settings that could never fire, and answers that are not one row per sample, are refused', () =>
  leakless(() => {
    for (const make of [
      () => outputChange({ decode, tolerance: Number.NaN }),
      () => decisionMargin({ decode, margin: -1 }),
      () => entropyChange({ decode, tolerance: Number.NaN }),
      () => klChange({ decode, tolerance: -1 }),
      () => argmaxStability({ decode, times: 0 }),
    ])
      expect(make).toThrow(/ is (NaN|-1|0)\./)
    const whole = outputChange({ decode: (z: tf.Tensor2D) => tf.mean(z, 0) })
    expect(() =>
      stepsOf(whole, [
        [1, 0, 2],
        [0, 1, 1],
      ]),
    ).toThrow(/decode\(\) gave \(3\) for 2 samples/)
  }))
