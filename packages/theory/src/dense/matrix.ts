/* Small dense matrices in float64, row-major, on the host. Nothing here is rigorous: for that, see `positive.ts`. */

/** A square or rectangular matrix, row-major. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly data: Float64Array
}

/** From nested arrays. */
export const matrixOf = (nested: readonly ArrayLike<number>[]): Matrix => {
  const columns = nested[0]?.length ?? 0
  const data = new Float64Array(nested.length * columns)
  nested.forEach((row, i) => data.set(Array.from(row), i * columns))
  return { rows: nested.length, columns, data }
}

/** From a rule for the entries. */
export function build(rows: number, columns: number, entry: (i: number, j: number) => number): Matrix {
  const data = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[i * columns + j] = entry(i, j)
  return { rows, columns, data }
}

export const identity = (n: number): Matrix => build(n, n, (i, j) => (i === j ? 1 : 0))
export const transpose = ({ rows, columns, data }: Matrix): Matrix =>
  build(columns, rows, (i, j) => data[j * columns + i]!)
export const absolute = ({ data, ...shape }: Matrix): Matrix => ({ ...shape, data: data.map(Math.abs) })

/** `A B`. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  const [n, m, p] = [a.rows, a.columns, b.columns]
  const data = new Float64Array(n * p)
  for (let i = 0; i < n; i++)
    for (let k = 0; k < m; k++) {
      const x = a.data[i * m + k]!
      if (x !== 0) for (let j = 0; j < p; j++) data[i * p + j]! += x * b.data[k * p + j]!
    }
  return { rows: n, columns: p, data }
}

export const frobenius = ({ data }: Matrix): number => {
  // Scaled, so that neither very large nor very small entries leave the range of float64 when squared.
  const most = data.reduce((m, x) => Math.max(m, Math.abs(x)), 0)
  if (!(most > 0) || !Number.isFinite(most)) return Number.isNaN(data.reduce((s, x) => s + x, 0)) ? Number.NaN : most
  return most * Math.sqrt(data.reduce((s, x) => s + (x / most) ** 2, 0))
}

/**
 * Eigenvalues, ascending, of a symmetric matrix, by cyclic Jacobi rotations: accurate to rounding relative to the norm.
 * `NaN` for a matrix that is not finite. Cost: about `6 n³` per sweep, some 8 sweeps.
 */
export function symmetricEigenvalues({ rows: n, data }: Matrix): Float64Array {
  const a = Float64Array.from(data)
  const total = a.reduce((s, x) => s + x * x, 0)
  if (!Number.isFinite(total)) return new Float64Array(n).fill(Number.NaN)
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) off += a[i * n + j]! ** 2
    if (off <= 1e-30 * total) break
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q]!
        if (apq === 0) continue
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq)
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const c = 1 / Math.hypot(t, 1)
        const s = t * c
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[k * n + p]!, a[k * n + q]!]
          a[k * n + p] = c * x - s * y
          a[k * n + q] = s * x + c * y
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[p * n + k]!, a[q * n + k]!]
          a[p * n + k] = c * x - s * y
          a[q * n + k] = s * x + c * y
        }
      }
  }
  return Float64Array.from({ length: n }, (_, i) => a[i * n + i]!).sort()
}

/** `‖A‖₂`, to rounding; not a bound. */
export function norm2(a: Matrix): number {
  const scale = frobenius(a)
  if (scale === 0 || !Number.isFinite(scale)) return scale
  const unit = { ...a, data: a.data.map((x) => x / scale) }
  const gram = a.rows < a.columns ? multiply(unit, transpose(unit)) : multiply(transpose(unit), unit)
  return scale * Math.sqrt(Math.max(0, symmetricEigenvalues(gram).at(-1) ?? 0))
}

/** Largest eigenvalue of `½(A + Aᵀ)`: the logarithmic norm `μ₂(A)`. */
export const logNorm2 = (a: Matrix): number =>
  symmetricEigenvalues(build(a.rows, a.rows, (i, j) => (a.data[i * a.rows + j]! + a.data[j * a.rows + i]!) / 2)).at(
    -1,
  ) ?? Number.NaN

/**
 * `ρ(A)` by Gelfand's formula `lim ‖A^k‖^{1/k}` with `k = 2⁴⁰`, by repeated squaring: right for complex eigenvalues and
 * Jordan blocks alike (a constant factor in `‖A^k‖` is gone after the root), and to about `√u` for defective ones.
 */
export function denseSpectralRadius(a: Matrix): number {
  let b = a
  let log = 0
  let power = 1
  for (let s = 0; s < 40; s++) {
    const size = frobenius(b)
    if (size === 0 || !Number.isFinite(size)) return size === 0 ? 0 : Number.NaN
    log += Math.log(size) / power
    b = { ...b, data: b.data.map((x) => x / size) }
    b = multiply(b, b)
    power *= 2
  }
  return Math.exp(log)
}

/** `A⁻¹` by elimination with partial pivoting; `undefined` where a pivot vanishes. */
export function inverse({ rows: n, data }: Matrix): Matrix | undefined {
  const a = Float64Array.from(data)
  const b = identity(n).data
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]!) > Math.abs(a[pivot * n + k]!)) pivot = i
    const value = a[pivot * n + k]!
    if (!(Math.abs(value) > 0) || !Number.isFinite(value)) return undefined
    for (const m of [a, b])
      for (let j = 0; j < n; j++) {
        const swap = m[k * n + j]!
        m[k * n + j] = m[pivot * n + j]! / value
        if (pivot !== k) m[pivot * n + j] = swap
      }
    for (let i = 0; i < n; i++) {
      const factor = a[i * n + k]!
      if (i === k || factor === 0) continue
      for (const m of [a, b]) for (let j = 0; j < n; j++) m[i * n + j]! -= factor * m[k * n + j]!
    }
  }
  return { rows: n, columns: n, data: b }
}
