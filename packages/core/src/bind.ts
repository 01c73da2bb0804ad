import type { BoundOperator, Kernels, Operator, Problem, TensorTree, Vector } from '@equilibria/spec'
import { EquilibriaError, hold, leaves, linearize, packing, shapeOf, takeRows } from '@equilibria/tensor'

export interface Bound<S extends TensorTree> {
  readonly problem: Problem
  /** `[batch, size]`. */
  readonly start: Vector
  pack(state: S): Vector
  unpack(z: Vector): S
  readonly count: { evaluations: number; rows: number }
  /** Why finished samples cannot leave the batch; `undefined` when they can. */
  readonly coupled: string | undefined
}

/** Tie an operator to an input and lay its state out as `[batch, size]`. */
export function bindProblem<S extends TensorTree, X extends TensorTree>(
  operator: Operator<S, X>,
  input: X,
  kernels: Kernels,
  initial?: S,
): Bound<S> {
  const bound = operator.bind(input)
  const like = initial ?? bound.initial()
  if (initial !== undefined) {
    const own = bound.initial()
    if (shapeOf(own) !== shapeOf(initial))
      throw new EquilibriaError(
        'shape',
        `The initial state given to "${operator.name}" is ${shapeOf(initial)}; the operator starts from ${shapeOf(own)}.`,
        'Pass a state of that structure, for example the state of an earlier solution on inputs of the same shape.',
      )
  }
  const { batch, size, pack, unpack } = packing(like)
  const count = { evaluations: 0, rows: 0 }
  const tails = leaves(like).map((t) => t.shape.slice(1).join())

  const applier =
    (one: BoundOperator<S>) =>
    (z: Vector): Vector => {
      count.evaluations++
      count.rows += z.shape[0]
      const state = unpack(z)
      const out = one.apply(state) as TensorTree // Loose<S>: ranks are checked here
      const got = leaves(out)
      if (
        got.length !== tails.length ||
        got.some((t, i) => t.shape[0] !== z.shape[0] || t.shape.slice(1).join() !== tails[i])
      )
        throw new EquilibriaError(
          'shape',
          `Operator "${operator.name}" turned a state ${shapeOf(state)} into ${shapeOf(out)}.`,
          'G(z, x) must return the structure and shapes of initial().',
        )
      return pack(out as S)
    }

  const stray = leaves(input).find((t) => t.shape[0] !== batch)
  const coupled =
    operator.traits.rowwise === false
      ? `operator "${operator.name}" declares that its samples are coupled`
      : stray
        ? `an input leaf of "${operator.name}" has shape (${stray.shape}), not [${batch}, …]`
        : undefined

  const problemOf = (one: BoundOperator<S>, rows: number): Problem => {
    const apply = applier(one)
    return { batch: rows, size, traits: operator.traits, kernels, apply, linearize: (z) => linearize(apply, z) }
  }
  const problem: Problem = {
    ...problemOf(bound, batch),
    ...(coupled === undefined && batch > 1
      ? {
          select: (rows) => {
            const held = hold(() => operator.bind(takeRows(input, rows)))
            return { problem: problemOf(held.value, rows.length), dispose: held.release }
          },
        }
      : {}),
  }
  return { problem, start: pack(like), pack, unpack, count, coupled }
}
