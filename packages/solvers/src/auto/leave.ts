import type { StopRule } from '@equilibria/spec'

/** Growth that no contraction worth iterating shows: the non-normal truth case rises 38.7-fold before it falls. */
const RUNAWAY = 1e4

/**
 * Ends one method of a polyalgorithm: `stagnated` when its best residual did not fall to `ratio` of itself within
 * `patience` steps; `diverged` when the residual is 1e4 times the best, and rose at each of the last 3 steps.
 */
export const leaveWhen = ({ patience, ratio }: { readonly patience: number; readonly ratio: number }): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: `leave(${patience}, ${ratio})`,
  start: (batch) => {
    const mark = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
    const since = new Int32Array(batch)
    const last = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
    const rises = new Int32Array(batch)
    return ({ sample, step, residual, absolute, best }) => {
      rises[sample] = absolute > last[sample]! ? rises[sample]! + 1 : 0
      last[sample] = absolute
      if (rises[sample]! >= 3 && residual > RUNAWAY * best) return 'diverged'
      if (best <= ratio * mark[sample]!) {
        mark[sample] = best
        since[sample] = step
      }
      return step - since[sample]! >= patience ? 'stagnated' : undefined
    }
  },
})
