import type { Operator, Problem, Solution, TensorTree, Vector } from '@equilibria/spec'
import { bindProblem, type EquilibriumLayer, referenceKernels } from '@equilibria/core'
import { linearize, onTape, record, recordOrForget, scoped } from '@equilibria/tensor'
import { requireRepairs } from '../adjoint/second-order.ts'

/** `G` at a state, with `u ↦ Jᵀu` twice: aside, and as the live tape sees it (off any tape, the same). */
export interface FrozenState {
  readonly problem: Problem
  readonly value: Vector
  aside(u: Vector): Vector
  seen(u: Vector): Vector
}

/** Where the state comes from: what `solve` returned. */
export type AtState<S extends TensorTree> = Pick<Solution<S>, 'state'>
/** A layer, or the operator alone. */
export type Source<S extends TensorTree, X extends TensorTree> = EquilibriumLayer<S, X> | Operator<S, X>

/**
 * Evaluate `G` once at `state`, and give `measure` its products with `Jᵀ`. Inside a gradient they are recorded: what
 * `measure` returns has a derivative in the parameters, in `input`, and in `state`, where that is on the tape.
 *
 * @throws EquilibriaError `gradient` on a tape without `@equilibria/tensor/gradients`, or when an op of `G` has no
 * gradient; `shape` when `state` is not one of the operator
 */
export function atState<S extends TensorTree, X extends TensorTree, T>(
  name: string,
  source: Source<S, X>,
  { state }: AtState<S>,
  input: X,
  measure: (frozen: FrozenState) => T,
): T {
  const operator = 'operator' in source ? source.operator : source
  const bound = () => bindProblem(operator, input, referenceKernels, state)
  if (onTape()) {
    requireRepairs(name)
    return recordOrForget(() =>
      scoped(() => {
        const { problem, start } = bound()
        const once = record(problem.apply, start)
        return measure({ problem, value: once.value, aside: once.vjp, seen: once.taped.vjp })
      }),
    )
  }
  return scoped(() => {
    const { problem, start } = bound()
    const frozen = linearize(problem.apply, start)
    try {
      return measure({ problem, value: frozen.value, aside: frozen.vjp, seen: frozen.vjp })
    } finally {
      frozen.dispose()
    }
  })
}
