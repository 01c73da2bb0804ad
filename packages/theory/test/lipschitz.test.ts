import * as tf from '@tensorflow/tfjs-core'
import type { Operator, Perturbation } from '@equilibria/spec'
import { defineOperator } from '@equilibria/core'
import { EquilibriaError, scoped, takeRows } from '@equilibria/tensor'
import { describe, expect, test } from 'vitest'
import { aggregateLipschitz, joinSamples, lipschitzCurve, perturbationSamples, picardMap } from '@equilibria/theory'
import { truthCases } from './truth.ts'

type Row = tf.Tensor2D
const cases = truthCases()
const numbers = (value: unknown): number[] => value as number[]
/** Beyond 100 steps only the limit is repeated, at a tape of as many steps: those are in lipschitz.slow.test.ts. */
const quick = (value: unknown): number[] => numbers(value).filter((t) => t <= 100)
const matrix = (value: unknown): tf.Tensor2D => tf.tensor2d(value as number[][])

/** No tensor may survive. */
function clean<T>(fn: () => T): T {
  const before = tf.memory().numTensors
  const result = fn()
  expect(tf.memory().numTensors).toBe(before)
  return result
}

const reciprocal = (eta: number): Operator<Row, Row> =>
  defineOperator({
    name: 'reciprocal',
    initial: (x: Row): Row => tf.zerosLike(x),
    apply: (y, x) => tf.sub(y, tf.mul(eta, tf.sub(tf.mul(x, y), 1))),
  })

/** `y ← y W + x V` on rows. */
const affine = (w: tf.Tensor2D, v: tf.Tensor2D): Operator<Row, Row> =>
  defineOperator({
    name: 'affine',
    initial: (x: Row): Row => tf.zerosLike(x),
    apply: (y, x) => tf.add(tf.matMul(y, w), tf.matMul(x, v)),
  })

/** Random directions of the given length, the same for one seed. */
const gaussian: Perturbation<Row> = {
  name: 'x',
  apply: (x, { seed, radius }) =>
    tf.tidy(() => {
      const noise = tf.randomNormal(x.shape, 0, 1, 'float32', seed) as Row
      return tf.add(x, tf.mul(tf.div(noise, tf.norm(noise, 2, 1, true)), radius))
    }),
}

const circulant = (n: number): number[][] =>
  Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => (i === j ? 0.5 : (i - j + n) % n === 1 || (j - i + n) % n === 1 ? 0.25 : 0)),
  )

/* .1 % everywhere. Power: a value is ‖Jᵀu‖ of a unit u, so float32 rounding over t steps is its only upward error, about
 * √t · 2⁻²⁴ relatively when nothing cancels, and unfinished iteration its only downward one (the gap decides: see each). */
const off = (got: number, want: number): number => Math.abs(got - want) / (Math.abs(want) + 1e-3)

