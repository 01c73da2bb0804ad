import type { Aux, KeptMemory, Solution, Solver, TensorTree } from '@equilibria/spec'
import type { Bound } from './bind.ts'
import type { Driven } from './drive/types.ts'
import { worstStatus } from './status.ts'
import { triedNotes } from './tried.ts'
import { largest } from './worst.ts'

/** What a solve has to say beside its tensors. */
export interface Told {
  readonly solver: Solver
  readonly backend: string
  /** `performance.now()` when it began. */
  readonly began: number
  readonly count: Bound<TensorTree>['count']
  readonly notes: readonly string[]
}

/** State and figures of a finished run, as users get them. */
export function solutionOf<S extends TensorTree, A extends Aux>(
  { state, aux }: { readonly state: S; readonly aux: A },
  d: Omit<Driven, 'z' | 'memory'>,
  { solver, backend, began, count, notes }: Told,
  memory?: KeptMemory,
): Solution<S, A> {
  return {
    state,
    aux,
    status: worstStatus(d.status),
    stats: {
      solver: solver.name,
      backend,
      steps: d.total,
      evaluations: count.evaluations,
      sampleEvaluations: count.rows,
      elapsedMs: performance.now() - began,
      residual: largest(d.residual),
      perSample: {
        status: d.status,
        steps: d.steps,
        residual: d.residual,
        ...(d.tried ? { tried: d.tried } : {}),
      },
      trace: d.trace,
      notes: [...notes, ...triedNotes(d.tried)],
    },
    ...(memory ? { memory } : {}),
  }
}
