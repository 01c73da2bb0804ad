import type { Backend, Operator, Solution, TensorTree } from '@equilibria/spec'
import { EquilibriaError, hold, offTape, onTape, recordOrForget, scoped } from '@equilibria/tensor'
import { type Bound, bindProblem } from './bind.ts'
import { broad, broadAsync } from './breadth.ts'
import { drive, driveAsync } from './drive/run.ts'
import type { Driven, DriveOptions } from './drive/types.ts'
import { referenceBackend, resolveKernels } from './kernels.ts'
import { checkLayer, checkRun, type EquilibriumOptions, type SolveOptions, stopRuleOf } from './options.ts'
import { worstStatus } from './status.ts'
import { checkDepths, trace, type TrajectoryState } from './trajectory.ts'
import { triedNotes } from './tried.ts'
import { largest } from './worst.ts'

/** What `equilibrium()` returns: an operator with a solver, to be applied to any number of inputs. */
export interface EquilibriumLayer<S extends TensorTree, X extends TensorTree> {
  readonly operator: Operator<S, X>
  solve(input: X, options?: SolveOptions<S>): Solution<S>
  /** The same answer, without blocking. Inference only: tfjs records gradients synchronously. */
  solveAsync(input: X, options?: SolveOptions<S>): Promise<Solution<S>>
  /** The states after each of these numbers of steps (increasing), nothing frozen. The caller disposes them. */
  trajectory(input: X, steps: readonly number[], options?: { readonly initial?: S }): readonly TrajectoryState<S>[]
}

/**
 * An implicit layer: `solve(x)` returns `z*` with `z* = G(z*, x)`.
 *
 * Shapes: every leaf of `x` and `z` is `[batch, …]`; each sample stops, freezes and reports on its own, and its answer
 * does not depend on its batch mates. Memory is constant in the number of steps; the solver states its own cost.
 *
 * Not for maps without a fixed point: the status says so, and nothing is thrown (`assertConverged` throws).
 *
 * @throws EquilibriaError on wrong shapes, unknown traits, or gradients asked of `solveAsync`.
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
export function equilibrium<S extends TensorTree, X extends TensorTree>(
  operator: Operator<S, X>,
  options: EquilibriumOptions,
): EquilibriumLayer<S, X> {
  const { solver, gradient, backend = referenceBackend as Backend } = options
  checkLayer(operator, options, backend)
  const kernels = resolveKernels(backend)

  const settings = (bound: Bound<S>, run: SolveOptions<S>, began: number): DriveOptions => ({
    maxSteps: run.steps ?? run.maxSteps ?? options.maxSteps ?? 50,
    stop: stopRuleOf(options, run, performance.now() - began),
    exit: packedExit(bound, run),
    signal: run.signal,
    onProgress: run.onProgress,
    trace: run.trace,
    compaction: options.compaction,
    measureLast: run.measureLast,
  })
  const slow = backend === referenceBackend ? [] : (solver.requires?.kernels ?? []).filter((k) => !backend.kernels[k])
  const notesOf = (coupled: string | undefined): string[] => [
    ...(coupled && options.compaction !== false ? [`no compaction: ${coupled}`] : []),
    ...slow.map((k) => `kernel "${k}" is not in backend "${backend.name}": the reference version ran`),
  ]
  const finish = (
    state: S,
    d: Omit<Driven, 'z'>,
    bound: Pick<Bound<S>, 'count' | 'coupled'>,
    began: number,
  ): Solution<S> => ({
    state,
    status: worstStatus(d.status),
    stats: {
      solver: solver.name,
      backend: backend.name,
      steps: d.total,
      evaluations: bound.count.evaluations,
      sampleEvaluations: bound.count.rows,
      elapsedMs: performance.now() - began,
      residual: largest(d.residual),
      perSample: {
        status: d.status,
        steps: d.steps,
        residual: d.residual,
        ...(d.tried ? { tried: d.tried } : {}),
      },
      trace: d.trace,
      notes: [...notesOf(bound.coupled), ...triedNotes(d.tried)],
    },
  })

  return {
    operator,
    solve(input, run = {}) {
      checkRun(run, gradient)
      const began = performance.now()
      let numbers: Parameters<typeof finish>[1] | undefined
      let totals: Parameters<typeof finish>[2] | undefined
      const solved = (): S => {
        const bound = bindProblem(operator, input, kernels, run.initial)
        const recording = gradient !== undefined && onTape()
        const taped = recording && gradient.forward === 'taped'
        const search = () =>
          broad(run.breadth, bound.start, (z0) =>
            drive(bound.problem, solver, z0, {
              ...settings(bound, run, began),
              ...(taped ? { compaction: false, measureLast: false } : {}),
            }),
          )
        const found = taped ? search() : offTape(search)
        numbers = found
        totals = { count: { ...bound.count }, coupled: bound.coupled } // the recorded application below is backward work
        return bound.unpack(
          recording
            ? gradient.attach({
                z: found.z,
                problem: bound.problem,
                status: found.status,
                report: (b) => run.onBackward?.(b),
              })
            : found.z,
        )
      }
      const state = recordOrForget(() => scoped(solved))
      return finish(state, numbers!, totals!, began)
    },
    async solveAsync(input, run = {}) {
      if (onTape())
        throw new EquilibriaError(
          'option',
          'solveAsync() was called while gradients are being recorded.',
          'Use solve() there: tfjs cannot record across an await.',
        )
      checkRun(run, gradient)
      const began = performance.now()
      const held = hold(() => bindProblem(operator, input, kernels, run.initial))
      const bound = held.value
      try {
        const driven = await broadAsync(run.breadth, bound.start, (z0) =>
          driveAsync(bound.problem, solver, z0, settings(bound, run, began)),
        )
        try {
          return finish(
            scoped(() => bound.unpack(driven.z)),
            driven,
            bound,
            began,
          )
        } finally {
          driven.z.dispose()
        }
      } finally {
        held.release()
      }
    },
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
