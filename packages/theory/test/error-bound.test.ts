import * as tf from '@tensorflow/tfjs-core'
import { bindProblem, defineOperator, referenceKernels } from '@equilibria/core'
import { scoped } from '@equilibria/tensor'
import { describe, expect, test } from 'vitest'
import {
  errorBound,
  type ErrorBoundOptions,
  haltingMargin,
  normal,
  quantile,
  remainingMove,
  sorted,
} from '@equilibria/theory'
import { truthCases } from './truth.ts'

type Row = tf.Tensor2D
const cases = truthCases()

/** A random tanh layer, and its equilibrium in float64; rows are inputs. */
function layer(n: number, batch: number, gain: number, seed: number) {
  const draw = normal(seed)
  const round = (x: number) => Math.fround(x)
  const w = Array.from({ length: n }, () => Array.from({ length: n }, () => round((gain * draw()) / Math.sqrt(n))))
  const x = Array.from({ length: batch }, () => Array.from({ length: n }, () => round(draw())))
  const apply = (z: number[], b: number[]) => b.map((v, j) => Math.tanh(z.reduce((s, y, i) => s + y * w[i]![j]!, v)))
  const exact = x.map((b) => {
    let z = b.map(() => 0)
    for (let k = 0; k < 2000; k++) {
      const next = apply(z, b)
      const moved = Math.hypot(...next.map((v, i) => v - z[i]!))
      z = next
      if (moved < 1e-15) break
    }
    return Math.hypot(...apply(z, b).map((v, i) => v - z[i]!)) < 1e-12 ? z : undefined
  })
  return { w, x, exact }
}

/** Errors and bounds of many random layers after a few Picard steps. */
function coverage(count: number, options: ErrorBoundOptions, seed: number) {
  const seen: { readonly error: number; readonly bound: number }[] = []
  let k = 0
  while (seen.length < count) {
    const { w, x, exact } = layer(4 + (k % 9), 5, 0.3 + 0.1 * (k % 11), seed + k)
    const steps = 1 + ((7 * k) % 25)
    k++
    const before = tf.memory().numTensors
    scoped(() => {
      const weight = tf.tensor2d(w)
      const operator = defineOperator({
        name: 'layer',
        initial: (input: Row): Row => tf.zerosLike(input),
        apply: (z, input) => tf.tanh(tf.add(tf.matMul(z, weight), input)),
      })
      const { problem, start } = bindProblem(operator, tf.tensor2d(x), referenceKernels)
      let z = start
      for (let i = 0; i < steps; i++) z = problem.apply(z)
      const { detail } = errorBound(options).analyze(problem, z)
      const values = z.arraySync()
      exact.forEach((truth, b) => {
        if (truth) seen.push({ error: Math.hypot(...truth.map((v, i) => v - values[b]![i]!)), bound: detail.error[b]! })
      })
      return undefined
    })
    expect(tf.memory().numTensors).toBe(before)
  }
  // Coverage among those that say something: Infinity covers everything.
  const spoken = seen.filter(({ bound }) => bound < Number.POSITIVE_INFINITY)
  const covered = spoken.filter(({ error, bound }) => error <= bound).length / spoken.length
  // Where the error is more than the rounding of the truth itself and the bound says something.
  const over = quantile(sorted(seen.flatMap(({ error, bound }) => (error > 1e-5 ? [bound / error] : []))), 0.5)
  return { covered, over, silent: seen.filter(({ bound }) => bound === Number.POSITIVE_INFINITY).length / seen.length }
}

