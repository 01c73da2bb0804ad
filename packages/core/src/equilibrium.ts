import * as tf from '@tensorflow/tfjs-core'
import type {
  Backend,
  BackwardStats,
  Compute,
  GradientMode,
  Operator,
  Solution,
  Solver,
  StopRule,
  TensorTree,
  Vector,
} from '@equilibria/spec'
import { EquilibriaError, hold, leaves, offTape, onTape, scoped } from '@equilibria/tensor'
import { type Bound, bindProblem } from './bind.ts'
import { type Compaction, type Driven, type DriveOptions, drive, driveAsync, pick, type Progress } from './drive.ts'
import { referenceBackend, resolveKernels } from './kernels.ts'
import { worstStatus } from './status.ts'
import { anyOf } from './stop/combine.ts'
import { residualBelow } from './stop/residual.ts'
import { divergence, nonFinite, timeBudget } from './stop/trouble.ts'

export interface EquilibriumOptions {
  /** Required: a default would be code you did not ask for. */
  readonly solver: Solver
  /** Left out: the result carries no gradient. */
  readonly gradient?: GradientMode
  /** A sample is done when `‖G(z) − z‖₂ ≤ tolerance · max(‖z‖₂, 1)`. Default `1e-4`. */
  readonly tolerance?: number
  /** Default `50`. */
  readonly maxSteps?: number
  /** Replaces the default rule (`tolerance`, then non-finite and divergence checks). */
  readonly stop?: StopRule
  /** Samples that are done leave the batch. `false` keeps them. */
  readonly compaction?: Compaction | false
  readonly backend?: Backend
}

export interface SolveOptions<S extends TensorTree> extends Omit<Compute<S>, 'steps'> {
  /** Warm start. Borrowed: never disposed. */
  readonly initial?: S
  readonly onProgress?: (progress: Progress) => void
  /** Called from the backward pass. */
  readonly onBackward?: (stats: BackwardStats) => void
  readonly trace?: boolean
  readonly maxSteps?: number
  /** The same as `maxSteps`, in the words of test-time compute. */
  readonly steps?: number
  readonly stop?: StopRule
  /** Evaluate `G` once more when the steps ran out, so that the reported residual is that of the state. Default `true`. */
  readonly measureLast?: boolean
}

