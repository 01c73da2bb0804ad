import type { Perturbation, Report, TensorTree } from '@equilibria/spec'
import type { Aggregator, SteppedMap } from '../map.ts'
import type { TopSingularOptions } from '../krylov/top-singular.ts'
import {
  bootstrapInterval,
  type Interval,
  meanOf,
  quantileInterval,
  shareAboveMaximum,
} from '../statistics/interval.ts'
import { quantile, sorted } from '../statistics/quantile.ts'
import { type AscentOptions, ascentSamples } from './ascent.ts'
import { perturbationSamples } from './perturbations.ts'
import { powerSamples } from './power.ts'
import type { LipschitzSamples } from './samples.ts'

/** `L_t` at one depth. */
export interface LipschitzRow extends Interval {
  readonly steps: number
  readonly value: number
  /** Relative residual at this depth, over samples; `NaN` where the map reports none. */
  readonly residual: { readonly median: number; readonly max: number }
  /** Samples with a finite value. */
  readonly samples: number
  /** What rounding to float32 shows alone (median over samples): a value near it says nothing. */
  readonly floor: number
  /** The same aggregate for each perturbation by itself. */
  readonly byPerturbation: Readonly<Record<string, number>>
}

/** `L_t` against `t`, with everything needed to compare it with another measurement. */
export interface LipschitzCurve {
  readonly method: 'ascent' | 'perturbations' | 'power'
  readonly aggregator: Aggregator
  readonly perturbations: readonly string[]
  readonly radius: number | null
  readonly repeats: number
  readonly samples: number
  readonly dtype: 'float32'
  readonly confidence: number
  /** How the intervals were made. */
  readonly interval: string
  /** With the confidence stated, at most this share of all samples lies above the largest seen. */
  readonly shareAboveMaximum: number
  /** `power`: largest relative change in the last power step. */
  readonly change: number | null
  readonly rows: readonly LipschitzRow[]
}

export interface AggregateOptions {
  /** Default `max`. */
  readonly aggregator?: Aggregator
  /** Default `0.95`. */
  readonly confidence?: number
  /** Seed of the bootstrap. Default `0`. */
  readonly seed?: number
}

/** Depths, and how the constant is measured: the Jacobian of the map (default), a search for pairs, or perturbed inputs. */
export type LipschitzOptions<X extends TensorTree> = AggregateOptions & {
  /** Depths, increasing. */
  readonly steps: readonly number[]
} & (
    | ({ readonly method?: 'power' } & TopSingularOptions)
    | ({ readonly method: 'ascent' } & Omit<AscentOptions, 'steps'>)
    | {
        readonly method: 'perturbations'
        readonly perturbations: readonly Perturbation<X>[]
        readonly radius?: number
        readonly repeats?: number
      }
  )

/**
 * How steep the t-step map is: `L_t = aggregate over x of ‖y_t(x + δ) − y_t(x)‖ / ‖δ‖` against `t`, with confidence
 * intervals over samples, the residual at every depth, and the method on record.
 *
 * `power` (default; the largest singular value of `M_t = ∂y_t/∂x`) finds the worst direction at every sample and needs a
 * map on the tape; `ascent` searches a ball around every sample for the steepest pair, on the tape too; `perturbations`
 * takes given directions and works for any map. Each bounds `L_t` from below. `x`, `y`: leaves `[batch, …]`, one row per
 * sample. Several batches: `joinSamples` then `aggregateLipschitz`.
 *
 * @cost that of `powerSamples`, `ascentSamples` or `perturbationSamples`
 * Not a bound: no method can prove that `L_t` is small.
 *
 * @throws EquilibriaError on leaves without a common batch, no perturbation, or an illegal radius.
 * @cite liu2026
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator } from '@equilibria/core'
 * import { lipschitzCurve, picardMap } from '@equilibria/theory'
 *
 * // y = 1/x as the equilibrium of y − (xy − 1)/2: the slope of y_t at x = 0.1 grows towards 1/x² = 100.
 * const reciprocal = defineOperator({
 *   name: 'reciprocal',
 *   initial: (x: tf.Tensor2D) => tf.zerosLike(x),
 *   apply: (y, x) => tf.sub(y, tf.mul(0.5, tf.sub(tf.mul(x, y), 1))),
 * })
 * const report = lipschitzCurve(picardMap(reciprocal), tf.tensor2d([[0.1]]), { steps: [1, 10, 100] })
 * console.log(report.detail.rows.map(({ steps, value }) => [steps, value])) // 0, 8.61…, 96.29…
 * ```
 */
export function lipschitzCurve<X extends TensorTree, Y extends TensorTree>(
  map: SteppedMap<X, Y>,
  input: X,
  options: LipschitzOptions<X>,
): Report<LipschitzCurve> {
  const measured =
    options.method === 'perturbations'
      ? perturbationSamples(map, input, options)
      : options.method === 'ascent'
        ? ascentSamples(map, input, options)
        : powerSamples(map, input, options)
  return aggregateLipschitz(measured, options)
}

