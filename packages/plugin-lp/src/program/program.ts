import type { Csr } from './csr.ts'

/**
 * One linear program in float64, as it came from a file or a generator:
 *
 * `min cᵀy + offset` subject to `rowLower ≤ A y ≤ rowUpper`, `lower ≤ y ≤ upper`.
 *
 * `±Infinity` means no bound; an equality row has `rowLower = rowUpper`.
 */
export interface LinearProgram {
  readonly name: string
  /** Length `n`. */
  readonly c: Float64Array
  readonly offset: number
  /** `m × n`. */
  readonly matrix: Csr
  /** Length `m`. */
  readonly rowLower: Float64Array
  readonly rowUpper: Float64Array
  /** Length `n`. */
  readonly lower: Float64Array
  readonly upper: Float64Array
  readonly rowNames?: readonly string[]
  readonly columnNames?: readonly string[]
}