describe.skipIf(!cases)('power iteration on the t-step map finds the closed form', () => {
  test('1/x on [a, 1] and towards 0', () => {
    const { params, truth } = cases!.get('recip_regular')!
    const steps = quick(params['t'])
    const [a, eta] = [params['a'] as number, params['eta'] as number]
    // The slope on [a, 1] is steepest at a; at 1e-7 it is the supremum to 3e-5 relatively for t ≤ 500 (next term η x t/3 …).
    const x = clean(() => {
      const input = tf.tensor2d([[a], [0.3], [1], [1e-7]])
      const report = lipschitzCurve(picardMap(reciprocal(eta)), input, { steps })
      const near = tf.tensor2d([[a], [0.3], [1]])
      const bounded = lipschitzCurve(picardMap(reciprocal(eta)), near, { steps })
      tf.dispose([input, near])
      return { report, bounded }
    })
    x.bounded.detail.rows.forEach(({ value }, i) =>
      expect(off(value, numbers(truth['L_t_on_a_1'])[i]!)).toBeLessThan(1e-3),
    )
    x.report.detail.rows.forEach(({ value }, i) =>
      expect(off(value, numbers(truth['L_t_sup_open_interval'])[i]!)).toBeLessThan(1e-3),
    )
    expect(x.bounded.verdict).toBe('holds')
    expect(x.bounded.detail.rows[0]!.residual.max).toBeGreaterThan(0.4)
    expect(x.bounded.detail.rows.at(-1)!.residual.max).toBeLessThan(0.01)
  })

  test('linear deblurring by gradient steps and by half-quadratic splitting', () => {
    const pgd = cases!.get('linear_deblur_pgd')!
    const { n, lam, gamma } = pgd.params as unknown as { n: number; lam: number; gamma: number }
    const gradientSteps = clean(() =>
      scoped(() => {
        const a = tf.tensor2d(circulant(n))
        const w = tf.sub(tf.eye(n), tf.mul(gamma, tf.add(tf.matMul(a, a), tf.mul(lam, tf.eye(n))))) as tf.Tensor2D
        return lipschitzCurve(picardMap(affine(w, tf.mul(a, gamma))), tf.zeros<tf.Rank.R2>([1, n]), {
          method: 'power',
          steps: quick(pgd.params['t']),
        })
      }),
    )
    gradientSteps.detail.rows.forEach(({ value }, i) =>
      expect(off(value, numbers(pgd.truth['L_t'])[i]!)).toBeLessThan(1e-3),
    )

    const hqs = cases!.get('linear_deblur_hqs')!
    const { beta, alpha } = hqs.params as unknown as { beta: number; alpha: number }
    const shrink = beta / (beta + alpha)
    // (AᵀA + βI)⁻¹ is circulant: its first row from the eigenvalues, cos²(πk/n)² + β.
    const first = Array.from({ length: n }, (_, j) => {
      let sum = 0
      for (let k = 0; k < n; k++) sum += Math.cos((2 * Math.PI * j * k) / n) / (Math.cos((Math.PI * k) / n) ** 4 + beta)
      return sum / n
    })
    const splitting = clean(() =>
      scoped(() => {
        const a = tf.tensor2d(circulant(n))
        const inverse = tf.tensor2d(
          Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => first[(j - i + n) % n]!)),
        )
        const operator = affine(tf.mul(inverse, beta * shrink), tf.mul(tf.matMul(a, inverse), shrink))
        return lipschitzCurve(picardMap(operator), tf.zeros<tf.Rank.R2>([1, n]), {
          method: 'power',
          steps: quick(hqs.params['t']),
        })
      }),
    )
    splitting.detail.rows.forEach(({ value }, i) =>
      expect(off(value, numbers(hqs.truth['L_t'])[i]!)).toBeLessThan(1e-3),
    )
  })

  test('propagation on a path of three nodes: 1 − .9^t', () => {
    const { params, truth } = cases!.get('appnp_path3')!
    const alpha = params['alpha'] as number
    const { detail } = clean(() =>
      scoped(() => {
        // Nodes on the last axis, features as samples: S is symmetric, so rows times S is S times columns.
        const operator = affine(tf.mul(matrix(params['S']), 1 - alpha), tf.mul(tf.eye(3), alpha))
        return lipschitzCurve(picardMap(operator), tf.transpose(matrix(params['X'])) as Row, {
          steps: [1, 2, 5, 10, 20, 50],
        })
      }),
    )
    detail.rows.forEach(({ value, steps }, i) => {
      expect(off(value, 1 - 0.9 ** steps)).toBeLessThan(1e-3)
      expect(off(value, numbers(truth['L_t'])[i]!)).toBeLessThan(1e-3)
    })
  })

  test('the Kepler equation at M = 0', () => {
    const { params, truth } = cases!.get('kepler')!
    const e = params['e_for_Lt'] as number
    const kepler = defineOperator({
      name: 'kepler',
      initial: (m: Row): Row => tf.zerosLike(m),
      apply: (anomaly, m) => tf.add(m, tf.mul(e, tf.sin(anomaly))),
    })
    const { detail } = clean(() =>
      scoped(() =>
        lipschitzCurve(picardMap(kepler), tf.tensor2d([[0], [0.5], [2]]), {
          method: 'power',
          steps: quick(params['t']),
        }),
      ),
    )
    detail.rows.forEach(({ value }, i) => expect(off(value, numbers(truth['L_t'])[i]!)).toBeLessThan(1e-3))
  })

  test('√x: the slope of y_t against its recursion in float64, and its limit 1/(2√x)', () => {
    const eta = cases!.get('sqrt_regular')!.params['eta'] as number
    const root = defineOperator({
      name: 'root',
      initial: (x: Row): Row => tf.zerosLike(x),
      apply: (y, x) => tf.sub(y, tf.mul(eta, tf.sub(tf.square(y), x))),
    })
    const rows = cases!.get('sqrt_regular')!.truth['rows'] as { x: number; slope: number }[]
    const steps = [1, 2, 5, 20, 60]
    for (const { x, slope } of rows) {
      const exact = steps.map((last) => {
        let [y, s] = [0, 0]
        for (let t = 0; t < last; t++) [y, s] = [y - eta * (y * y - x), s * (1 - 2 * eta * y) + eta]
        return Math.abs(s)
      })
      const { detail } = clean(() => scoped(() => lipschitzCurve(picardMap(root), tf.tensor2d([[x]]), { steps })))
      detail.rows.forEach(({ value }, i) => expect(off(value, exact[i]!)).toBeLessThan(1e-3))
      expect(off(detail.rows.at(-1)!.value, slope)).toBeLessThan(1e-3) // μ^60 ≤ .84^60 = 3e-5
    }
  })

  test('ascent over pairs finds the steep end of a ball, from below', () => {
    const { params, truth } = cases!.get('recip_regular')!
    const [a, eta] = [params['a'] as number, params['eta'] as number]
    const { detail, evidence, statement } = clean(() =>
      scoped(() =>
        // The ball [a, 1] around its middle.
        lipschitzCurve(picardMap(reciprocal(eta)), tf.tensor2d([[(1 + a) / 2]]), {
          method: 'ascent',
          reach: (1 - a) / 2,
          steps: [2, 10, 20],
        }),
      ),
    )
    expect([evidence, detail.radius]).toEqual(['observation', (1 - a) / 2])
    expect(statement).toContain('steepest pairs')
    const exact = numbers(truth['L_t_on_a_1']).filter((_, i) => [2, 10, 20].includes(numbers(params['t'])[i]!))
    // The supremum is a limit of pairs; those within reach/1000 are not used, and the slope falls by t·η ≤ 10 per unit.
    detail.rows.forEach(({ value }, i) => {
      expect(value).toBeLessThanOrEqual(exact[i]! * (1 + 1e-3)) // float32 differences of pairs 5e-4 apart
      expect(value).toBeGreaterThan(0.97 * exact[i]!)
    })
  })

  test('given perturbations bound it from below, and reach it where there is one direction', () => {
    const { params, truth } = cases!.get('kepler')!
    const e = params['e_for_Lt'] as number
    const kepler = defineOperator({
      name: 'kepler',
      initial: (m: Row): Row => tf.zerosLike(m),
      apply: (anomaly, m) => tf.add(m, tf.mul(e, tf.sin(anomaly))),
    })
    const steps = numbers(params['t']).filter((t) => t <= 20)
    const { detail } = clean(() =>
      scoped(() =>
        lipschitzCurve(picardMap(kepler), tf.zeros<tf.Rank.R2>([1, 1]), {
          method: 'perturbations',
          perturbations: [gaussian],
          // One-sided difference at 0 of an odd function: error L_t³δ²/6 relatively, ≤ 6e-4 at t = 20.
          radius: 1e-3,
          steps,
        }),
      ),
    )
    detail.rows.forEach(({ value }, i) => expect(off(value, numbers(truth['L_t'])[i]!)).toBeLessThan(1e-3))
  })
})

