import type { Aux, Backend, KeptMemory, Operator, Solution, Solver, TensorTree, Vector } from '@equilibria/spec'
import { EquilibriaError, hold, offTape, onTape, recordOrForget, scoped } from '@equilibria/tensor'
import { type Bound, bindProblem } from './bind.ts'
import { broad, broadAsync } from './breadth.ts'
import { drive, driveAsync } from './drive/run.ts'
import type { Driven, DriveOptions } from './drive/types.ts'
import { referenceBackend, resolveKernels } from './kernels.ts'
import { checkMemory, keepMemory } from './memory.ts'
import {
  checkGradients,
  checkLayer,
  checkRun,
  type EquilibriumOptions,
  methodsOf,
  type SolveOptions,
  stopRuleOf,
} from './options.ts'
import { solutionOf, type Told } from './solution.ts'
import { type Session, type SolveSteps, solveSteps, type SolveStream, streamed } from './steps.ts'
import { checkDepths, trace, type TrajectoryState } from './trajectory.ts'

/** What `equilibrium()` returns: an operator with a solver, to be applied to any number of inputs. */
export interface EquilibriumLayer<S extends TensorTree, X extends TensorTree, A extends Aux = Aux> {
  readonly operator: Operator<S, X, A>
  readonly solver: Solver
  readonly backend: Backend
  solve(input: X, options?: SolveOptions<S>): Solution<S, A>
  /** The same answer, without blocking. Inference only: tfjs records gradients synchronously. */
  solveAsync(input: X, options?: SolveOptions<S>): Promise<Solution<S, A>>
  /**
   * The same answer, one step per `next()`: for debuggers, drawings, schedulers of your own. Inference only, one start.
   * Run it to its end, leave its `for … of`, or call `return()` (or write `using`): until then it holds tensors.
   */
  steps(input: X, options?: SolveOptions<S>): SolveSteps<S, A>
  /** The same as an async iterable, which gives the event loop its turns: `for await`, then `await stream.result`. */
  stream(input: X, options?: SolveOptions<S>): SolveStream<S, A>
  /**
   * The states after each of these numbers of steps (increasing), nothing frozen, no fallback. The caller disposes them.
   */
  trajectory(input: X, steps: readonly number[], options?: { readonly initial?: S }): readonly TrajectoryState<S>[]
}

/**
 * An implicit layer: `solve(x)` returns `z*` with `z* = G(z*, x)`.
 *
 * Shapes: every leaf of `x` and `z` is `[batch, …]` (a state may have leaves of rank 0: a batch of one); each sample stops, freezes and reports on its own, and its answer
 * does not depend on its batch mates. Memory is constant in the number of steps; the solver states its own cost.
 *
 * Not for maps without a fixed point: the status says so, and nothing is thrown (`assertConverged` throws).
 *
 * @throws EquilibriaError on wrong shapes, unknown traits, or gradients asked of `solveAsync`, `steps` or `stream`.
 * @cite bai2019, liu2026
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson } from '@equilibria/solvers'
 *
 * const cosine = defineOperator({ name: 'cosine', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z) => tf.cos(z) })
 * const { state, status } = equilibrium(cosine, { solver: anderson() }).solve(tf.ones([1, 1]))
 * console.log(status, state.dataSync()[0]) // converged 0.7390…
 * ```
 */
