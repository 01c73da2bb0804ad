/**
 * The loop. This file owns iteration, stopping, per-sample bookkeeping, compaction, cancellation, progress and the life
 * of every tensor. Solvers own the mathematics of one step, and nothing else.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Memory, Problem, Solver, Status, StopRule, Vector } from '@equilibria/spec'
import { EquilibriaError, leaves, scoped, takeRows } from '@equilibria/tensor'
import { requireRange, requireWhole } from './validate.ts'
import { largest } from './worst.ts'

/** What an exit rule sees, packed: the rows still running; it answers which of them may leave. */
export type PackedExit = (seen: {
  readonly z: Vector
  readonly rows: readonly number[]
  readonly step: number
}) => readonly boolean[]

/** When finished samples leave the batch, so that they cost nothing more. */
export interface Compaction {
  /** Look every so many steps. Default `4`. */
  readonly every?: number
  /** Compact when fewer than this share of the rows still moves. Default `0.7`. */
  readonly below?: number
}

/** How one run of the loop is stopped, watched and recorded. */
export interface DriveOptions {
  readonly maxSteps: number
  readonly stop: StopRule
  readonly exit?: PackedExit | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  readonly trace?: boolean | undefined
  /** `false`: finished samples stay in the batch. Needs `problem.select`. */
  readonly compaction?: Compaction | false | undefined
  /** Measure the residual of states that were proposed but not yet looked at when the steps ran out. Default `true`. */
  readonly measureLast?: boolean | undefined
}
/** What `onProgress` is told after each step. */
export interface Progress {
  readonly step: number
  /** Worst over the samples, finished ones included. */
  readonly residual: number
  /** Samples still moving. */
  readonly active: number
}
/** How one run of the loop ended, per sample. Plain numbers, but for `z`. */
export interface Driven {
  /** `[batch, size]`; owned by the caller. */
  readonly z: Vector
  readonly status: readonly Status[]
  readonly steps: Int32Array
  readonly residual: Float32Array
  readonly total: number
  /** Rows evaluated by solver steps, summed. */
  readonly rowSteps: number
  readonly trace: Float32Array
}

/**
 * The loop itself: `z ← solver.step(z)` on `[batch, size]` until every row has a status, the steps run out or the signal
 * fires. Yields after every step, so that one loop serves both `solve` and `solveAsync`; abandoning it frees everything.
 *
 * `z0` is borrowed. A row that stops keeps the state whose residual was measured. Rows of coupled problems
 * (`traits.rowwise === false`) are not frozen: the solve ends at the first step at which all of them would stop.
 *
 * @cost per step: what the solver does, one read-back of `2·batch` norms; 1 stored vector beside the solver's memory
 * @throws EquilibriaError `option` on steps, compaction settings that are not usable; whatever `G` throws
 */
