import type { StopRule } from '@equilibria/spec'
import { requireRange, requireWhole } from '../validate.ts'

/** `non-finite` when a residual or a state is NaN or infinite. */
export const nonFinite = (): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: 'non-finite',
  start: () => (seen) => (Number.isFinite(seen.absolute) && Number.isFinite(seen.norm) ? undefined : 'non-finite'),
})

/**
 * `diverged` when `‖G(z) − z‖₂` is `factor` times its best *and* `factor` times its first value (or 1 if that is larger):
 * transient growth, which non-normal contractions show, is not divergence. Absolute norms, because the residual of an
 * exploding linear iteration stays in proportion to its state. Default factor `1e6`.
 *
 * @throws EquilibriaError when `factor` is not a number ≥ 1
 */
export function divergence(factor = 1e6): StopRule {
  requireRange('divergence(factor)', factor, 1)
  return {
    kind: 'stop-rule',
    spec: 1,
    name: `divergence×${factor}`,
    start: (batch) => {
      const first = new Float64Array(batch).fill(Number.NaN)
      const best = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
      return ({ sample, absolute }) => {
        if (Number.isNaN(first[sample]!)) first[sample] = absolute
        best[sample] = Math.min(best[sample]!, absolute)
        return absolute > factor * Math.max(first[sample]!, 1) && absolute > factor * best[sample]!
          ? 'diverged'
          : undefined
      }
    },
  }
}

/**
 * `stagnated` when the best residual has not fallen below `ratio ·` itself for `window` steps. Defaults 50 and 0.99.
 *
 * @throws EquilibriaError when `window` is not a whole number ≥ 1 or `ratio` is outside `[0, 1]`
 */
export function stagnation({
  window = 50,
  ratio = 0.99,
}: { readonly window?: number; readonly ratio?: number } = {}): StopRule {
  requireWhole('stagnation({ window })', window, 1)
  requireRange('stagnation({ ratio })', ratio, 0, 1)
  return {
    kind: 'stop-rule',
    spec: 1,
    name: `stagnation(${window})`,
    start: (batch) => {
      const mark = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
      const since = new Int32Array(batch)
      return ({ sample, best, step }) => {
        if (best < ratio * mark[sample]!) {
          mark[sample] = best
          since[sample] = step
        }
        return step - since[sample]! >= window ? 'stagnated' : undefined
      }
    },
  }
}

/**
 * `out-of-time` once `ms` milliseconds have passed since the solve began, looked at after each step: a step is never cut
 * short, and at least one is taken.
 *
 * @throws EquilibriaError when `ms` is not a number ≥ 0
 */
export function timeBudget(ms: number): StopRule {
  requireRange('timeBudget(ms)', ms, 0)
  return {
    kind: 'stop-rule',
    spec: 1,
    name: `time≤${ms}ms`,
    start: () => (seen) => (seen.elapsedMs >= ms ? 'out-of-time' : undefined),
  }
}
