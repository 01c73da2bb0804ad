import type { Tensor } from '@tensorflow/tfjs-core'
import type { Requirements } from './backend.ts'
import type { Problem } from './problem.ts'
import type { StopRule } from './stop-rule.ts'
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
  /** What `stats.perSample.tried` calls this method, when `name` is that of the chain it begins. */
  readonly stage?: string
  readonly requires?: Requirements
  init(problem: Problem, z: Vector): M
  /** Propose; never loop, never dispose, never read the clock. One call of `problem.apply` unless documented. */
  step(problem: Problem, z: Vector, memory: M): Step<M>
  /**
   * Which state a row that did not converge is answered with: the last one measured (default), or the one with the
   * smallest residual, for 1 more stored vector.
   */
  readonly answer?: 'last' | 'best'
  /** What is tried on the rows that this method does not solve. */
  readonly after?: Fallback
  /** Ends rows of a method that nothing follows: no more is to be hoped for. Default: only the rule of the run does. */
  readonly giveUp?: StopRule
  /** Is this method for that problem? One of a chain that is not is passed over, unless it is the last. */
  suits?(problem: Problem): boolean
  /** Most steps where neither layer nor solve says a number. Default `50`. */
  readonly maxSteps?: number
  /**
   * The problem whose fixed points this method finds, where that is not the one it is given: gradients are taken of it.
   * Tensors made here belong to the scope it is called in.
   */
  solves?(problem: Problem): Problem
  /**
   * A recorded step has the derivative of what it computed: no coefficient is found aside that depends on the state, but
   * for choices between cases. Absent: unrolled solves by this method have no second derivatives.
   */
  readonly exactOnTape?: boolean
  /**
   * Make a memory of an earlier solve fit to start from, instead of `init`; absent: the memory cannot be reused. Called
   * with the first state of the new solve.
   */
  resume?(problem: Problem, z: Vector, memory: M): M
}

/** The next method of a polyalgorithm. */
export interface Fallback {
  /** May have a fallback of its own. */
  readonly solver: Solver
  /**
   * Ends the method before, beside the rule of the run: a row it stops goes on to `solver`. Default: `stagnated` after 50
   * steps without progress. Rows that end `stagnated`, `cycle`, `diverged` or `non-finite` by the rule of the run go on as
   * well.
   */
  readonly leave?: StopRule
  /** Where `solver` starts: the state of smallest residual so far (default), or where the solve began. */
  readonly from?: 'best' | 'start'
}

/** What a solver proposes after one evaluation. */
export interface Step<M extends Memory = Memory> {
  /** Proposed next iterate, `[batch, size]`. */
  readonly next: Vector
  /** `G(z) − z`, `[batch, size]`, measured at the iterate that came in. */
  readonly residual: Vector
  readonly memory: M
}