describe('errorBound()', () => {
  test('the correction covers at least 99 % of 500 random layers, and is 1.12 times too large in the middle', () => {
    const { covered, over, silent } = coverage(500, {}, 100)
    expect(covered).toBeGreaterThanOrEqual(0.99)
    expect(over).toBeLessThan(1.3)
    expect(over).toBeGreaterThanOrEqual(1)
    expect(silent).toBeLessThan(0.05)
  })

  test('ratios of Picard steps do so without products', () => {
    const { covered, over, silent } = coverage(900, { method: 'ratios' }, 100)
    // Where steps are within rounding there are no ratios, and it says so: 42 % of these had converged that far.
    expect(silent).toBeLessThan(0.5)
    expect(covered).toBeGreaterThanOrEqual(0.99)
    expect(over).toBeLessThan(5)
  })

  test('a known modulus is a bound, reached on a line', () => {
    const half = (lipschitz?: number) =>
      defineOperator({
        name: 'line',
        ...(lipschitz === undefined ? {} : { traits: { lipschitz } }),
        initial: (x: Row): Row => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(z, 0.75), x),
      })
    scoped(() => {
      const { problem, start } = bindProblem(half(0.75), tf.tensor2d([[1], [-2]]), referenceKernels)
      const report = errorBound().analyze(problem, start)
      expect([report.evidence, report.detail.method]).toEqual(['bound', 'modulus'])
      expect(report.detail.error[0]!).toBeGreaterThanOrEqual(4)
      expect(report.detail.error[0]!).toBeLessThan(4 + 1e-6)
      expect(report.value).toBe(report.detail.error[1])
      const unknown = bindProblem(half(), tf.tensor2d([[1]]), referenceKernels)
      expect(errorBound({ modulus: 0.8 }).analyze(unknown.problem, unknown.start).value).toBeCloseTo(5, 5)
    })
  })

  test('a small residual with a large error is not believed: z − z³ at 1e-2', () => {
    scoped(() => {
      const cubic = defineOperator({
        name: 'cubic',
        initial: (x: Row): Row => x,
        apply: (z) => tf.sub(z, tf.mul(z, tf.square(z))),
      })
      const { problem, start } = bindProblem(cubic, tf.tensor2d([[1e-2]]), referenceKernels)
      const { value, detail } = errorBound({ method: 'ratios' }).analyze(problem, start)
      expect(detail.residual[0]!).toBeLessThan(2e-6)
      // The true error is 1e-2; the ratio is 1 − 3z² to float32.
      expect(value).toBeGreaterThan(3e-3)
    })
  })

  test('maps that expand: the correction still finds the distance, ratios say nothing', () => {
    scoped(() => {
      const expansive = defineOperator({
        name: 'expansive',
        initial: (x: Row): Row => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(z, -5), x),
      })
      const { problem, start } = bindProblem(expansive, tf.tensor2d([[1], [Number.NaN]]), referenceKernels)
      const { detail, verdict } = errorBound().analyze(problem, start)
      expect(detail.error[0]! * 6).toBeGreaterThanOrEqual(1)
      expect(detail.error[0]! * 6).toBeLessThan(1.2)
      expect([detail.error[1], verdict]).toEqual([Number.POSITIVE_INFINITY, 'unknown'])
      expect(errorBound({ method: 'ratios' }).analyze(problem, start).detail.error[0]).toBe(Number.POSITIVE_INFINITY)
    })
  })

  test('the cost is the cost stated', () => {
    scoped(() => {
      const line = defineOperator({
        name: 'line',
        initial: (x: Row): Row => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(z, tf.tensor2d([[0.1, 0.5, 0.9]])), x),
      })
      const { problem, start, count } = bindProblem(line, tf.ones<tf.Rank.R2>([2, 3]), referenceKernels)
      const cost = (run: () => unknown) => {
        const before = count.evaluations
        run()
        return count.evaluations - before
      }
      expect(cost(() => errorBound({ modulus: 0.9 }).analyze(problem, start))).toBe(1)
      expect(cost(() => errorBound({ method: 'ratios' }).analyze(problem, start))).toBe(5)
      // linearize, three products for three eigenvalues, and G at the corrected state
      expect(cost(() => errorBound().analyze(problem, start))).toBe(1 + 3 + 1)
    })
  })

  test('settings are checked', () => {
    expect(() => errorBound({ steps: 0 })).toThrow('steps')
    expect(() => errorBound({ safety: 0.5 })).toThrow('safety')
    expect(() => errorBound({ modulus: 1 })).toThrow('modulus')
  })
})

describe('haltingMargin()', () => {
  test.skipIf(!cases)('the truth case: 2 L μ/(1 − μ) Δ = .12 < .2 decides, up to Δ = .01666…', () => {
    const { params, truth } = cases!.get('banach_halting_margin')! as unknown as {
      params: { mu: number; L_head: number; diff: number; margin: number }
      truth: { bound: number; max_diff_to_halt: number }
    }
    const at = (difference: number) => {
      const error = remainingMove({ modulus: params.mu, difference })
      return haltingMargin([[params.margin, 0]], { error, head: params.L_head })
    }
    expect(at(params.diff).detail.decided).toEqual([true])
    expect(at(params.diff).detail.reach[0]! + params.margin).toBeCloseTo(truth.bound, 12)
    expect(at(truth.max_diff_to_halt * 0.999).value).toBe(1)
    expect(at(truth.max_diff_to_halt * 1.001).value).toBe(0)
    expect(remainingMove({ modulus: 0.8, difference: 1, steps: 3 })).toBeCloseTo(0.8 + 0.64 + 0.512, 12)
    expect(remainingMove({ modulus: 0, difference: 1 })).toBe(0)
  })

  test('what is decided never changes: a linear head, states anywhere within the error', () => {
    const draw = normal(11)
    let decided = 0
    for (let k = 0; k < 200; k++) {
      const weight = [0, 1, 2].map(() => [draw(), draw()])
      const z = [draw(), draw()]
      const logits = (at: number[]) => weight.map((row) => row[0]! * at[0]! + row[1]! * at[1]!)
      const error = 0.3
      const { detail } = haltingMargin([logits(z)], { error, head: weight })
      if (!detail.decided[0]) continue
      decided++
      const top = (row: number[]) => row.indexOf(Math.max(...row))
      for (let angle = 0; angle < 60; angle++) {
        const moved = [z[0]! + error * Math.cos(angle / 9.5), z[1]! + error * Math.sin(angle / 9.5)]
        expect(top(logits(moved))).toBe(top(logits(z)))
      }
      // The sharp head decides whenever the constant of the worst row does.
      const L = Math.max(...weight.map((row) => Math.hypot(...row)))
      if (haltingMargin([logits(z)], { error, head: L }).value === 1) expect(detail.decided[0]).toBe(true)
    }
    expect(decided).toBeGreaterThan(50)
    expect(haltingMargin([[1, 1]], { error: 0, head: 1 }).verdict).toBe('fails')
    expect(() => haltingMargin([[1]], { error: 0, head: 1 })).toThrow('two or more')
    expect(() => haltingMargin([[1, 2]], { error: [-1], head: 1 })).toThrow('error')
  })
})
