import type { Report } from '@equilibria/spec'
import { requireRange } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Interval } from '../statistics/interval.ts'
import { quantile } from '../statistics/quantile.ts'
import { uniform } from '../statistics/random.ts'
import { short } from '../words.ts'

/** How intervals are made. */
export interface ScalingFitOptions {
  /** Default `0.95`. */
  readonly confidence?: number
  /** Default `200`. */
  readonly resamples?: number
  /** Default `0`. */
  readonly seed?: number
}

/** One law, fitted. */
export interface ScalingLaw {
  /** `exponential`: `a − b e^{−ct}`; `power`: `a − b t^{−c}`. */
  readonly law: 'exponential' | 'power'
  readonly limit: number
  readonly amplitude: number
  readonly rate: number
  /** Share of the variance explained. */
  readonly explained: number
  readonly limitInterval: Interval
  readonly rateInterval: Interval
}

/** Both laws, the better first. */
export interface ScalingFitDetail {
  readonly laws: readonly [ScalingLaw, ScalingLaw]
}

/**
 * A metric against iterations, by the two saturating laws: `a − b e^{−ct}` and `a − b t^{−c}`. Least squares: for each rate
 * `c` the others are linear, so only `c` is searched (grid, then golden section). Intervals by resampling residuals.
 *
 * `holds` if the better law explains 90 % of the variance. Value: its limit `a`. An extrapolation: points that have not
 * begun to bend say nothing about the limit, and the interval says so by being wide.
 *
 * @cost none: host arithmetic
 * @throws EquilibriaError `shape` on fewer than four points, lengths that differ, or depths that are not positive
 * @cite efron1979
 * @example
 * ```ts
 * import { scalingFit } from '@equilibria/theory'
 *
 * const steps = [1, 2, 4, 8, 16, 32]
 * const { detail } = scalingFit(steps, steps.map((t) => 0.9 - 0.5 * Math.exp(-0.2 * t)))
 * console.log(detail.laws[0].law, detail.laws[0].limit) // exponential .9
 * ```
 */
export function scalingFit(
  steps: readonly number[],
  metric: readonly number[],
  options: ScalingFitOptions = {},
): Report<ScalingFitDetail> {
  const { confidence = 0.95, resamples = 200, seed = 0 } = options
  requireRange('scalingFit({ confidence })', confidence, 0, 1)
  if (
    steps.length < 4 ||
    steps.length !== metric.length ||
    steps.some((t) => !(t > 0)) ||
    !metric.every(Number.isFinite)
  )
    throw new EquilibriaError(
      'shape',
      `scalingFit() got ${steps.length} depths and ${metric.length} values.`,
      'Pass at least four positive depths, and one finite value for each.',
    )
  const fitted = (['exponential', 'power'] as const).map((law): ScalingLaw => {
    const own = fit(law, steps, metric)
    const predicted = steps.map((t) => own.limit - own.amplitude * shape(law, own.rate, t))
    const left = metric.map((y, i) => y - predicted[i]!)
    // Residuals of three fitted parameters are too small by √((n − 3)/n).
    const widen = Math.sqrt(steps.length / (steps.length - 3))
    const next = uniform(seed)
    const again = Array.from({ length: resamples }, () =>
      fit(
        law,
        steps,
        predicted.map((y) => y + widen * left[Math.floor(next() * left.length)]!),
      ),
    )
    const interval = (of: (f: Fit) => number): Interval => {
      const values = Float64Array.from(again, of).sort()
      return { low: quantile(values, (1 - confidence) / 2), high: quantile(values, (1 + confidence) / 2) }
    }
    const mean = metric.reduce((a, b) => a + b, 0) / metric.length
    const total = metric.reduce((s, y) => s + (y - mean) ** 2, 0)
    return {
      law,
      limit: own.limit,
      amplitude: own.amplitude,
      rate: own.rate,
      explained: total === 0 ? 1 : 1 - own.squares / total,
      limitInterval: interval((f) => f.limit),
      rateInterval: interval((f) => f.rate),
    }
  })
  const laws = fitted.sort((p, q) => q.explained - p.explained) as [ScalingLaw, ScalingLaw]
  const [best] = laws
  return {
    kind: 'report',
    property: 'scaling',
    verdict: best.explained >= 0.9 ? 'holds' : 'unknown',
    evidence: 'estimate',
    value: best.limit,
    statement: `The metric follows ${best.law === 'exponential' ? 'a saturating exponential' : 'a power law'} towards ${short(best.limit)} with rate ${short(best.rate)} (${short(100 * best.explained)} % of the variance; the other law ${short(100 * laws[1].explained)} %).`,
    assumptions: ['Deviations from the law are independent and alike at all depths.', 'The limit is an extrapolation.'],
    sources: ['efron1979'],
    detail: { laws },
  }
}

interface Fit {
  readonly limit: number
  readonly amplitude: number
  readonly rate: number
  readonly squares: number
}

const shape = (law: ScalingLaw['law'], rate: number, t: number): number =>
  law === 'exponential' ? Math.exp(-rate * t) : t ** -rate

function fit(law: ScalingLaw['law'], steps: readonly number[], metric: readonly number[]): Fit {
  const at = (rate: number): Fit => {
    const g = steps.map((t) => shape(law, rate, t))
    const n = g.length
    const [mg, my] = [g, metric].map((v) => v.reduce((a, b) => a + b, 0) / n) as [number, number]
    const gg = g.reduce((s, x) => s + (x - mg) ** 2, 0)
    const slope = gg === 0 ? 0 : g.reduce((s, x, i) => s + (x - mg) * (metric[i]! - my), 0) / gg
    const limit = my - slope * mg
    const squares = metric.reduce((s, y, i) => s + (y - limit - slope * g[i]!) ** 2, 0)
    return { limit, amplitude: -slope, rate, squares }
  }
  // From hardly bent over the depths seen to done after the first: in decades.
  const [least, most] = law === 'exponential' ? [1e-2 / Math.max(...steps), 5 / Math.min(...steps)] : [1e-2, 10]
  const rates = Array.from({ length: 60 }, (_, i) => least * (most / least) ** (i / 59))
  const best = rates.reduce((a, rate, i) => (at(rate).squares < at(rates[a]!).squares ? i : a), 0)
  let [low, high] = [rates[Math.max(0, best - 1)]!, rates[Math.min(59, best + 1)]!]
  const golden = (Math.sqrt(5) - 1) / 2
  for (let k = 0; k < 40; k++) {
    const [a, b] = [high - golden * (high - low), low + golden * (high - low)]
    if (at(a).squares < at(b).squares) high = b
    else low = a
  }
  return at((low + high) / 2)
}
