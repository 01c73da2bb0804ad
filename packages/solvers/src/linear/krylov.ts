import * as tf from '@tensorflow/tfjs-core'
import { rowDot, scoped, sub } from '@equilibria/tensor'
import type { LinearStatus, Vector } from '@equilibria/spec'
import { choose, type Found, type System } from './system.ts'

/** What a short recurrence carries: vectors `[batch, size]`, and one float64 per row of everything else. */
export interface Carried {
  readonly vectors: readonly Vector[]
  readonly scalars: readonly Float64Array[]
}

/** A short recurrence for `(I − A) u = v`, started at a residual. */
export interface Recurrence {
  begin(residual: Vector, norm: Float64Array): Carried
  /** One step from `u`, with at most `left ≥ 1` products. */
  step(u: Vector, carried: Carried, left: number): Stepped
}
export interface Stepped extends Carried {
  readonly u: Vector
  /** `‖v − (I − A) u‖` per row as the recurrence has it. */
  readonly norm: ArrayLike<number>
  /**
   * Rows that cannot go on: `stagnated` (a breakdown: started afresh from the true residual), or the reason why the
   * method is the wrong one.
   */
  readonly trouble: readonly (LinearStatus | undefined)[]
}

/** Restarts in a row that did not halve the true residual before a row is given up. */
const STRIKES = 2

/**
 * Runs a short recurrence with one memory per row. What the recurrence believes is checked: a row ends `converged` on its
 * true residual only, which takes one product, shared by all rows that wait for it; a row that broke down, or whose true
 * residual is larger than believed, starts afresh from the truth; so does one that gained less than a hundredth within
 * `4 · size` products (at least 40, at most 1000), where in exact arithmetic it would be done after half as many. The answer of a row is the best state it has seen.
 */
