import type { Tensor } from '@tensorflow/tfjs-core'
import type { Requirements } from './backend.ts'
import type { Problem } from './problem.ts'
import type { Vector } from './tree.ts'

/**
 * Everything a solver carries between steps. Tensors inside are owned by the driver, and each is `[batch, …]`: the
 * driver gathers their rows when finished samples leave the batch.
 */
export type Memory = null | number | Tensor | readonly Memory[] | { readonly [key: string]: Memory }

/** A fixed-point method, as a little state machine. The loop, the clock and the memory belong to the driver. */
export interface Solver<M extends Memory = Memory> {
  readonly kind: 'solver'
  readonly spec: 1
  readonly name: string
  readonly requires?: Requirements
  init(problem: Problem, z: Vector): M
  /** Propose; never loop, never dispose, never read the clock. One call of `problem.apply` unless documented. */
  step(problem: Problem, z: Vector, memory: M): Step<M>
}

/** What a solver proposes after one evaluation. */
export interface Step<M extends Memory = Memory> {
  /** Proposed next iterate, `[batch, size]`. */
  readonly next: Vector
  /** `G(z) − z`, `[batch, size]`, measured at the iterate that came in. */
  readonly residual: Vector
  readonly memory: M
}
