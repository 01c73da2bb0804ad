import type { Tensor } from '@tensorflow/tfjs-core'
import type { LinearSolver, Problem, Solver, Splitting, Vector } from '@equilibria/spec'

/** `Jᵀ`, or for second derivatives `J`. */
export type Side = 'adjoint' | 'tangent'

/** The parts of `u = A u + v` for this `v`, where the operator has them. */
export type Parts = (v: Vector) => Splitting<Vector> | undefined

/** What splitting methods will need of a solution, for later. */
export interface FrozenParts {
  readonly tensors: readonly Tensor[]
  /** From `tensors`, or what was kept of them. */
  of(side: Side, kept: readonly Tensor[]): Parts | undefined
}

/** Freeze the parts of a problem at `z`. Coupled samples are one system, which parts that are row by row know nothing of. */
export function freezeParts(problem: Problem, z: Vector, solver: LinearSolver | Solver | undefined): FrozenParts {
  const coupled = problem.traits.rowwise === false && problem.batch > 1
  const frozen = solver?.kind === 'solver' && !coupled ? problem.splitting?.linearize?.(z) : undefined
  return {
    tensors: frozen?.tensors ?? [],
    of: (side, kept) => (frozen && kept.length > 0 ? (v) => frozen[side]?.(v, kept) : undefined),
  }
}
