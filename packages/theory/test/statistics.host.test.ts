import { describe, expect, test } from 'vitest'
import {
  bootstrapInterval,
  meanInterval,
  meanOf,
  normal,
  quantile,
  quantileInterval,
  shareAboveMaximum,
  sorted,
  uniform,
} from '@equilibria/theory'
import { studentQuantile } from '../src/statistics/student.ts'

describe('statistics', () => {
  test('quantiles of Student’s t agree with the tables', () => {
    // two-sided 95 %: 12.706 (1), 4.303 (2), 2.571 (5), 2.228 (10), 2.042 (30), 1.984 (100); 1.960 in the limit
    const table = [
      [1, 12.7062],
      [2, 4.30265],
      [5, 2.57058],
      [10, 2.22814],
      [30, 2.04227],
      [100, 1.98397],
    ] as const
    for (const [degrees, value] of table) expect(studentQuantile(0.975, degrees)).toBeCloseTo(value, 4)
    expect(studentQuantile(0.975, 1e6)).toBeCloseTo(1.95997, 4)
    expect(studentQuantile(0.995, 9)).toBeCloseTo(3.24984, 4)
  })

  test('a 95 % interval of the mean covers the truth 95 % of the time', () => {
    // 2 000 trials: the count of hits has standard deviation .5 %; ± 4 of them. The bootstrap is known to fall short at n = 20
    // (percentile intervals are too narrow by about √((n−1)/n) and the normal quantile): 92.5 % expected, ± 2.
    const rate = (
      make: (values: number[], trial: number) => { low: number | null; high: number | null },
      n: number,
    ) => {
      let hits = 0
      for (let trial = 0; trial < 2000; trial++) {
        const draw = normal(1000 + trial)
        const { low, high } = make(
          Array.from({ length: n }, () => 3 + 2 * draw()),
          trial,
        )
        if (low! <= 3 && 3 <= high!) hits++
      }
      return hits / 2000
    }
    expect(Math.abs(rate((v) => meanInterval(v, 0.95), 8) - 0.95)).toBeLessThan(0.02)
    const bootstrap = rate((values, seed) => bootstrapInterval(values, { confidence: 0.95, seed, resamples: 300 }), 20)
    expect(bootstrap).toBeGreaterThan(0.905)
    expect(bootstrap).toBeLessThan(0.955)
  })

  test('an order-statistic interval covers the median of a skewed law at least 95 % of the time', () => {
    let hits = 0
    for (let trial = 0; trial < 2000; trial++) {
      const next = uniform(trial)
      const { low, high } = quantileInterval(
        Array.from({ length: 40 }, () => -Math.log(1 - next())),
        0.5,
        0.95,
      )
      if (low! <= Math.LN2 && Math.LN2 <= high!) hits++
    }
    // exact for n = 40: P(14 ≤ B ≤ 26) = 96.2 %
    expect(hits / 2000).toBeGreaterThan(0.945)
    expect(hits / 2000).toBeLessThan(0.985)
    expect(quantileInterval([1, 2, 3], 0.5, 0.95)).toEqual({ low: null, high: null })
  })

  test('299 samples leave at most 1 % above their maximum, with 95 % confidence', () => {
    expect(shareAboveMaximum(299, 0.95)).toBeLessThan(0.01)
    expect(shareAboveMaximum(298, 0.95)).toBeGreaterThan(0.01)
  })

  test('quantiles interpolate and ignore what is not finite', () => {
    const values = sorted([4, Number.NaN, 1, Number.POSITIVE_INFINITY, 2, 3])
    expect([...values]).toEqual([1, 2, 3, 4])
    expect([0, 0.5, 0.9, 1].map((q) => quantile(values, q))).toEqual([1, 2.5, 3.7, 4])
    expect(quantile([], 0.5)).toBeNaN()
    expect(meanOf([1, 2, 6])).toBe(3)
  })
})
