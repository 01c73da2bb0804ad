import type { StopRule } from '@equilibria/spec'

/** `non-finite` when a residual or a state is NaN or infinite. */
export const nonFinite = (): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: 'non-finite',
  start: () => (seen) => (Number.isFinite(seen.absolute) && Number.isFinite(seen.norm) ? undefined : 'non-finite'),
})

/**
 * `diverged` when the residual is `factor` times its best *and* `factor` times its first value (or 1 if that is
 * larger): transient growth, which non-normal contractions show, is not divergence. Default factor `1e6`.
 */
export const divergence = (factor = 1e6): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: `divergence×${factor}`,
  start: () => (seen) =>
    seen.residual > factor * Math.max(seen.first, 1) && seen.residual > factor * seen.best ? 'diverged' : undefined,
})

/** `stagnated` when the best residual has not fallen below `ratio ·` itself for `window` steps. Defaults 50 and 0.99. */
export const stagnation = ({
  window = 50,
  ratio = 0.99,
}: { readonly window?: number; readonly ratio?: number } = {}): StopRule => ({
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
})

/** `out-of-time` once `ms` milliseconds have passed since the solve began. */
export const timeBudget = (ms: number): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: `time≤${ms}ms`,
  start: () => (seen) => (seen.elapsedMs >= ms ? 'out-of-time' : undefined),
})
