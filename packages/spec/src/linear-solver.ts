import type { Vector } from './tree.ts'

/** Solves `u − A u = v`, row by row, given only `u ↦ A u`. */
export interface LinearSolver {
  readonly kind: 'linear-solver'
  readonly spec: 1
  readonly name: string
  solve(apply: (u: Vector) => Vector, v: Vector, options: LinearOptions): LinearResult
}
/** When a linear solve stops, and where it starts. */
export interface LinearOptions {
  /** Relative: stop a row at `‖v + A u − u‖ ≤ tolerance · ‖v‖`. */
  readonly tolerance: number
  /** One tolerance per row, in place of `tolerance`. Solvers that have only one use `tolerance`, the smallest of them. */
  readonly tolerances?: ArrayLike<number>
  /** Most applications of `A`. */
  readonly maxSteps: number
  /** Warm start, `[batch, size]`; borrowed. */
  readonly initial?: Vector
}
/** The answer of a linear solve, with what it took. `u` is `[batch, size]` and owned by the caller. */
export interface LinearResult {
  readonly u: Vector
  /** Applications of `A`. */
  readonly steps: number
  /** `‖v + A u − u‖ / ‖v‖` per row. */
  readonly residual: Float32Array
  /** Applications after which each row was done. */
  readonly perSampleSteps: Int32Array
}
