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

/** A sparse matrix as a list of entries, in any order. */
export interface Triplets {
  readonly rows: number
  readonly columns: number
  readonly row: ArrayLike<number>
  readonly column: ArrayLike<number>
  readonly value: ArrayLike<number>
}

/**
 * The matrix with these entries: rows in order, columns increasing inside a row, entries of the same place added up.
 * Two counting sorts, `O(rows + columns + entries)`.
 */
export function csrFromTriplets(entries: Triplets): Csr {
  const { rows, columns } = entries
  const byColumn = order(entries.column, columns)
  const byRow = order(entries.row, rows, byColumn)
  const starts = new Int32Array(rows + 1)
  const indices = new Int32Array(byRow.length)
  const values = new Float64Array(byRow.length)
  let count = 0
  let row = 0
  for (const k of byRow) {
    const i = entries.row[k] ?? 0
    const j = entries.column[k] ?? 0
    while (row < i) starts[++row] = count
    if (count > (starts[row] ?? 0) && indices[count - 1] === j) {
      values[count - 1] = (values[count - 1] ?? 0) + (entries.value[k] ?? 0)
      continue
    }
    indices[count] = j
    values[count++] = entries.value[k] ?? 0
  }
  while (row < rows) starts[++row] = count
  return { rows, columns, starts, indices: indices.slice(0, count), values: values.slice(0, count) }
}

/** Positions sorted by key, stably; `previous` is the order to refine. */
function order(keys: ArrayLike<number>, range: number, previous?: Int32Array): Int32Array {
  const next = new Int32Array(range + 1)
  for (let k = 0; k < keys.length; k++) next[(keys[k] ?? 0) + 1] = (next[(keys[k] ?? 0) + 1] ?? 0) + 1
  for (let i = 0; i < range; i++) next[i + 1] = (next[i + 1] ?? 0) + (next[i] ?? 0)
  const sorted = new Int32Array(keys.length)
  for (let at = 0; at < keys.length; at++) {
    const k = previous?.[at] ?? at
    const key = keys[k] ?? 0
    const place = next[key] ?? 0
    sorted[place] = k
    next[key] = place + 1
  }
  return sorted
}

/** `Aᵀ`, with its rows sorted. `O(rows + columns + entries)`. */
export function transpose(matrix: Csr): Csr {
  const { rows, columns, starts, indices, values } = matrix
  const out = new Int32Array(columns + 1)
  for (const j of indices) out[j + 1] = (out[j + 1] ?? 0) + 1
  for (let j = 0; j < columns; j++) out[j + 1] = (out[j + 1] ?? 0) + (out[j] ?? 0)
  const next = out.slice()
  const toRow = new Int32Array(indices.length)
  const toValue = new Float64Array(indices.length)
  for (let i = 0; i < rows; i++) {
    for (let k = starts[i] ?? 0; k < (starts[i + 1] ?? 0); k++) {
      const j = indices[k] ?? 0
      const place = next[j] ?? 0
      toRow[place] = i
      toValue[place] = values[k] ?? 0
      next[j] = place + 1
    }
  }
  return { rows: columns, columns: rows, starts: out, indices: toRow, values: toValue }
}

/** `A x`; `x` has length `columns`, the answer length `rows`. */
export function multiply(matrix: Csr, x: ArrayLike<number>): Float64Array {
  const { rows, starts, indices, values } = matrix
  const y = new Float64Array(rows)
  for (let i = 0; i < rows; i++) {
    let sum = 0
    for (let k = starts[i] ?? 0; k < (starts[i + 1] ?? 0); k++) sum += (values[k] ?? 0) * (x[indices[k] ?? 0] ?? 0)
    y[i] = sum
  }
  return y
}

/** `Aᵀ y`, without forming `Aᵀ`; `y` has length `rows`, the answer length `columns`. */
export function multiplyTransposed(matrix: Csr, y: ArrayLike<number>): Float64Array {
  const { rows, columns, starts, indices, values } = matrix
  const x = new Float64Array(columns)
  for (let i = 0; i < rows; i++) {
    const weight = y[i] ?? 0
    if (weight === 0) continue
    for (let k = starts[i] ?? 0; k < (starts[i + 1] ?? 0); k++) {
      const j = indices[k] ?? 0
      x[j] = (x[j] ?? 0) + weight * (values[k] ?? 0)
    }
  }
  return x
}

/** `‖x‖₂`, scaled so that neither overflow nor underflow spoils it. */
export function norm2(x: ArrayLike<number>): number {
  const scale = normInfinity(x)
  if (scale === 0 || !Number.isFinite(scale)) return scale
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += ((x[i] ?? 0) / scale) ** 2
  return scale * Math.sqrt(sum)
}

/** `max |xᵢ|`; `0` for an empty vector, `NaN` when an entry is. */
export function normInfinity(x: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < x.length; i++) {
    const size = Math.abs(x[i] ?? 0)
    if (!(size <= largest)) largest = size
    if (Number.isNaN(size)) return size
  }
  return largest
}

/** `Σ aᵢ bᵢ`. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}
