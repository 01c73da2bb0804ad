/**
 * How many of its columns a row may trust, decided from what the last step promised and what it brought.
 *
 * Least squares promises the residual `r̄ = r − ΔR γ` at the mixed point; for a linear map of norm `L` the next residual
 * is then at most `L ‖r̄‖`. Where it is much larger, the columns say more about where the iteration came from than about
 * where it is, and a Picard step, which contracts by the difference quotient `L` measured along the last step, would have
 * done better: the row then uses half as many columns, or none when Picard is fast. It regains one per good step.
 */

/** What is known of one row before its step; norms are 2-norms. */
export interface Signals {
  /** `‖r‖` now. */
  readonly residual: number
  /** `‖Δz‖` of the last step. */
  readonly moved: number
  /** `‖ΔG‖` along it. */
  readonly image: number
  /** `‖r̄‖` that the last step was made with. */
  readonly promised: number
}

/** One row of the history; `m` is the memory. */
export interface Trust {
  /** Columns that are there. */
  readonly there: number
  /** Columns that may be used; −1 at the first of a run of Picard steps. */
  readonly depth: number
  /** `‖r‖` of the last `m + 1` steps, newest first; `NaN` where there was none. */
  readonly residuals: readonly number[]
  /** `‖ΔG‖ / ‖Δz‖` of the last `m` steps, newest first. */
  readonly quotients: readonly number[]
}

/** Broken promises begin at this many times what linearity allows. */
const SLACK = 2
/** A map that contracts this much per step is left to Picard at the start and when promises are broken, */
const FAST = 0.1
/** in that case for a second step if the first contracted so much, */
const STILL_FAST = 0.2
/** and for more while each quotient is at most this share of the one before: Picard converges superlinearly. */
const STEEPER = 0.7

/** The row's history with this step in it, and whether the row is out of hand. */
export function trust(
  before: Trust,
  now: Signals,
  memory: number,
  safeguard: number,
): { readonly after: Trust; readonly wild: boolean } {
  const { residual, moved, image, promised } = now
  const residuals = [residual, ...before.residuals].slice(0, memory + 1)
  // A row that has finished stands still and learns nothing.
  if (!(moved > 0)) return { after: { ...before, depth: 0, residuals }, wild: false }
  const quotient = image / moved
  const there = Math.min(before.there + 1, memory)
  const after = { there, depth: depth(), residuals, quotients: [quotient, ...before.quotients].slice(0, memory) }
  const past = before.residuals
  const wild = past.length > memory && residual > safeguard * Math.max(...past)
  return wild ? { after: { ...after, there: Math.max(there - 2, 0) }, wild } : { after, wild }

  function depth(): number {
    if (before.quotients.length === 0 && quotient <= FAST) return 0
    const steeper = quotient <= STEEPER * before.quotients[0]!
    if (before.depth <= 0) return steeper || (before.depth < 0 && quotient <= STILL_FAST) ? 0 : 1
    const steepest = Math.max(1, quotient, ...before.quotients)
    const broken = residual > SLACK * steepest * promised && residual >= before.residuals[0]! * Math.min(quotient, 1)
    if (!broken) return Math.min(before.depth + 1, memory)
    return quotient <= FAST ? -1 : Math.floor(Math.min(before.depth, there) / 2)
  }
}
