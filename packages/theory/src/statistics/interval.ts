import { quantile, sorted } from './quantile.ts'
import { uniform } from './random.ts'
import { studentQuantile } from './student.ts'

/** A confidence interval; an end that nothing bounds is `null`. */
export interface Interval {
  readonly low: number | null
  readonly high: number | null
}

/** Arithmetic mean; `NaN` of nothing. */
export const meanOf = (values: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/**
 * Student's interval for a mean, `x̄ ± t_{n−1} s/√n`: exact for normal values, and good for skewed ones from some dozens
 * of samples on. Unbounded for fewer than two values. Values must be finite and independent.
 */
export function meanInterval(values: ArrayLike<number>, confidence: number): Interval {
  const n = values.length
  if (n < 2) return { low: null, high: null }
  const mean = meanOf(values)
  let squares = 0
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2
  const half = studentQuantile((1 + confidence) / 2, n - 1) * Math.sqrt(squares / (n - 1) / n)
  return { low: mean - half, high: mean + half }
}

/** Percentile bootstrap interval for a mean: resamples the values (which must be independent). @cite efron1979 */
export function bootstrapInterval(
  values: ArrayLike<number>,
  options: { readonly confidence: number; readonly seed: number; readonly resamples?: number },
): Interval {
  const n = values.length
  if (n < 2) return { low: null, high: null }
  const next = uniform(options.seed)
  const means = Float64Array.from({ length: options.resamples ?? 2000 }, () => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += values[Math.floor(next() * n)]!
    return sum / n
  }).sort()
  return { low: quantile(means, (1 - options.confidence) / 2), high: quantile(means, (1 + options.confidence) / 2) }
}

/**
 * Distribution-free interval for the `q`-quantile: two order statistics, from the binomial law of the number of values
 * below it. An end is `null` when there are too few values to bound it.
 */
export function quantileInterval(values: Iterable<number>, q: number, confidence: number): Interval {
  const ascending = sorted(values)
  const n = ascending.length
  const tail = (1 - confidence) / 2
  let cumulative = 0
  let low: number | null = null
  let high: number | null = null
  for (let k = 0; k <= n; k++) {
    // before adding: P(B ≤ k − 1), the chance that the k-th value (counted from 1) lies above the quantile
    if (k > 0 && cumulative <= tail) low = ascending[k - 1]!
    if (k > 0 && high === null && 1 - cumulative <= tail) high = ascending[k - 1]!
    cumulative += Math.exp(
      logBinomial(n, k) + (k === 0 ? 0 : k * Math.log(q)) + (n - k === 0 ? 0 : (n - k) * Math.log1p(-q)),
    )
  }
  return { low, high }
}

/**
 * With the given confidence, at most this share of all samples lies above the largest of `n` seen: `1 − (1 − c)^{1/n}`.
 */
export const shareAboveMaximum = (n: number, confidence: number): number => 1 - (1 - confidence) ** (1 / n)

function logBinomial(n: number, k: number): number {
  let sum = 0
  for (let i = 1; i <= Math.min(k, n - k); i++) sum += Math.log((n - i + 1) / i)
  return sum
}
