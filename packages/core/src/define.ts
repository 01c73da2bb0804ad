import type { BoundOperator, Loose, Operator, TensorTree, Traits } from '@equilibria/spec'

/** The short way to write an operator. */
export function defineOperator<S extends TensorTree, X extends TensorTree>(parts: {
  readonly name: string
  readonly traits?: Traits
  initial(input: X): S
  apply(state: S, input: X): Loose<S>
}): Operator<S, X> {
  return {
    kind: 'operator',
    spec: 1,
    name: parts.name,
    traits: parts.traits ?? {},
    bind: (input): BoundOperator<S> => ({
      initial: () => parts.initial(input),
      apply: (state) => parts.apply(state, input),
    }),
  }
}