export function runRecurrence(
  { v, goal, maxSteps, initial, size, steps, multiply }: System,
  method: Recurrence,
): Found {
  const batch = v.shape[0]
  const residual = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
  const perSampleSteps = new Int32Array(batch)
  const status = Array.from({ length: batch }, (): LinearStatus | undefined => undefined)
  /** Norms: at the last true residual, and the smallest believed since. */
  const anchored = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
  const believed = new Float64Array(batch)
  /** The norm that counted as progress last, and when that was. */
  const gained = new Float64Array(batch)
  const gainedAt = new Int32Array(batch)
  const patience = Math.min(Math.max(40, 4 * v.shape[1]), 1000)
  /** Why a row waits for its true residual. */
  const waiting = Array.from({ length: batch }, (): LinearStatus | undefined => 'converged')
  const strikes = new Uint8Array(batch)
  const open = (b: number): boolean => status[b] === undefined
  const running = (b: number): boolean => open(b) && waiting[b] === undefined
  const rows = Array.from({ length: batch }, (_, b) => b)

  const start: Vector = initial ? tf.clone(initial) : tf.zerosLike(v)
  /** `u` moves, `best` is the answer, `anchor` is where the true residual was last taken. */
  let held = { u: start, best: start, anchor: start, vectors: [] as readonly Vector[] }
  let scalars: readonly Float64Array[] = []
  let fresh = initial === undefined
  const free = (old: typeof held, kept: Partial<typeof held>): void => {
    const alive = new Set([v, kept.u, kept.best, kept.anchor, ...(kept.vectors ?? [])].map((t) => t?.id))
    for (const t of [old.u, old.best, old.anchor, ...old.vectors]) if (!alive.has(t.id) && !t.isDisposed) t.dispose()
  }
  const keep = (next: typeof held): void => {
    const old = held
    held = next
    free(old, next)
  }

  /** Take the true residual at `best`; judge the rows that wait for it and start afresh those that go on. */
  function truth(last: boolean): void {
    const asking = rows.map((b) => open(b) && (last || !running(b)))
    const next = scoped(() => {
      const r = fresh ? v : sub(v, multiply(held.best))
      fresh = false
      const norm = Float64Array.from(rowDot(r, r), Math.sqrt)
      const back = rows.map((b) => asking[b]! && !(norm[b]! <= anchored[b]!)) // drift: the older state is the better one
      const restart: boolean[] = rows.map(() => false)
      for (const b of rows) {
        if (!asking[b]) continue
        const reason = waiting[b]
        strikes[b] = norm[b]! <= 0.5 * anchored[b]! ? 0 : strikes[b]! + 1
        if (!back[b]) anchored[b] = norm[b]!
        residual[b] = anchored[b]! / size[b]!
        waiting[b] = undefined
        gained[b] = anchored[b]!
        gainedAt[b] = steps.count
        // `best` had a finite norm: what is not finite now is the product.
        if (!Number.isFinite(norm[b]!)) {
          status[b] = 'non-finite'
          residual[b] = Number.NaN
        } else if (residual[b]! <= goal[b]!) status[b] = 'converged'
        else if (reason === 'indefinite' || reason === 'asymmetric') status[b] = reason
        else if (strikes[b]! >= STRIKES) status[b] = 'stagnated'
        else if (!last) restart[b] = true
        believed[b] = anchored[b]!
      }
      const best = choose(back, held.anchor, held.best)
      const anchor = choose(asking, best, held.anchor)
      if (!restart.some(Boolean)) return { u: held.u, best, anchor, vectors: held.vectors }
      // A row that goes back has no residual at hand: its recurrence gets the one of the state it left, which is wrong;
      // it is taken again instead.
      const from = back.some((x, b) => x && restart[b]) && steps.count < maxSteps - 1 ? sub(v, multiply(best)) : r
      const begun = method.begin(from, Float64Array.from(rowDot(from, from), Math.sqrt))
      const old = scalars
      scalars = begun.scalars.map((s, i) => s.map((x, b) => (restart[b] ? x : (old[i]?.[b] ?? 0))))
      const vectors = begun.vectors.map((t, i) => choose(restart, t, held.vectors[i] ?? t))
      return { u: choose(restart, best, held.u), best, anchor, vectors }
    })
    keep(next)
  }

  try {
    if (fresh || maxSteps > 0) truth(false)
    // One product is kept back for the true residual.
    while (rows.some(open) && steps.count < maxSteps - 1) {
      let broke = false
      while (!broke && rows.some(running) && steps.count < maxSteps - 1) {
        const next = scoped(() => {
          const stepped = method.step(held.u, { vectors: held.vectors, scalars }, maxSteps - 1 - steps.count)
          scalars = stepped.scalars
          const better = rows.map((b) => running(b) && stepped.norm[b]! < believed[b]!)
          for (const b of rows) {
            if (!running(b)) continue
            perSampleSteps[b] = steps.count
            if (better[b]) believed[b] = stepped.norm[b]!
            if (believed[b]! <= goal[b]! * size[b]!) waiting[b] = 'converged'
            else if (stepped.trouble[b] !== undefined || !Number.isFinite(stepped.norm[b]!)) {
              waiting[b] = stepped.trouble[b] ?? 'stagnated'
              broke = true
            } else if (stepped.norm[b]! < 0.99 * gained[b]!) [gained[b], gainedAt[b]] = [stepped.norm[b]!, steps.count]
            else if (steps.count - gainedAt[b]! >= patience) [waiting[b], broke] = ['stagnated', true]
          }
          return { ...held, u: stepped.u, best: choose(better, stepped.u, held.best), vectors: stepped.vectors }
        })
        keep(next)
      }
      truth(steps.count >= maxSteps - 1)
    }
    if (steps.count < maxSteps && rows.some((b) => open(b) && believed[b]! < anchored[b]!)) truth(true)
    free(held, { best: held.best })
    return { u: held.best, residual, perSampleSteps, status: status.map((s) => s ?? 'max-steps') }
  } catch (error) {
    free(held, {})
    throw error
  }
}
