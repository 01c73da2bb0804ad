import type { Vector } from './tree.ts'

/** Solves `u − A u = v`, row by row, given only `u ↦ A u`. */
export interface LinearSolver {
  readonly kind: 'linear-solver'
  readonly spec: 1
  readonly name: string
  /** @throws EquilibriaError `option` on a tolerance or a number of steps that is none; never on numerical trouble */
  solve(apply: (u: Vector) => Vector, v: Vector, options: LinearOptions): LinearResult
}
/** When a linear solve stops, and where it starts. */
export interface LinearOptions {
  /** Relative: stop a row at `‖v + A u − u‖ ≤ tolerance · ‖v‖`. */
  readonly tolerance: number
  /** One tolerance per row, in place of `tolerance`. A solver that knows only one uses `tolerance`: make that the smallest. */
  readonly tolerances?: ArrayLike<number>
  /** Most applications of `A`. */
  readonly maxSteps: number
  /** Warm start, `[batch, size]`; borrowed. */
  readonly initial?: Vector
}
/**
 * How the solve of one row ended. `stagnated`: the method makes no more progress, by rounding or because `I − A` is
 * singular. `indefinite`, `asymmetric`: `I − A` is not what the method needs.
 */
export type LinearStatus = 'converged' | 'max-steps' | 'stagnated' | 'indefinite' | 'asymmetric' | 'non-finite'
/** The answer of a linear solve, with what it took. `u` is `[batch, size]` and owned by the caller. */
export interface LinearResult {
  readonly u: Vector
  /** Applications of `A`. */
  readonly steps: number
  /** `‖v + A u − u‖ / ‖v‖` per row. */
  readonly residual: Float32Array
  /** Applications after which each row was done. */
  readonly perSampleSteps: Int32Array
  /** How each row ended. */
  readonly status?: readonly LinearStatus[]
  /** What did not go as planned: a method that gave way to another, a budget too small to begin. */
  readonly notes?: readonly string[]
}
