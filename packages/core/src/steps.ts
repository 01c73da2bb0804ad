import type { Aux, Solution, Solver, Status, TensorTree } from '@equilibria/spec'
import { EquilibriaError, hold, offTape, scoped } from '@equilibria/tensor'
import type { Bound } from './bind.ts'
import { iterate } from './drive/iterate.ts'
import type { Driven, DriveOptions, Progress } from './drive/types.ts'

/** One step of a solve that the caller advances. Plain numbers; the state only on demand. */
export interface StepView<S extends TensorTree> extends Progress {
  readonly perSample: {
    /** `null` while the sample moves. */
    readonly status: readonly (Status | null)[]
    /** Of the state last measured, relative, as everywhere. */
    readonly residual: Float32Array
  }
  /**
   * All samples as they stand after this step. New tensors, owned by the caller (or its `tidy`).
   * @throws EquilibriaError `option` once the solve has moved on
   */
  state(): S
}

/** A solve, step by step: `next()` takes one, and the last `next()` brings the solution. */
export interface SolveSteps<S extends TensorTree, A extends Aux = Aux> extends Iterable<
  StepView<S>,
  Solution<S, A>,
  void
> {
  next(): IteratorResult<StepView<S>, Solution<S, A>>
  /** Abandons the solve and frees everything; what was handed out stays. Leaving a `for … of` does the same. */
  return(): IteratorResult<StepView<S>, Solution<S, A>>
  [Symbol.iterator](): SolveSteps<S, A>
  /** `return()`, for `using`. */
  [Symbol.dispose](): void
}

/** One bound input, for solves that outlive a scope. */
export interface Session<S extends TensorTree, A extends Aux> {
  readonly bound: Bound<S, A>
  settings(): DriveOptions
  /** Takes over the tensors of the run. */
  finish(driven: Driven): Solution<S, A>
  close(): void
}

/**
 * Nothing is bound before the first step. Between two steps nothing depends on the scopes of the caller: what the solve
 * holds survives any `tidy`, until it ends, fails or is abandoned.
 */
export function solveSteps<S extends TensorTree, A extends Aux>(
  solver: Solver,
  open: () => Session<S, A>,
): SolveSteps<S, A> {
  let session: Session<S, A> | undefined
  let loop: ReturnType<typeof iterate> | undefined
  let over = false
  let taken = 0

  const close = (): void => {
    over = true
    taken++
    try {
      offTape(() => loop?.return(undefined as never))
    } finally {
      session?.close()
      session = loop = undefined
    }
  }
  const ended = { done: true, value: undefined as never } as const
  const steps: SolveSteps<S, A> = {
    next() {
      if (over) return ended
      try {
        session ??= open()
        const { bound } = session
        loop ??= iterate(bound.problem, solver, bound.start, session.settings())
        const advance = loop
        // Whatever the loop still holds after its step is kept out of the scopes around; the loop itself frees it.
        const turn = offTape(() => hold(() => advance.next()).value)
        if (turn.done) {
          const solution = session.finish(turn.value)
          close()
          return { done: true, value: solution }
        }
        const { step, residual, active, residuals, statuses, current } = turn.value
        const at = ++taken
        return {
          done: false,
          value: {
            step,
            residual,
            active,
            perSample: { status: [...statuses], residual: residuals.slice() },
            state: () => {
              if (at !== taken)
                throw new EquilibriaError(
                  'option',
                  `state() of step ${step} was asked for after the solve had moved on.`,
                  'Call it before the next step, and keep what it returns.',
                )
              return scoped(() => bound.unpack(current()))
            },
          },
        }
      } catch (error) {
        close()
        throw error
      }
    },
    return() {
      if (!over) close()
      return ended
    },
    [Symbol.iterator]: () => steps,
    [Symbol.dispose]: () => void steps.return(),
  }
  return steps
}

/** Steps as an async iterable. It returns the solution at its end; a `for await`, which drops that, finds it in `result`. */
export interface SolveStream<S extends TensorTree, A extends Aux = Aux> extends AsyncGenerator<
  StepView<S>,
  Solution<S, A>,
  void
> {
  /** The solution once the stream has ended; rejects when it failed or was left before its end. */
  readonly result: Promise<Solution<S, A>>
}

/** With a turn for the event loop every `sliceMs`. */
export function streamed<S extends TensorTree, A extends Aux>(steps: SolveSteps<S, A>, sliceMs = 8): SolveStream<S, A> {
  const { promise, resolve, reject } = deferred<Solution<S, A>>()
  promise.catch(() => {}) // whoever wants it hears of it; nobody is told of an unhandled one
  async function* run(): AsyncGenerator<StepView<S>, Solution<S, A>, void> {
    try {
      let since = performance.now()
      for (;;) {
        const turn = steps.next()
        if (turn.done) {
          resolve(turn.value)
          return turn.value
        }
        yield turn.value
        if (performance.now() - since < sliceMs) continue
        await new Promise((wake) => setTimeout(wake, 0))
        since = performance.now()
      }
    } catch (error) {
      reject(error)
      throw error
    } finally {
      steps.return()
      reject(
        new EquilibriaError(
          'option',
          'The result of a stream was asked for that was left before its end.',
          'Read the stream to its end, or stop it with an AbortSignal: then there is a result.',
        ),
      )
    }
  }
  return Object.assign(run(), { result: promise })
}

function deferred<T>() {
  let resolve!: (value: T) => void
  let reject!: (reason: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