/** The state after exactly `steps` steps. */
export interface TrajectoryState<S extends TensorTree> {
  readonly steps: number
  readonly state: S
  /** `‖G(z) − z‖₂ / max(‖z‖₂, 1)` per sample, at this state. */
  readonly residual: Float32Array
}

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
  const { solver, gradient, backend = referenceBackend } = options
  requireTraits(operator, solver)
  const kernels = resolveKernels(backend)

  const settings = (bound: Bound<S>, run: SolveOptions<S>): DriveOptions => ({
    maxSteps: run.steps ?? run.maxSteps ?? options.maxSteps ?? 50,
    stop: stopRule(run),
    exit: packedExit(bound, run),
    signal: run.signal,
    onProgress: run.onProgress,
    trace: run.trace,
    compaction: options.compaction,
    measureLast: run.measureLast,
  })
  const stopRule = (run: SolveOptions<S>): StopRule => {
    const own = run.tolerance === undefined ? (run.stop ?? options.stop) : run.stop
    const rule = own ?? anyOf(nonFinite(), residualBelow(run.tolerance ?? options.tolerance ?? 1e-4), divergence())
    return run.budget ? anyOf(rule, timeBudget(run.budget.ms)) : rule
  }
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
      residual: d.residual.reduce((a, b) => (b <= a ? a : b), Number.NEGATIVE_INFINITY),
      perSample: { status: d.status, steps: d.steps, residual: d.residual },
      trace: d.trace,
      notes: bound.coupled && options.compaction !== false ? [`no compaction: ${bound.coupled}`] : [],
    },
  })

  return {
    operator,
    solve(input, run = {}) {
      const began = performance.now()
      const { state, driven, count, coupled } = scoped(() => {
        const bound = bindProblem(operator, input, kernels, run.initial)
        const recording = gradient !== undefined && onTape()
        const taped = recording && gradient.forward === 'taped'
        const search = () =>
          broad(run, bound.start, (z0) =>
            drive(bound.problem, solver, z0, {
              ...settings(bound, run),
              ...(taped ? { compaction: false, measureLast: false } : {}),
            }),
          )
        const { z: found, ...driven } = taped ? search() : offTape(search)
        const count = { ...bound.count } // before the recorded application, which is part of the backward pass
        const z = recording
          ? gradient.attach({ z: found, problem: bound.problem, report: (b) => run.onBackward?.(b) })
          : found
        return { state: bound.unpack(z), driven, count, coupled: bound.coupled }
      })
      return finish(state, driven, { count, coupled }, began)
    },
    async solveAsync(input, run = {}) {
      if (onTape())
        throw new EquilibriaError(
          'option',
          'solveAsync() was called while gradients are being recorded.',
          'Use solve() there: tfjs cannot record across an await.',
        )
      const began = performance.now()
      const held = hold(() => bindProblem(operator, input, kernels, run.initial))
      const bound = held.value
      try {
        const driven = await broadAsync(run, bound.start, (z0) =>
          driveAsync(bound.problem, solver, z0, settings(bound, run)),
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
      if (steps.length === 0 || steps.some((t, i) => !Number.isInteger(t) || t < 0 || (i > 0 && t <= steps[i - 1]!)))
        throw new EquilibriaError(
          'option',
          `trajectory() was given the depths [${steps.join(', ')}].`,
          'Pass increasing whole numbers ≥ 0, such as [1, 2, 4, 8].',
        )
      return offTape(() =>
        scoped(() => {
          const bound = bindProblem(operator, input, kernels, run.initial)
          const points: TrajectoryState<S>[] = []
          let z = bound.start
          let memory = scoped(() => solver.init(bound.problem, z))
          for (let t = 0; t <= steps.at(-1)!; t++) {
            const step = scoped(() => {
              const { next, residual, memory: m } = solver.step(bound.problem, z, memory)
              const norms = kernels.norms(residual, z)
              return {
                next,
                memory: m,
                relative: norms
                  .slice(0, bound.problem.batch)
                  .map((r, b) => r / Math.max(norms[bound.problem.batch + b]!, 1)),
              }
            })
            if (steps.includes(t))
              points.push({ steps: t, state: scoped(() => bound.unpack(tf.clone(z))), residual: step.relative })
            const alive = new Set([bound.start, step.next, ...leaves(step.memory)])
            for (const old of [z, ...leaves(memory)]) if (!alive.has(old)) old.dispose()
            z = step.next
            memory = step.memory
          }
          return points
        }),
      )
    },
  }
}

function packedExit<S extends TensorTree>(bound: Bound<S>, run: SolveOptions<S>): DriveOptions['exit'] {
  const judge = run.exit?.start(bound.problem.batch)
  return judge && (({ z, rows, step }) => judge({ state: bound.unpack(z), rows, step }))
}

/* Breadth: the same noise for every sample, so that an answer cannot depend on who shares the batch. */
function starts<S extends TensorTree>(run: SolveOptions<S>, start: Vector): Vector[] {
  const { starts: count = 1, noise = 1, seed = 0 } = run.breadth ?? {}
  if (!Number.isInteger(count) || count < 1)
    throw new EquilibriaError('option', `breadth.starts is ${count}.`, 'Pass a whole number ≥ 1.')
  return Array.from({ length: count }, (_, i) =>
    i === 0
      ? start
      : tf.tidy(
          () => tf.add(start, tf.randomNormal([1, start.shape[1]], 0, noise, 'float32', seed * 1009 + i)) as Vector,
        ),
  )
}

function broad<S extends TensorTree>(run: SolveOptions<S>, start: Vector, search: (z0: Vector) => Driven): Driven {
  return starts(run, start).map(search).reduce(better)
}
async function broadAsync<S extends TensorTree>(
  run: SolveOptions<S>,
  start: Vector,
  search: (z0: Vector) => Promise<Driven>,
): Promise<Driven> {
  const all = hold(() => starts(run, start))
  let found: Driven | undefined
  try {
    for (const z0 of all.value) {
      const next = await search(z0)
      found = found ? better(found, next) : next
    }
    return found!
  } finally {
    all.release()
  }
}

/** Per sample, the run with the smaller residual. Takes both states over. */
function better(a: Driven, b: Driven): Driven {
  const takeB = Array.from(
    b.residual,
    (r, i) => r < a.residual[i]! || (Number.isNaN(a.residual[i]!) && !Number.isNaN(r)),
  )
  const z = scoped(() => pick(takeB, b.z, a.z))
  a.z.dispose()
  b.z.dispose()
  return {
    z,
    status: takeB.map((t, i) => (t ? b : a).status[i]!),
    steps: Int32Array.from(takeB, (t, i) => (t ? b : a).steps[i]!),
    residual: Float32Array.from(takeB, (t, i) => (t ? b : a).residual[i]!),
    total: a.total + b.total,
    rowSteps: a.rowSteps + b.rowSteps,
    trace: Float32Array.from([...a.trace, ...b.trace]),
  }
}

function requireTraits(operator: Pick<Operator, 'name' | 'traits'>, solver: Solver): void {
  for (const trait of solver.requires?.traits ?? [])
    if (operator.traits[trait] === undefined)
      throw new EquilibriaError(
        'requirement',
        `Solver "${solver.name}" needs the trait "${trait}", which operator "${operator.name}" does not declare.`,
        'Declare it if it is true, or pick a solver that does not need it.',
      )
}
