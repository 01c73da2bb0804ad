import type { Observation, Status, Vector } from '@equilibria/spec'
import { largest } from '../worst.ts'

/** The per-sample record of one attempt: plain numbers, one entry per sample of the full batch. */
export interface Books {
  /** `null`: still moving. */
  readonly status: (Status | null)[]
  /** Stopped by the rule that ends this method, not by the rule of the run. */
  readonly left: boolean[]
  /** Steps of this attempt. */
  readonly steps: Int32Array
  /** Of the state last measured. */
  readonly residual: Float32Array
  /** Of the state that is kept as the best: see `Judging.coupled`. */
  readonly kept: Float64Array
}

export interface Judging {
  readonly size: number
  /** `performance.now()` at the beginning of the solve. */
  readonly began: number
  readonly stop: (seen: Observation) => Status | undefined
  /** Ends this method; absent where only the rule of the run does. */
  readonly leave: ((seen: Observation) => Status | undefined) | undefined
  /** Samples that move each other stop together, and the best state is the one whose worst sample is best. */
  readonly coupled: boolean
  /** Steps each sample may take. */
  readonly limit: Int32Array
}

const TROUBLE: ReadonlySet<Status | null> = new Set<Status>(['stagnated', 'cycle', 'diverged', 'non-finite'])

/** Did this method fail on the sample, so that another one may be tried? */
export const failed = (books: Books, b: number): boolean => books.left[b]! || TROUBLE.has(books.status[b]!)

/** Writes down what is measured, and asks the rules. `books` begins with the statuses of samples that do not move. */
export function judging(books: Books, { size, began, stop, leave, coupled, limit }: Judging) {
  const { status, left, steps, residual, kept } = books
  const batch = status.length
  const first = new Float64Array(batch)
  const best = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
  const bestStep = new Int32Array(batch)
  let jointBest = Number.POSITIVE_INFINITY

  /**
   * `norms` are those of the residual, then of the state, row by row; `step` counts from 1. Returns which rows have now
   * their best state.
   */
  return function observe(rows: readonly number[], norms: Float32Array, step: number, at: Vector): boolean[] {
    let host: Float32Array | undefined
    const packed = (i: number) => () => (host ??= at.dataSync() as Float32Array).subarray(i * size, (i + 1) * size)
    const moving = rows.map((b) => status[b] === null)
    const verdicts = rows.map((b, i) =>
      moving[i] ? judgeRow(b, norms[i]!, norms[rows.length + i]!, step, packed(i)) : status[b]!,
    )
    const improved = rows.map((b, i) => moving[i]! && residual[b]! < kept[b]!)
    if (coupled) {
      const worst = largest(rows.map((b) => residual[b]!))
      improved.fill(worst < jointBest)
      jointBest = Math.min(jointBest, Number.isNaN(worst) ? jointBest : worst)
      // One that looks done now may not be when its mates have moved; but one that fails takes all of them along.
      const failure = leave && verdicts.find((v, i) => left[rows[i]!] || TROUBLE.has(v))
      if (failure) verdicts.forEach((v, i) => (verdicts[i] = v ?? failure))
      else if (verdicts.some((v) => v === null)) verdicts.fill(null)
    }
    rows.forEach((b, i) => {
      status[b] = verdicts[i]!
      if (improved[i]) kept[b] = residual[b]!
    })
    return improved
  }

  function judgeRow(b: number, absolute: number, norm: number, at: number, packed: () => Float32Array): Status | null {
    const step = Math.min(at, limit[b]!) // one more look at a state that its last step proposed is no step
    const r = norm === Number.POSITIVE_INFINITY ? Number.NaN : absolute / Math.max(norm, 1)
    if (steps[b] === 0) first[b] = r
    if (r < best[b]!) {
      best[b] = r
      bestStep[b] = step
    }
    residual[b] = r
    steps[b] = step
    const seen = {
      sample: b,
      step,
      absolute,
      norm,
      residual: r,
      first: first[b]!,
      best: best[b]!,
      bestStep: bestStep[b]!,
      size,
      elapsedMs: performance.now() - began,
      packed,
    }
    const [verdict, leaving] = [stop(seen), leave?.(seen)] // both see everything: rules remember
    left[b] = verdict === undefined && leaving !== undefined
    return verdict ?? leaving ?? (at > limit[b]! ? 'max-steps' : null)
  }
}
