import { frobenius, type Matrix, multiply, norm2, transpose } from './matrix.ts'

/* What is proved here is proved in spite of rounding: u = 2⁻⁵³, and γ(n) = nu/(1 − nu) bounds the error of n-term sums. */

const UNIT = 2 ** -53

/** `γ(n)`, doubled: room for the rounding of the bound itself. */
export const gamma = (n: number): number => (2 * n * UNIT) / (1 - 2 * n * UNIT)

/**
 * Is every symmetric matrix within `error` (2-norm) of `S` positive semidefinite? `true` is a proof; `false` says nothing.
 *
 * Cholesky in float64 on `S − cI`: if it runs to the end, the smallest eigenvalue of what was factored is at least
 * `−γ(n+1)/(1 − γ(n+1)) · tr S`, and `c` is larger than that, the rounding of the shift, and `error`, together.
 * @cite rump2006
 */
export function provesPositive({ rows: n, data }: Matrix, error: number): boolean {
  let trace = 0
  for (let i = 0; i < n; i++) trace += Math.abs(data[i * n + i]!)
  const shift = (error + 4 * gamma(n + 4) * trace) * (1 + 8 * UNIT) + n * n * 1e-290
  if (!Number.isFinite(shift)) return false
  const lower = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let s = data[i * n + j]! - (i === j ? shift : 0)
      for (let k = 0; k < j; k++) s -= lower[i * n + k]! * lower[j * n + k]!
      if (i !== j) lower[i * n + j] = s / lower[j * n + j]!
      else if (!(s > 0)) return false
      else lower[i * n + i] = Math.sqrt(s)
    }
  return true
}

/** Above the sum of the non-negative numbers, in spite of rounding. */
const sumUp = (values: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum * (1 + gamma(values.length + 2))
}

/** An upper bound on `‖A‖_F`. */
export const frobeniusBound = (a: Matrix): number => frobenius(a) * (1 + gamma(a.data.length + 8))

/**
 * An upper bound on `‖A‖₂`: the value of `norm2` raised until `s²I − AᵀA` is proved positive; at most the bounds
 * `‖A‖_F` and `√(‖A‖₁‖A‖_∞)`.
 */
export function normBound(a: Matrix): number {
  const most = Math.min(frobeniusBound(a), holder(a))
  if (!(most > 0) || !Number.isFinite(most)) return most
  // Scaled by a power of two, which rounds nothing.
  const scale = 2 ** Math.floor(Math.log2(most))
  if (!(scale > 1e-150 && scale < 1e150)) return most
  const unit: Matrix = { ...a, data: a.data.map((x) => x / scale) }
  const wide = a.rows < a.columns
  const gram = wide ? multiply(unit, transpose(unit)) : multiply(transpose(unit), unit)
  const [n, long] = [gram.rows, wide ? a.columns : a.rows]
  const error = gamma(long) * frobeniusBound(unit) ** 2
  const guess = norm2(unit)
  for (const room of [1e-13, 1e-11, 1e-9, 1e-6, 1e-3]) {
    const s = (guess + 1e-300) * (1 + room)
    const square = s * s * (1 - 4 * UNIT)
    const rest: Matrix = {
      ...gram,
      data: gram.data.map((x, i) => (i % (n + 1) === 0 ? square - x : -x)),
    }
    if (provesPositive(rest, error + 4 * UNIT * square)) return Math.min(most, s * scale)
  }
  return most
}

function holder({ rows, columns, data }: Matrix): number {
  const row = new Float64Array(rows)
  const column = new Float64Array(columns)
  data.forEach((x, i) => {
    row[Math.floor(i / columns)]! += Math.abs(x)
    column[i % columns]! += Math.abs(x)
  })
  const most = (sums: Float64Array): number => sums.reduce((m, x) => (x <= m ? m : x), 0)
  return sumUp([Math.sqrt(most(row)) * Math.sqrt(most(column)) * (1 + gamma(rows + columns))])
}