export function equilibrium<S extends TensorTree, X extends TensorTree, A extends Aux = Aux>(
  operator: Operator<S, X, A>,
  options: EquilibriumOptions,
): EquilibriumLayer<S, X, A> {
  const { solver, gradient, backend = referenceBackend as Backend } = options
  checkLayer(operator, options, backend)
  const kernels = resolveKernels(backend)

  const settings = (bound: Bound<S>, run: SolveOptions<S>, began: number): DriveOptions => {
    checkMemory(solver, bound.problem, run.memory)
    return {
      maxSteps: run.steps ?? run.maxSteps ?? options.maxSteps ?? solver.maxSteps ?? 50,
      stop: stopRuleOf(options, run, performance.now() - began),
      exit: packedExit(bound, run),
      signal: run.signal,
      onProgress: run.onProgress,
      trace: run.trace,
      compaction: run.keepMemory ? false : options.compaction,
      measureLast: run.measureLast,
      keepMemory: run.keepMemory,
      memory: run.memory?.memory,
    }
  }
  const wanted = new Set(methodsOf(solver).flatMap((method) => method.requires?.kernels ?? []))
  const slow = backend === referenceBackend ? [] : [...wanted].filter((k) => !backend.kernels[k])
  /** `why`: what this solve needs the memory for. */
  const notesOf = ({ coupled, problem: { batch } }: Bound<S>, why: string | undefined): string[] => [
    ...(coupled && options.compaction !== false ? [`no compaction: ${coupled}`] : []),
    ...(why && !coupled && options.compaction !== false && batch > 1 ? [`no compaction: ${why}`] : []),
    ...slow.map((k) => `kernel "${k}" is not in backend "${backend.name}": the reference version ran`),
  ]
  const keeps = (run: SolveOptions<S>) => (run.keepMemory ? 'the memory is kept' : undefined)
  const told = (bound: Bound<S>, began: number, why: string | undefined): Told => ({
    solver,
    backend: backend.name,
    began,
    notes: notesOf(bound, why),
    count: { ...bound.count },
  })
  const answerOf = (bound: Bound<S, A>, z: Vector) => {
    const state = bound.unpack(z)
    return { state, aux: bound.aux(state) }
  }
  /** For solves that do not run in one scope. */
  const session = (input: X, run: SolveOptions<S>): Session<S, A> => {
    const began = performance.now()
    const held = hold(() => bindProblem(operator, input, kernels, run.initial))
    const bound = held.value
    return {
      bound,
      settings: () => settings(bound, run, began),
      finish({ z, memory, ...numbers }) {
        const kept = memory === undefined ? undefined : keepMemory(solver, bound.problem, memory)
        try {
          const own = scoped(() => answerOf(bound, z))
          return solutionOf(own, numbers, told(bound, began, keeps(run)), kept)
        } catch (error) {
          kept?.dispose()
          throw error
        } finally {
          z.dispose()
        }
      },
      close: held.release,
    }
  }
  const checkUnrecorded = (method: string, run: SolveOptions<S>): void => {
    if (onTape())
      throw new EquilibriaError(
        'option',
        `${method}() was called while gradients are being recorded.`,
        'Use solve() there: tfjs records one synchronous piece of work.',
      )
    checkRun(run, gradient)
  }
  const stepped = (method: string, input: X, run: SolveOptions<S>): SolveSteps<S, A> => {
    checkUnrecorded(method, run)
    if (run.breadth)
      throw new EquilibriaError('option', `${method}() was given "breadth".`, 'Use solve() or solveAsync() for it.')
    return solveSteps(solver, () => session(input, run))
  }

  return {
    operator,
    solver,
    backend,
    solve(input, run = {}) {
      checkRun(run, gradient)
      const began = performance.now()
      let figures: [Omit<Driven, 'z' | 'memory'>, Told, KeptMemory | undefined] | undefined
      const solved = () => {
        const bound = bindProblem(operator, input, kernels, run.initial)
        const recording = gradient !== undefined && onTape()
        if (recording) checkGradients()
        const taped = recording && gradient.forward === 'taped'
        const needsMemory = recording && gradient.needs?.includes('memory') === true
        const search = () =>
          broad(run.breadth, bound.start, (z0) =>
            drive(bound.problem, solver, z0, {
              ...settings(bound, run, began),
              ...(taped ? { compaction: false, measureLast: false } : {}),
              ...(needsMemory ? { compaction: false, keepMemory: true } : {}),
            }),
          )
        const { z, memory, ...numbers } = taped ? search() : offTape(search)
        // What is recorded below is backward work: it is not counted.
        const said = told(bound, began, needsMemory ? `"${gradient.name}" needs the memory` : keeps(run))
        const answer = recording
          ? answerOf(
              bound,
              gradient.attach({
                z,
                problem: solver.solves?.(bound.problem) ?? bound.problem,
                status: numbers.status,
                // A solve that resumed a memory, or took the best of several starts, cannot be repeated from its start.
                ...(run.breadth || run.memory ? {} : { run: { solver, start: bound.start, steps: numbers.steps } }),
                report: (b) => run.onBackward?.(b),
                ...(needsMemory && memory !== undefined ? { memory: { solver, memory } } : {}),
              }),
            )
          : offTape(() => answerOf(bound, z))
        const kept = run.keepMemory && memory !== undefined ? keepMemory(solver, bound.problem, memory) : undefined
        figures = [numbers, said, kept]
        return answer
      }
      const answer = recordOrForget(() => scoped(solved))
      return solutionOf(answer, ...figures!)
    },
    async solveAsync(input, run = {}) {
      checkUnrecorded('solveAsync', run)
      const { bound, settings: fresh, finish, close } = session(input, run)
      try {
        return finish(
          await broadAsync(run.breadth, bound.start, (z0) => driveAsync(bound.problem, solver, z0, fresh())),
        )
      } finally {
        close()
      }
    },
    steps: (input, run = {}) => stepped('steps', input, run),
    stream: (input, run = {}) => streamed(stepped('stream', input, run)),
    trajectory(input, steps, run = {}) {
      checkDepths(steps)
      return offTape(() =>
        scoped(() => trace(bindProblem(operator, input, kernels, run.initial), solver, kernels, steps)),
      )
    },
  }
}

function packedExit<S extends TensorTree>(bound: Bound<S>, run: SolveOptions<S>): DriveOptions['exit'] {
  const judge = run.exit?.start(bound.problem.batch)
  return judge && (({ z, rows, step }) => judge({ state: bound.unpack(z), rows, step }))
}
