import type { TensorTree } from './tree.ts'

/** How the solve of one sample ended. Numerical trouble is one of these words, never an exception. */
export type Status =
  | 'converged'
  | 'exited'
  | 'stagnated'
  | 'max-steps'
  | 'out-of-time'
  | 'aborted'
  | 'diverged'
  | 'non-finite'

/** Plain numbers only: keeping statistics can never leak a tensor. */
export interface SolveStats {
  readonly solver: string
  readonly backend: string
  /** Steps of the longest-running sample. */
  readonly steps: number
  /** Calls of `G` on some batch. */
  readonly evaluations: number
  /** Rows on which `G` was evaluated, summed: what compaction saves. */
  readonly sampleEvaluations: number
  readonly elapsedMs: number
  /** Worst residual over the batch. */
  readonly residual: number
  readonly perSample: {
    readonly status: readonly Status[]
    readonly steps: Int32Array
    readonly residual: Float32Array
  }
  /** One worst-case residual per step, with `breadth` start after start; empty unless `trace: true`. */
  readonly trace: Float32Array
  /** What did not go the fast way, and why: no compaction, a kernel that fell back. */
  readonly notes: readonly string[]
}

/** What `solve` returns: the state, how the solve ended, and its figures. */
export interface Solution<S extends TensorTree = TensorTree> {
  /** Owned by the caller (or by the caller's `tidy`). */
  readonly state: S
  /** The worst status in the batch. */
  readonly status: Status
  readonly stats: SolveStats
}

/** How the backward solve of one sample ended. */
export type AdjointStatus = 'converged' | 'max-steps' | 'diverged' | 'non-finite' | 'inexact'
