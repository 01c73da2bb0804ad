import * as tf from '@tensorflow/tfjs-core'
import type { Kernels, Solver, TensorTree } from '@equilibria/spec'
import { EquilibriaError, leaves, scoped } from '@equilibria/tensor'
import type { Bound } from './bind.ts'

/** The state after exactly `steps` steps. */
export interface TrajectoryState<S extends TensorTree> {
  readonly steps: number
  /** Owned by the caller. */
  readonly state: S
  /** `‖G(z) − z‖₂ / max(‖z‖₂, 1)` per sample, at this state. */
  readonly residual: Float32Array
}

/** @throws EquilibriaError `option` unless the depths are increasing whole numbers ≥ 0 */
export function checkDepths(steps: readonly number[]): void {
  if (steps.length === 0 || steps.some((t, i) => !Number.isInteger(t) || t < 0 || (i > 0 && t <= steps[i - 1]!)))
    throw new EquilibriaError(
      'option',
      `trajectory() was given the depths [${steps.join(', ')}].`,
      'Pass increasing whole numbers ≥ 0, such as [1, 2, 4, 8].',
    )
}

/** Runs the solver with nothing frozen, and keeps the states at the given depths. Call it inside a scope. */
export function trace<S extends TensorTree>(
  { problem, start, unpack }: Bound<S>,
  solver: Solver,
  kernels: Kernels,
  steps: readonly number[],
): TrajectoryState<S>[] {
  const { batch } = problem
  const points: TrajectoryState<S>[] = []
  let z = start
  let memory = scoped(() => solver.init(problem, z))
  for (let t = 0; t <= steps.at(-1)!; t++) {
    const step = scoped(() => {
      const { next, residual, memory: kept } = solver.step(problem, z, memory)
      const norms = kernels.norms(residual, z)
      const relative = Float32Array.from({ length: batch }, (_, b) => norms[b]! / Math.max(norms[batch + b]!, 1))
      return { next, memory: kept, relative }
    })
    if (steps.includes(t)) points.push({ steps: t, state: scoped(() => unpack(tf.clone(z))), residual: step.relative })
    const alive = new Set<tf.Tensor>([start, step.next, ...leaves(step.memory)])
    for (const old of [z, ...leaves(memory)]) if (!alive.has(old) && !old.isDisposed) old.dispose()
    z = step.next
    memory = step.memory
  }
  return points
}
