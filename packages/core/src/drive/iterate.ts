/**
 * The loop. This folder owns iteration, stopping, per-sample bookkeeping, compaction, fallbacks, cancellation, progress
 * and the life of every tensor. Solvers own the mathematics of one step, and nothing else.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { Attempt, Fallback, Memory, Problem, Solver, Status, Vector } from '@equilibria/spec'
import { leaves, scoped } from '@equilibria/tensor'
import { stagnation } from '../stop/trouble.ts'
import { requireRange, requireWhole } from '../validate.ts'
import { attempt } from './attempt.ts'
import { choose } from './batch.ts'
import { type Books, failed } from './books.ts'
import type { Driven, DriveOptions, Turn } from './types.ts'

/** These rows are answered with the state at which they stopped, whatever came before. */
const SOLVED: ReadonlySet<Status> = new Set<Status>(['converged', 'floor', 'exited'])

/**
 * The loop itself: `z ← solver.step(z)` on `[batch, size]` until every row has a status, the steps run out or the signal
 * fires. Yields after every step, so that one loop serves both `solve` and `solveAsync`; abandoning it frees everything.
 *
 * `z0` is borrowed. A row that stops keeps the state whose residual was measured; with `solver.answer: 'best'`, one that
 * stops unsolved gets the state of its smallest residual instead. Rows of coupled problems (`traits.rowwise === false`)
 * are not frozen: the solve ends at the first step at which all of them would stop.
 *
 * With `solver.after`, rows on which the method failed (`stagnated`, `cycle`, `diverged`, `non-finite`, or stopped by
 * `after.leave`, by default `stagnation()`) wait until the others are done, and go on with the next method; `maxSteps`
 * is for all methods together, row by row. A method that does not suit the problem is passed over. A method sees only its own steps: rules begin anew with each. A row that no
 * method solves gets its best state of all. Coupled rows go on together.
 *
 * @cost per step: what the solver does, one read-back of `2·batch` norms; 1 stored vector beside the solver's memory, and
 * 1 more with `answer: 'best'` or fallbacks
 * @throws EquilibriaError `option` on steps, compaction settings that are not usable; whatever `G` throws
 */