export function* iterate(
  whole: Problem,
  solver: Solver,
  z0: Vector,
  options: DriveOptions,
): Generator<Progress, Driven, void> {
  const { batch } = whole
  const { every = 4, below = 0.7 } = options.compaction || {}
  requireWhole('maxSteps', options.maxSteps, 0)
  requireWhole('compaction.every', every, 1)
  requireRange('compaction.below', below, 0, 1)
  const coupled = whole.traits.rowwise === false
  const status = Array.from({ length: batch }, (): Status | null => null) // null: still moving
  const steps = new Int32Array(batch)
  const residual = new Float32Array(batch).fill(Number.POSITIVE_INFINITY)
  const first = new Float64Array(batch)
  const best = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
  const bestStep = new Int32Array(batch)
  const judge = options.stop.start(batch)
  const trace: number[] = []
  const began = performance.now()

  let problem = whole
  let release = () => {} // of the selected problem
  let rows: readonly number[] = Array.from({ length: batch }, (_, b) => b)
  let parked: { readonly z: Vector; readonly rows: readonly number[] }[] = []
  let z = z0
  let memory: Memory = scoped(() => solver.init(problem, z))
  let total = 0
  let rowSteps = 0
  try {
    while (total < options.maxSteps && !options.signal?.aborted) {
      const step = scoped(() => {
        const proposal = solver.step(problem, z, memory)
        observe(problem.kernels.norms(proposal.residual, z), total + 1, z)
        return { z: settle(proposal.next, total + 1), memory: proposal.memory }
      })
      total++
      rowSteps += rows.length
      swap(step.z, step.memory)

      const active = rows.filter((b) => status[b] === null)
      const progress: Progress = { step: total, residual: largest(residual), active: active.length }
      if (options.trace) trace.push(progress.residual)
      options.onProgress?.(progress)
      if (active.length === 0) break
      yield progress
      if (options.compaction !== false && whole.select && total % every === 0 && active.length < below * rows.length)
        compact(active)
    }
    const rest: Status = options.signal?.aborted ? 'aborted' : 'max-steps'
    const late = rows.filter((b) => status[b] === null)
    if (late.length > 0 && options.measureLast !== false && rest === 'max-steps') {
      scoped(() => observe(problem.kernels.norms(tf.sub(problem.apply(z), z), z), total, z))
      rowSteps += rows.length
    }
    return {
      z: assemble(),
      status: status.map((s) => s ?? rest),
      steps,
      residual,
      total,
      rowSteps,
      trace: Float32Array.from(trace),
    }
  } finally {
    for (const p of parked) p.z.dispose()
    drop([...leaves(memory), z], [])
    release()
  }

  function observe(norms: Float32Array, step: number, at: Vector): void {
    let host: Float32Array | undefined
    const packed = (i: number) => () =>
      (host ??= at.dataSync() as Float32Array).subarray(i * whole.size, (i + 1) * whole.size)
    const verdicts = rows.map((b, i) => status[b] ?? judgeRow(b, norms[i]!, norms[rows.length + i]!, step, packed(i)))
    // Coupled rows move each other: one that looks done now may not be when its mates have moved.
    if (coupled && verdicts.some((v) => v === null)) return
    rows.forEach((b, i) => (status[b] = verdicts[i]!))
  }

  function judgeRow(
    b: number,
    absolute: number,
    norm: number,
    step: number,
    packed: () => Float32Array,
  ): Status | null {
    const r = absolute / Math.max(norm, 1)
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
      size: whole.size,
      elapsedMs: performance.now() - began,
      packed,
    }
    return judge(seen) ?? null
  }

  /** A row that stopped keeps the state that was measured; a row that exits keeps the answer that made it leave. */
  function settle(next: Vector, step: number): Vector {
    const stopped = rows.map((b) => status[b] !== null)
    const kept = stopped.every((s) => s) ? z : stopped.some((s) => s) ? pick(stopped, z, next) : next
    if (options.exit && stopped.some((s) => !s)) {
      const running = rows.filter((_, i) => !stopped[i])
      const seen = running.length === rows.length ? kept : takeRows(kept, indices(stopped, false))
      const leaving = options.exit({ z: seen, rows: running, step })
      if (!coupled || running.every((_, i) => leaving[i]))
        running.forEach((b, i) => {
          if (leaving[i]) status[b] = 'exited'
        })
    }
    return kept
  }

  function compact(active: readonly number[]): void {
    const done = rows.map((b) => status[b] !== null)
    const [finished, moving] = [indices(done, true), indices(done, false)]
    for (const leaf of leaves(memory))
      if (leaf.shape[0] !== rows.length)
        throw new EquilibriaError(
          'spec',
          `Solver "${solver.name}" remembers a tensor (${leaf.shape}) for a batch of ${rows.length}.`,
          "Every tensor in a solver's memory is [batch, …]; keep shared values as plain numbers.",
        )
    const smaller = whole.select!(active)
    const release0 = release
    try {
      const out = scoped(() => ({
        parked: takeRows(z, finished),
        z: takeRows(z, moving),
        memory: takeRows(memory, moving),
      }))
      parked = [...parked, { z: out.parked, rows: finished.map((i) => rows[i]!) }]
      swap(out.z, out.memory)
    } catch (error) {
      smaller.dispose()
      throw error
    }
    problem = smaller.problem
    release = smaller.dispose
    rows = active
    release0()
  }

  /** All rows, back in the order they came. Always a tensor of its own. */
  function assemble(): Vector {
    if (parked.length === 0) return tf.clone(z)
    const order = Array.from({ length: batch }, () => 0)
    ;[...parked.flatMap((p) => p.rows), ...rows].forEach((b, position) => (order[b] = position))
    return scoped(() => takeRows(tf.concat([...parked.map((p) => p.z), z], 0) as Vector, order))
  }

  function swap(nextZ: Vector, nextMemory: Memory): void {
    const old = [z, ...leaves(memory)]
    z = nextZ
    memory = nextMemory
    drop(old, [z, ...leaves(memory)])
  }

  function drop(old: readonly tf.Tensor[], kept: readonly tf.Tensor[]): void {
    const alive = new Set([z0, ...kept].map((t) => t.id))
    for (const t of old) if (!alive.has(t.id) && !t.isDisposed) t.dispose()
  }
}

const indices = (mask: readonly boolean[], value: boolean): number[] => mask.flatMap((m, i) => (m === value ? [i] : []))

/** Row by row: `a` where `mask`, else `b`. */
export function pick(mask: readonly boolean[], a: Vector, b: Vector): Vector {
  return tf.where(tf.tensor2d(mask.map(Number), [mask.length, 1], 'bool'), a, b)
}

/** Runs the loop to its end, without yielding. */
export function drive(problem: Problem, solver: Solver, z0: Vector, options: DriveOptions): Driven {
  const loop = iterate(problem, solver, z0, options)
  for (;;) {
    const turn = loop.next()
    if (turn.done) return turn.value
  }
}

/** Gives the event loop a turn every `sliceMs`, so the page, timers and an `AbortSignal` stay alive. */
export async function driveAsync(
  problem: Problem,
  solver: Solver,
  z0: Vector,
  options: DriveOptions,
  sliceMs = 8,
): Promise<Driven> {
  const loop = iterate(problem, solver, z0, options)
  let since = performance.now()
  for (;;) {
    const turn = loop.next()
    if (turn.done) return turn.value
    if (performance.now() - since < sliceMs) continue
    await new Promise((resolve) => setTimeout(resolve, 0))
    since = performance.now()
  }
}
