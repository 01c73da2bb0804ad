import * as tf from '@tensorflow/tfjs-core'
import type { Memory, Problem, Solver, Status, Vector } from '@equilibria/spec'
import { leaves, rebuild, scoped, takeRows } from '@equilibria/tensor'
import { largest } from '../worst.ts'
import { choose, openBatch } from './batch.ts'
import { type Books, failed, judging, type Judging } from './books.ts'
import type { DriveOptions, Turn } from './types.ts'

export interface AttemptOptions extends Omit<DriveOptions, 'maxSteps' | 'stop'> {
  readonly judging: Judging
  /** Driver steps of the attempts before. */
  readonly offset: number
  /** No method follows. */
  readonly last: boolean
  readonly wantsBest: boolean
  /** Worst residual per step goes here. */
  readonly record: number[]
}

/** What one method leaves behind. Tensors are owned by the caller. */
export interface Ended {
  readonly z: Vector
  readonly best: Vector | undefined
  readonly memory: Memory | undefined
  readonly steps: number
  readonly rowSteps: number
}

/** One method, until every sample that `books` says is moving has stopped, or its steps are used up, or the signal fires. */
export function* attempt(
  whole: Problem,
  solver: Solver,
  z0: Vector,
  books: Books,
  options: AttemptOptions,
): Generator<Turn, Ended, void> {
  const { every = 4, below = 0.8 } = options.compaction || {}
  const { limit, coupled, leave } = options.judging
  const { status, residual } = books
  const compacts = options.compaction !== false && whole.select !== undefined
  const isMoving = (b: number): boolean => status[b] === null
  /** Stopped here, and the next method has steps left for it. */
  const waits = (b: number): boolean => books.steps[b]! > 0 && books.steps[b]! < limit[b]! && failed(books, b)
  const observe = judging(books, options.judging)
  const batch = openBatch(whole, solver.name, z0, options.wantsBest, options.memory ?? null)
  const most = status.reduce((top, s, b) => (s === null ? Math.max(top, limit[b]!) : top), 0)
  let steps = 0
  let rowSteps = 0
  try {
    if (compacts && !status.every((s) => s === null)) batch.compact(batch.rows().filter(isMoving))
    const { z } = batch.now()
    batch.swap({
      ...batch.now(),
      memory: scoped(() =>
        options.memory === undefined
          ? solver.init(batch.problem(), z)
          : solver.resume!(batch.problem(), z, options.memory),
      ),
    })
    while (steps < most && !options.signal?.aborted) {
      const { problem, rows, now } = { problem: batch.problem(), rows: batch.rows(), now: batch.now() }
      batch.swap(
        scoped(() => {
          const proposal = solver.step(problem, now.z, now.memory)
          const improved = observe(rows, problem.kernels.norms(proposal.residual, now.z), steps + 1, now.z)
          return {
            z: settle(now.z, proposal.next, steps + 1),
            best: now.best && choose(improved, now.z, now.best),
            memory: proposal.memory,
          }
        }),
      )
      steps++
      rowSteps += rows.length

      const moving = rows.filter(isMoving)
      const waiting = leave && !options.last ? status.filter((_, b) => waits(b)).length : 0
      const progress = { step: options.offset + steps, residual: largest(residual), active: moving.length + waiting }
      if (options.trace) options.record.push(progress.residual)
      options.onProgress?.(progress)
      if (progress.active > 0)
        yield { ...progress, residuals: residual, statuses: status, current: () => batch.assemble('z') }
      if (moving.length === 0) break
      if (compacts && steps % every === 0 && moving.length < below * rows.length) batch.compact(moving)
    }
    const rest: Status = options.signal?.aborted ? 'aborted' : 'max-steps'
    if (batch.rows().some(isMoving) && options.measureLast !== false && rest === 'max-steps') {
      const { problem, rows, now } = { problem: batch.problem(), rows: batch.rows(), now: batch.now() }
      batch.swap({
        ...now,
        best: scoped(() => {
          const norms = problem.kernels.norms(tf.sub(problem.apply(now.z), now.z), now.z)
          const improved = observe(rows, norms, steps, now.z)
          return now.best && choose(improved, now.z, now.best)
        }),
      })
      rowSteps += rows.length
    }
    status.forEach((s, b) => (status[b] = s ?? rest))
    return {
      ...scoped(() => ({
        z: batch.assemble('z'),
        best: options.wantsBest ? batch.assemble('best') : undefined,
        memory: options.keepMemory ? ownMemory(batch.now().memory) : undefined,
      })),
      steps,
      rowSteps,
    }
  } finally {
    batch.close()
  }

  /** A row that stopped keeps the state that was measured; a row that exits keeps the answer that made it leave. */
  function settle(z: Vector, next: Vector, step: number): Vector {
    const rows = batch.rows()
    const stopped = rows.map((b) => !isMoving(b))
    const after = choose(stopped, z, next)
    if (options.exit && stopped.some((s) => !s)) {
      const running = rows.filter((_, i) => !stopped[i])
      const seen =
        running.length === rows.length
          ? after
          : takeRows(
              after,
              stopped.flatMap((s, i) => (s ? [] : [i])),
            )
      const leaving = options.exit({ z: seen, rows: running, step: options.offset + step })
      if (!coupled || running.every((_, i) => leaving[i]))
        running.forEach((b, i) => {
          if (leaving[i]) status[b] = 'exited'
        })
    }
    // Not looked at again: it ends here, where the others go on.
    if (options.measureLast === false && step < most)
      for (const b of rows) if (isMoving(b) && step >= limit[b]!) status[b] = 'max-steps'
    return after
  }
}

/** Tensors of its own: a memory may hold what belongs to others. */
const ownMemory = (memory: Memory): Memory =>
  rebuild(
    memory,
    leaves(memory).map((t) => tf.clone(t)),
  )
