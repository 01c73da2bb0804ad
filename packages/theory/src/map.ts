import type { TensorTree } from '@equilibria/spec'

/** The answer after some number of steps. `Model.trajectory` returns these. */
export interface SteppedAnswer<Y extends TensorTree> {
  readonly steps: number
  readonly y: Y
  /** Relative residual per sample, where there is one. */
  readonly residual?: ArrayLike<number>
}

/**
 * `x ↦ y_t(x)` for several `t` at once: `x` and every `y` have leaves `[batch, …]`, row by row independent. Called in
 * a scope: what it makes is freed by the caller.
 */
export type SteppedMap<X extends TensorTree, Y extends TensorTree> = (
  input: X,
  steps: readonly number[],
) => readonly SteppedAnswer<Y>[]

/** How the values of many samples become one number. */
export type Aggregator = 'max' | 'mean' | { readonly quantile: number }