/** The curve of a measurement, as a report. */
export function aggregateLipschitz(measured: LipschitzSamples, options: AggregateOptions = {}): Report<LipschitzCurve> {
  const { aggregator = 'max', confidence = 0.95, seed = 0 } = options
  const within = aggregator === 'mean' ? meanOf : (values: ArrayLike<number>) => Math.max(...Array.from(values))
  const perSample = (t: number, keep: (k: number) => boolean): number[] =>
    measured.values[t]!.map((all) => {
      const values = all.filter((value, k) => keep(k) && Number.isFinite(value))
      return values.length === 0 ? Number.NaN : within(values)
    }).filter(Number.isFinite)
  const rows = measured.steps.map((steps, t): LipschitzRow => {
    const values = perSample(t, () => true)
    const residuals = sorted(measured.residuals[t]!)
    return {
      steps,
      value: aggregate(values, aggregator),
      ...interval(values, aggregator, confidence, seed),
      residual: { median: quantile(residuals, 0.5), max: quantile(residuals, 1) },
      samples: values.length,
      floor: quantile(sorted(measured.floors[t]!), 0.5),
      byPerturbation: Object.fromEntries(
        measured.perturbations.map((name, p) => [
          name,
          aggregate(
            perSample(t, (k) => Math.floor(k / measured.repeats) === p),
            aggregator,
          ),
        ]),
      ),
    }
  })
  const samples = measured.values[0]?.length ?? 0
  const detail: LipschitzCurve = {
    method: measured.method,
    aggregator,
    perturbations: measured.perturbations,
    radius: measured.radius,
    repeats: measured.repeats,
    samples,
    dtype: 'float32',
    confidence,
    interval: intervalName(aggregator, confidence),
    shareAboveMaximum: shareAboveMaximum(Math.max(samples, 1), confidence),
    change: measured.change,
    rows,
  }
  return report(detail)
}

const aggregate = (values: readonly number[], how: Aggregator): number => {
  if (values.length === 0) return Number.NaN
  if (how === 'mean') return meanOf(values)
  return quantile(sorted(values), how === 'max' ? 1 : how.quantile)
}

function interval(values: readonly number[], how: Aggregator, confidence: number, seed: number): Interval {
  if (how === 'mean') return bootstrapInterval(values, { confidence, seed })
  if (how === 'max') return { low: values.length === 0 ? null : Math.max(...values), high: null }
  return quantileInterval(values, how.quantile, confidence)
}

const intervalName = (how: Aggregator, confidence: number): string => {
  const percent = `${Number((100 * confidence).toPrecision(6))} %`
  if (how === 'mean') return `${percent} percentile bootstrap over samples`
  if (how === 'max') return 'largest value seen; nothing bounds it from above'
  return `${percent} from order statistics`
}

function report(detail: LipschitzCurve): Report<LipschitzCurve> {
  const { rows, method, aggregator, samples } = detail
  const [first, last] = [rows[0], rows.at(-1)]
  const how = typeof aggregator === 'string' ? aggregator : `${aggregator.quantile}-quantile`
  const found =
    method === 'power'
      ? 'the Jacobian of the t-step map'
      : method === 'ascent'
        ? `the steepest pairs found within ${detail.radius}`
        : `perturbations of size ${detail.radius} (${detail.perturbations.join(', ')})`
  const measured = first !== undefined && last !== undefined && Number.isFinite(first.value + last.value)
  const grows = measured && last.value > first.value && (last.low ?? last.value) > (first.high ?? first.value)
  const falls = measured && (last.high ?? last.value) <= (first.low ?? first.value)
  return {
    kind: 'report',
    property: 'lipschitz-curve',
    verdict: grows ? 'holds' : falls ? 'fails' : 'unknown',
    evidence: method === 'power' ? 'estimate' : 'observation',
    value: last?.value ?? Number.NaN,
    statement: measured
      ? `L_t ${first.steps === last.steps ? `is ${short(last.value)}` : `goes from ${short(first.value)} at t = ${first.steps} to ${short(last.value)}`} at t = ${last.steps} (${how} over ${samples} ${samples === 1 ? 'sample' : 'samples'}, ${found}).`
      : `L_t could not be measured: no finite value (${found}).`,
    assumptions: [
      'The verdict answers whether the map grows steeper with t over the depths measured.',
      'Samples are independent.',
      'Measured values bound the constant from below; the residual at each t says how far the map is from equilibrium.',
    ],
    sources: ['liu2026'],
    detail,
  }
}

const short = (value: number): string => String(Number(value.toPrecision(4)))
