import type { Report } from '@equilibria/spec'
import { requireRange } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import { type Interval, meanInterval, meanOf } from '../statistics/interval.ts'
import { short } from '../words.ts'

/** A metric (larger is better) per sample, at several depths and at the equilibrium. */
export interface TransientMeasurement {
  readonly steps: readonly number[]
  /** `values[t][sample]`. */
  readonly values: readonly ArrayLike<number>[]
  /** Per sample, from the converged state. */
  readonly equilibrium: ArrayLike<number>
}

/** What stopping early is worth. */
export interface TransientPremiumDetail extends Interval {
  /** Mean over samples of `metric(K) − metric(z*)`, each half judged at the depth that was best on the other half. */
  readonly premium: number
  /** The two depths chosen. */
  readonly steps: readonly [number, number]
  /** Mean metric per depth, and at the equilibrium. */
  readonly curve: readonly number[]
  readonly equilibrium: number
}

/**
 * Is the model at its best before it has converged? The premium of the best depth over the equilibrium, mean of the paired
 * differences, with Student's interval. The depth is chosen on one half of the samples and judged on the other, and the
 * other way round: the best of many depths on the same samples is too good by chance.
 *
 * `holds`: stopping early is better (the interval lies above 0): the competence is transient, and convergence is no virtue
 * of this model. `fails`: the equilibrium is at least as good as any depth tried. Path independence does not exclude it.
 *
 * @cost none: host arithmetic on what was measured
 * @throws EquilibriaError `shape` on fewer than four samples or lengths that differ
 * @cite anil2022
 * @example
 * ```ts
 * import { transientPremium } from '@equilibria/theory'
 *
 * const values = [[0, 0, 0, 0], [1, 1, 0.9, 1], [0.5, 0.6, 0.5, 0.5]]
 * console.log(transientPremium({ steps: [1, 4, 16], values, equilibrium: [0.4, 0.4, 0.4, 0.5] }).verdict) // holds
 * ```
 */
export function transientPremium(
  { steps, values, equilibrium }: TransientMeasurement,
  { confidence = 0.95 }: { readonly confidence?: number } = {},
): Report<TransientPremiumDetail> {
  requireRange('transientPremium({ confidence })', confidence, 0, 1)
  const n = equilibrium.length
  if (n < 4 || steps.length === 0 || values.length !== steps.length || values.some((row) => row.length !== n))
    throw new EquilibriaError(
      'shape',
      `transientPremium() got ${steps.length} depths, ${values.length} rows and ${n} samples.`,
      'Pass one row per depth, each with one value per sample, and at least four samples.',
    )
  const half = (rest: number): number[] => Array.from({ length: n }, (_, i) => i).filter((i) => i % 2 === rest)
  const chosen = [0, 1].map((rest) => {
    const means = values.map((row) => meanOf(half(rest).map((i) => row[i]!)))
    return means.reduce((best, value, t) => (value > means[best]! ? t : best), 0)
  }) as [number, number]
  // Samples of one half at the depth of the other.
  const differences = Array.from({ length: n }, (_, i) => values[chosen[(i + 1) % 2]!]![i]! - equilibrium[i]!)
  const premium = meanOf(differences)
  const interval = meanInterval(differences, confidence)
  const verdict = interval.low! > 0 ? 'holds' : interval.high! <= 0 || premium === 0 ? 'fails' : 'unknown'
  const depths: readonly [number, number] = [steps[chosen[0]]!, steps[chosen[1]]!]
  return {
    kind: 'report',
    property: 'transient-premium',
    verdict,
    evidence: 'observation',
    value: premium,
    statement: `The best depth (${[...new Set(depths)].join(' or ')} steps) is ${short(premium)} better than the equilibrium (${short(100 * confidence)} % interval ${short(interval.low!)} to ${short(interval.high!)}, ${n} samples).`,
    assumptions: ['Samples are independent; larger values are better.'],
    sources: ['anil2022'],
    detail: {
      ...interval,
      premium,
      steps: depths,
      curve: values.map((row) => meanOf(row)),
      equilibrium: meanOf(equilibrium),
    },
  }
}