export function* iterate(
  whole: Problem,
  solver: Solver,
  z0: Vector,
  options: DriveOptions,
): Generator<Turn, Driven, void> {
  const { batch, size } = whole
  requireWhole('maxSteps', options.maxSteps, 0)
  requireWhole('compaction.every', options.compaction ? (options.compaction.every ?? 1) : 1, 1)
  requireRange('compaction.below', options.compaction ? (options.compaction.below ?? 1) : 1, 0, 1)
  const coupled = whole.traits.rowwise === false
  const wantsBest = solver.answer === 'best' || solver.after !== undefined
  const began = performance.now()
  const status: (Status | null)[] = Array.from({ length: batch }, () => null)
  const residual = new Float32Array(batch).fill(Number.POSITIVE_INFINITY)
  const steps = new Int32Array(batch)
  const tried: Attempt[][] = Array.from({ length: batch }, () => [])
  const top = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
  const trace: number[] = []
  const own = new Set<tf.Tensor>() // made here, or handed over by an attempt
  const keep = <T extends tf.Tensor | undefined>(t: T): T => {
    if (t && t !== z0) own.add(t)
    return t
  }
  let z = z0
  let best: Vector | undefined // the state with residual `top`, per row
  let method = suited({ solver }, whole)!.solver
  let memory: Memory | undefined
  let offset = 0
  let rowSteps = 0
  try {
    for (;;) {
      const next = suited(method.after, whole)
      const moved = status.map((s) => s === null)
      const books: Books = {
        status,
        residual,
        left: moved.map(() => false),
        steps: new Int32Array(batch),
        kept: new Float64Array(batch).fill(Number.POSITIVE_INFINITY),
      }
      const leave = (method.after ? (method.after.leave ?? stagnation()) : method.giveUp)?.start(batch)
      const ended = yield* attempt(whole, method, z, books, {
        ...options,
        judging: {
          size,
          began,
          coupled,
          leave,
          stop: options.stop.start(batch),
          limit: steps.map((s) => options.maxSteps - s),
        },
        ...(offset === 0 ? {} : { memory: undefined, keepMemory: false }), // those are the first method's
        offset,
        last: next === undefined,
        wantsBest,
        record: trace,
      })
      z = keep(ended.z)
      keep(ended.best)
      memory = ended.memory
      for (const t of leaves(memory ?? null)) own.add(t)
      offset += ended.steps
      rowSteps += ended.rowSteps
      moved.forEach((m, b) => {
        if (!m) return
        steps[b] = steps[b]! + books.steps[b]!
        tried[b]!.push({
          solver: method.stage ?? method.name,
          status: status[b]!,
          steps: books.steps[b]!,
          residual: residual[b]!,
        })
      })
      if (ended.best) {
        const better = moved.map((m, b) => m && books.kept[b]! < top[b]!)
        const [now, before] = [ended.best, best]
        best = keep(scoped(() => choose(better, now, before ?? now)))
        better.forEach((m, b) => {
          if (m) top[b] = books.kept[b]!
        })
      }
      const goesOn = moved.map((m, b) => m && next !== undefined && failed(books, b) && steps[b]! < options.maxSteps)
      if (coupled && goesOn.some((g) => g)) goesOn.fill(true)
      if (!next || !goesOn.some((g) => g)) break
      if (options.signal?.aborted) {
        goesOn.forEach((g, b) => {
          if (g) status[b] = 'aborted'
        })
        break
      }
      // A row without one finite residual has no best state: it begins where the solve began.
      const known = goesOn.map((g, b) => g && next.from !== 'start' && top[b]! < Number.POSITIVE_INFINITY)
      z = keep(scoped(() => choose(known, best!, choose(goesOn, z0, z))))
      prune([z, best])
      goesOn.forEach((g, b) => {
        if (g) status[b] = null
      })
      method = next.solver
    }
    const final = status.map((s) => s ?? 'max-steps')
    // Also where the last measured state was the best: a step may have been proposed since, and not been looked at.
    const takes = final.map((s, b) => best !== undefined && !SOLVED.has(s) && top[b]! < Number.POSITIVE_INFINITY)
    if (coupled && takes.some((t) => t)) {
      // One system, one state: no row may keep its own from another step, nor be called solved for it.
      const unsolved = final[takes.indexOf(true)]!
      takes.fill(true)
      final.forEach((s, b) => (final[b] = SOLVED.has(s) ? unsolved : s))
    }
    takes.forEach((t, b) => {
      if (t) residual[b] = top[b]!
    })
    const answer = takes.some((t) => t) ? keep(scoped(() => choose(takes, best!, z))) : z
    prune([answer, ...leaves(memory ?? null)])
    own.clear()
    return {
      z: answer,
      status: final,
      steps,
      residual,
      total: steps.reduce((a, b) => Math.max(a, b), 0),
      rowSteps,
      trace: Float32Array.from(trace),
      ...(solver.after ? { tried } : {}),
      ...(memory === undefined ? {} : { memory }),
    }
  } finally {
    prune([])
  }

  function prune(kept: readonly (tf.Tensor | undefined)[]): void {
    const alive = new Set(kept)
    for (const t of own)
      if (!alive.has(t)) {
        own.delete(t)
        if (!t.isDisposed) t.dispose()
      }
  }
}

/** The first of a chain that suits the problem, or its last. */
function suited(first: Fallback | undefined, problem: Problem): Fallback | undefined {
  const seen = new Set<Fallback>() // a chain may close
  let here = first
  while (here?.solver.after && !seen.has(here) && here.solver.suits?.(problem) === false) {
    seen.add(here)
    here = here.solver.after
  }
  return here
}
