import type { TensorTree } from './tree.ts'

/**
 * Leaves early on what the *answer* does, where a stop rule looks at the residual. `start` begins one solve; the
 * function it returns sees the states of the samples still running and says, per row, whether that row may leave. A row
 * that leaves keeps the state that was shown; its reported residual is that of the state before. A stop rule that fires in
 * the same step wins.
 */
export interface ExitRule<S extends TensorTree = TensorTree> {
  readonly kind: 'exit-rule'
  readonly spec: 1
  readonly name: string
  /** `rows[i]` is the sample that row `i` of `state` belongs to. Runs inside a scope: its tensors are freed. */
  start(
    batch: number,
  ): (seen: { readonly state: S; readonly rows: readonly number[]; readonly step: number }) => readonly boolean[]
}

/**
 * Several starts, of which the one with the smallest residual is kept, per sample. The noise is the same for every sample,
 * so that no answer depends on who shares the batch; a time budget is for all starts together.
 */
export interface Breadth {
  /** Starts per sample, the plain one included. */
  readonly starts: number
  /** Standard deviation of the Gaussian noise added to the initial state, in units of the state. Default `1`. */
  readonly noise?: number
  /** Default `0`. */
  readonly seed?: number
}

/** Test-time compute: one interface for every domain, from a batch of 1 to a batch of 1 000. */
export interface Compute<S extends TensorTree = TensorTree> {
  /** Most steps. */
  readonly steps?: number
  /** Relative residual at which a sample is done. `0` runs exactly `steps` steps. */
  readonly tolerance?: number
  readonly budget?: { readonly ms: number }
  readonly exit?: ExitRule<S>
  readonly breadth?: Breadth
  readonly signal?: AbortSignal
}
