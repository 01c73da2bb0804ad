import type { Aux, BoundOperator, Loose, Operator, TensorTree, Traits } from '@equilibria/spec'

/**
 * The short way to write an operator. `aux`, if there is one, is evaluated once, at the solution, and handed out as
 * `solution.aux`.
 */
export function defineOperator<S extends TensorTree, X extends TensorTree, A extends Aux = Aux>(parts: {
  readonly name: string
  readonly traits?: Traits
  initial(input: X): S
  apply(state: S, input: X): Loose<S>
  aux?(state: S, input: X): A
}): Operator<S, X, A> {
  return {
    kind: 'operator',
    spec: 1,
    name: parts.name,
    traits: parts.traits ?? {},
    bind: (input): BoundOperator<S, A> => ({
      initial: () => parts.initial(input),
      apply: (state) => parts.apply(state, input),
      ...(parts.aux ? { aux: (state: S) => parts.aux!(state, input) } : {}),
    }),
  }
}
