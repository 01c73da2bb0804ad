import type { Memory } from './solver.ts'
import type { Aux } from './operator.ts'
import type { TensorTree } from './tree.ts'

/**
 * How the solve of one sample ended. `floor`: the residual is as small as rounding allows, though larger than asked.
 * `cycle`: the iterates repeat with a period above 1.
 * Numerical trouble is one of these words, never an exception.
 */
export type Status =
  | 'converged'
  | 'floor'
  | 'exited'
  | 'stagnated'
  | 'cycle'
  | 'max-steps'
  | 'out-of-time'
  | 'aborted'
  | 'diverged'
  | 'non-finite'

/** One method of a polyalgorithm on one sample. */
export interface Attempt {
  readonly solver: string
  /** How it ended; all but the last did not get there. */
  readonly status: Status
  readonly steps: number
  /** Of the state it last measured. */
  readonly residual: number
}

/** Plain numbers only: keeping statistics can never leak a tensor. */
export interface SolveStats {
  readonly solver: string
  readonly backend: string
  /** Steps of the longest-running sample. */
  readonly steps: number
  /** Calls of `G` on some batch, and products with its Jacobian (`linearize`), of the forward solve. */
  readonly evaluations: number
  /** Rows of these, summed: what compaction saves. */
  readonly sampleEvaluations: number
  readonly elapsedMs: number
  /** Worst residual over the batch. */
  readonly residual: number
  readonly perSample: {
    readonly status: readonly Status[]
    readonly steps: Int32Array
    readonly residual: Float32Array
    /** Method after method, when the solver has fallbacks (`Solver.after`); else absent. */
    readonly tried?: readonly (readonly Attempt[])[]
  }
  /** One worst-case residual per step, with `breadth` start after start; empty unless `trace: true`. */
  readonly trace: Float32Array
  /** What did not go the fast way, and why: no compaction, a kernel that fell back. */
  readonly notes: readonly string[]
}

/** What `solve` returns: the state, how the solve ended, and its figures. */
export interface Solution<S extends TensorTree = TensorTree, A extends Aux = Aux> {
  /** Owned by the caller (or by the caller's `tidy`). */
  readonly state: S
  /** The worst status in the batch. */
  readonly status: Status
  readonly stats: SolveStats
  /** What the operator says beside its state (`BoundOperator.aux`), at `state`; `undefined` if nothing. Owned like it. */
  readonly aux: A
  /**
   * The solver's memory, when `solve(x, { keepMemory: true })` asked for it and no fallback ran: pass it to a later solve.
   */
  readonly memory?: KeptMemory
}

/** A solver's memory outside its solve. */
export interface KeptMemory {
  readonly solver: string
  readonly batch: number
  readonly size: number
  readonly memory: Memory
  /** Frees its tensors; it is never part of the caller's `tidy`. */
  dispose(): void
}

/**
 * How the backward solve of one sample ended. `floor`: as small a residual as rounding allows, though larger than asked.
 * `stagnated`: no more progress, as where `I − Jᵀ` is singular. `unsolved`: the forward solve of this sample found no
 * equilibrium to differentiate. `inexact`: the mode solves no adjoint system.
 */
export type AdjointStatus =
  | 'converged'
  | 'floor'
  | 'stagnated'
  | 'max-steps'
  | 'diverged'
  | 'non-finite'
  | 'unsolved'
  | 'inexact'
