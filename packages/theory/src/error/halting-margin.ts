import type { Report } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import { short } from '../words.ts'

/** How far a state can still move: a bound per sample on `‖z − z*‖₂`. And how much of it the head lets through. */
export interface HaltingOptions {
  /** Per sample, or one for all. */
  readonly error: ArrayLike<number> | number
  /** Every logit is this Lipschitz in `z`; or the weights `[classes][size]` of a linear head, which is sharper. */
  readonly head: number | readonly ArrayLike<number>[]
}

/** Which decisions are final. */
export interface HaltingDetail {
  /** Per sample: whether no further iteration can change the decision. */
  readonly decided: readonly boolean[]
  /** Largest logit less the second. */
  readonly margin: Float64Array
  /** The most that any difference to the largest logit can still change, less what that one is ahead: below 0 is decided. */
  readonly reach: Float64Array
}

/**
 * Can iterating further still change the decision? With `‖z − z*‖ ≤ e`, the difference of two logits moves by at most `2Le`
 * (every logit `L`-Lipschitz), or `‖wᵢ − wⱼ‖e` (linear head): a sample is decided when that is below the lead of its
 * largest logit over every other. Value: the share of samples decided.
 *
 * As good as the error it is given: with a bound a bound, with an estimate an estimate. Equal logits are never decided.
 *
 * @cost none: host arithmetic
 * @throws EquilibriaError `shape` when logits, errors and weights do not fit; `option` on an error or constant below 0
 * @cite banach1922
 * @example
 * ```ts
 * import { haltingMargin, remainingMove } from '@equilibria/theory'
 *
 * const error = remainingMove({ modulus: 0.8, difference: 0.01 }) // .04
 * console.log(haltingMargin([[1.2, 1]], { error, head: 1.5 }).detail.decided) // [true]: 2 · 1.5 · .04 < .2
 * ```
 */
export function haltingMargin(
  logits: readonly ArrayLike<number>[],
  { error, head }: HaltingOptions,
): Report<HaltingDetail> {
  const classes = logits[0]?.length ?? 0
  const errors = logits.map((_, b) => (typeof error === 'number' ? error : error[b]))
  const weights = typeof head === 'number' ? undefined : head
  if (classes < 2 || logits.some((row) => row.length !== classes) || (weights && weights.length !== classes))
    throw new EquilibriaError(
      'shape',
      `haltingMargin() got ${logits.length} rows of ${classes} logits${weights ? ` and a head of ${weights.length}` : ''}.`,
      'Give every sample the same two or more logits, and the head one row of weights for each.',
    )
  if (typeof head === 'number') requireRange('haltingMargin({ head })', head, 0)
  errors.forEach((e) => requireRange('haltingMargin({ error })', e ?? Number.NaN, 0))
  const room = (i: number, j: number): number =>
    weights ? Math.hypot(...Array.from(weights[i]!, (w, k) => w - weights[j]![k]!)) * (1 + 1e-12) : 2 * (head as number)
  const margin = new Float64Array(logits.length)
  const reach = new Float64Array(logits.length)
  logits.forEach((row, b) => {
    const all = Array.from(row)
    const top = all.reduce((best, x, i) => (x > all[best]! ? i : best), 0)
    const others = all.map((_, i) => i).filter((i) => i !== top)
    margin[b] = Math.min(...others.map((i) => all[top]! - all[i]!))
    const excess = others.map((i) => {
      const move = room(top, i) * errors[b]!
      return (Number.isNaN(move) ? 0 : move) - (all[top]! - all[i]!)
    })
    reach[b] = Math.max(...excess)
  })
  const decided = Array.from(reach, (value) => value < 0)
  const count = decided.filter(Boolean).length
  return {
    kind: 'report',
    property: 'halting-margin',
    verdict: count === decided.length ? 'holds' : count === 0 ? 'fails' : 'unknown',
    evidence: 'bound',
    value: count / decided.length,
    statement: `${count} of ${decided.length} decisions are final: no further iteration can change them (smallest margin ${short(Math.min(...margin))}).`,
    assumptions: [
      'The errors given are bounds; with estimates, this is one.',
      'The head constant holds where z can still go.',
    ],
    sources: ['banach1922'],
    detail: { decided, margin, reach },
  }
}

/**
 * How far Picard iteration with modulus `μ` still moves after a step of length `difference`: `μ/(1 − μ) · difference`, times
 * `1 − μ^k` if only `steps = k` more are made.
 * @throws EquilibriaError `option` on a modulus outside `[0, 1)`
 */
export function remainingMove({
  modulus,
  difference,
  steps,
}: {
  readonly modulus: number
  readonly difference: number
  readonly steps?: number
}): number {
  requireRange('remainingMove({ modulus })', modulus, 0, 1 - 2 ** -53)
  requireRange('remainingMove({ difference })', difference, 0)
  if (steps !== undefined) requireWhole('remainingMove({ steps })', steps, 0)
  const move = steps === undefined ? 1 : -Math.expm1(steps * Math.log(modulus || Number.MIN_VALUE))
  return ((modulus * difference) / (1 - modulus)) * move * (1 + 1e-14)
}