describe('lipschitzCurve()', () => {
  const halving = defineOperator({
    name: 'halving',
    initial: (x: Row): Row => tf.zerosLike(x),
    apply: (y, x) => tf.add(tf.mul(y, 0.5), tf.mul(x, tf.tensor2d([[1, 3]]))),
  })
  const exact = (t: number): readonly [number, number] => [2 * (1 - 0.5 ** t), 6 * (1 - 0.5 ** t)] // singular values

  test('max, mean and quantile over samples, with their intervals', () => {
    const report = (aggregator: 'max' | 'mean' | { quantile: number }) =>
      clean(() =>
        scoped(() =>
          lipschitzCurve(picardMap(halving), tf.zeros<tf.Rank.R2>([60, 2]), {
            method: 'perturbations',
            perturbations: [gaussian],
            radius: 1,
            repeats: 2,
            steps: [1, 4],
            aggregator,
          }),
        ),
      )
    const [max, mean, median] = [report('max'), report('mean'), report({ quantile: 0.5 })]
    for (const [i, t] of [1, 4].entries()) {
      const [least, most] = exact(t)
      const rows = [mean.detail.rows[i]!, max.detail.rows[i]!, median.detail.rows[i]!]
      for (const { value } of rows) {
        expect(value).toBeGreaterThan(least)
        expect(value).toBeLessThan(most * (1 + 1e-6))
      }
      expect(rows[0]!.low).toBeLessThan(rows[0]!.value)
      expect(rows[0]!.high).toBeGreaterThan(rows[0]!.value)
      expect(rows[2]!.low).toBeLessThan(rows[2]!.value)
      expect(rows[2]!.high).toBeGreaterThan(rows[2]!.value)
      expect(rows[1]!.high).toBeNull()
      expect(rows[1]!.value).toBeGreaterThan(0.99 * most) // 120 directions in the plane
      // rounding: √2 · 2⁻²⁴ · ‖y‖ with ‖y‖ = 0 at x = 0
      expect(rows[1]!.floor).toBe(0)
    }
    expect(max.statement).toMatch(/max over 60 samples/)
    expect(max.evidence).toBe('observation')
    expect(max.detail.shareAboveMaximum).toBeCloseTo(1 - 0.05 ** (1 / 60), 12)
  })

  test('a batch measured in parts is the batch', () => {
    clean(() =>
      scoped(() => {
        const options = { perturbations: [{ name: 'shift', apply: shift }], radius: 0.5, steps: [1, 3] }
        const x = tf.randomNormal([10, 2], 0, 1, 'float32', 1) as Row
        const parts = [takeRows(x, [0, 1, 2, 3]), takeRows(x, [4, 5, 6, 7, 8, 9])].map((part) =>
          perturbationSamples(picardMap(halving), part, options),
        )
        const whole = perturbationSamples(picardMap(halving), x, options)
        expect(aggregateLipschitz(joinSamples(parts))).toEqual(aggregateLipschitz(whole))
      }),
    )
  })
  const shift: Perturbation<Row>['apply'] = (x, { radius }) => tf.add(x, tf.tensor2d([[0, radius]]))

  test('frees everything when the map throws', () => {
    clean(() => {
      const x = tf.zeros<tf.Rank.R2>([1, 2])
      const broken = (input: Row): never => {
        tf.add(input, 1)
        throw new Error('broken map')
      }
      expect(() => lipschitzCurve(broken, x, { method: 'power', steps: [1] })).toThrow('broken map')
      expect(() =>
        lipschitzCurve(broken, x, { method: 'perturbations', perturbations: [gaussian], steps: [1] }),
      ).toThrow('broken map')
      x.dispose()
    })
  })

  test('says what is wrong with its input', () => {
    const x = tf.zeros<tf.Rank.R2>([1, 2])
    const run = (options: { perturbations: Perturbation<Row>[]; radius?: number }) => () =>
      lipschitzCurve(picardMap(halving), x, { method: 'perturbations', steps: [1], ...options })
    expect(run({ perturbations: [] })).toThrow(EquilibriaError)
    expect(run({ perturbations: [gaussian], radius: 0 })).toThrow(/radius is 0/)
    x.dispose()
  })
})
