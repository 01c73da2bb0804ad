import * as tf from '@tensorflow/tfjs-core'
import type { Memory, Problem, Vector } from '@equilibria/spec'
import { EquilibriaError, leaves, scoped, takeRows } from '@equilibria/tensor'

/** What moves from step to step. `best` is absent unless it is asked for. */
export interface Moving {
  readonly z: Vector
  readonly best: Vector | undefined
  readonly memory: Memory
}

const indices = (mask: readonly boolean[], value: boolean): number[] => mask.flatMap((m, i) => (m === value ? [i] : []))

/** Row by row: `a` where `mask`, else `b`. */
export function pick(mask: readonly boolean[], a: Vector, b: Vector): Vector {
  return tf.where(tf.tensor2d(mask.map(Number), [mask.length, 1], 'bool'), a, b)
}

/** `pick`, without an operation where all or none is taken. */
export function choose(mask: readonly boolean[], a: Vector, b: Vector): Vector {
  return mask.every((m) => m) ? a : mask.some((m) => m) ? pick(mask, a, b) : b
}

/** The rows of one attempt that still move, and where the others are kept. */
export interface OpenBatch {
  problem(): Problem
  /** Of the full batch. */
  rows(): readonly number[]
  now(): Moving
  /** Take these tensors, free those before. */
  swap(next: Moving): void
  /** All rows of a part, back in the order they came. Always a tensor of its own. */
  assemble(part: 'z' | 'best'): Vector
  /** Leave only these rows (of the full batch) to the solver. */
  compact(active: readonly number[]): void
  close(): void
}

/**
 * The tensors of one attempt, and the rows they stand for: finished rows are parked, and everything comes back in its
 * order. Owns every tensor it is given by `swap`, but never a `borrowed` one.
 */
export function openBatch(
  whole: Problem,
  solverName: string,
  z0: Vector,
  wantsBest: boolean,
  borrowed: Memory,
): OpenBatch {
  const foreign = new Set([z0, ...leaves(borrowed)].map((t) => t.id))
  let problem = whole
  let release = () => {} // of the selected problem
  let rows: readonly number[] = Array.from({ length: whole.batch }, (_, b) => b)
  let parked: { readonly z: Vector; readonly best: Vector | undefined; readonly rows: readonly number[] }[] = []
  let now: Moving = { z: z0, best: wantsBest ? z0 : undefined, memory: null }

  const held = ({ z, best, memory }: Moving) => [z, ...(best ? [best] : []), ...leaves(memory)]
  function drop(old: readonly tf.Tensor[], kept: readonly tf.Tensor[]): void {
    const alive = new Set(kept.map((t) => t.id))
    for (const t of old) if (!foreign.has(t.id) && !alive.has(t.id) && !t.isDisposed) t.dispose()
  }
  function swap(next: Moving): void {
    const old = held(now)
    now = next
    drop(old, held(next))
  }

  function assemble(part: 'z' | 'best'): Vector {
    if (parked.length === 0) return tf.clone(now[part]!)
    const order = Array.from({ length: whole.batch }, () => 0)
    ;[...parked.flatMap((p) => p.rows), ...rows].forEach((b, position) => (order[b] = position))
    return scoped(() => takeRows(tf.concat([...parked.map((p) => p[part]!), now[part]!], 0) as Vector, order))
  }

  return {
    problem: () => problem,
    rows: () => rows,
    now: () => now,
    swap,
    assemble,
    compact(active) {
      const stays = new Set(active)
      const done = rows.map((b) => !stays.has(b))
      const [finished, moving] = [indices(done, true), indices(done, false)]
      for (const leaf of leaves(now.memory))
        if (leaf.shape[0] !== rows.length)
          throw new EquilibriaError(
            'spec',
            `Solver "${solverName}" remembers a tensor (${leaf.shape}) for a batch of ${rows.length}.`,
            "Every tensor in a solver's memory is [batch, …]; keep shared values as plain numbers.",
          )
      const smaller = whole.select!(active)
      const released = release
      try {
        const take = (which: readonly number[]) => ({
          z: takeRows(now.z, which),
          best: now.best && takeRows(now.best, which),
        })
        const out = scoped(() => [take(finished), { ...take(moving), memory: takeRows(now.memory, moving) }] as const)
        parked = [...parked, { ...out[0], rows: finished.map((i) => rows[i]!) }]
        swap(out[1])
      } catch (error) {
        smaller.dispose()
        throw error
      }
      problem = smaller.problem
      release = smaller.dispose
      rows = active
      released()
    },
    close() {
      for (const { z, best } of parked) drop(best ? [z, best] : [z], [])
      drop(held(now), [])
      release()
    },
  }
}
