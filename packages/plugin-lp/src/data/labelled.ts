import type { LinearProgram } from '../program/program.ts'

/** A linear program and what is known about its answer. */
export interface LabelledProgram {
  readonly program: LinearProgram
  /** An optimal point, length `n`. */
  readonly y: Float64Array
  /** `cᵀy + offset`. */
  readonly objective: number
  /** Length `m`, `∂ objective / ∂ right-hand side`; `c = Aᵀ rowDual + lowerDual + upperDual`. */
  readonly rowDual: Float64Array
  /** Length `n`, `≥ 0`. */
  readonly lowerDual: Float64Array
  /** Length `n`, `≤ 0`. */
  readonly upperDual: Float64Array
}
