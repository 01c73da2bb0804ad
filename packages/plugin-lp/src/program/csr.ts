/** A sparse matrix by rows: row `i` holds entries `starts[i] … starts[i + 1] − 1`. */
export interface Csr {
  readonly rows: number
  readonly columns: number
  /** Length `rows + 1`. */
  readonly starts: Int32Array
  /** Column of each entry. */
  readonly indices: Int32Array
  readonly values: Float64Array
}
