/* Plain float64 on the host: what the answers of the published problems are computed with, apart from every solver here. */

export type Matrix = readonly (readonly number[])[]

/** Standard normal numbers from a 32-bit seed (mulberry32, Box–Muller): the same on every machine. */
export function gaussian(seed: number): () => number {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** `[rows, columns]` of `entry(i, j)`, row by row. */
export const matrix = (rows: number, columns: number, entry: (i: number, j: number) => number): number[][] =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => entry(i, j)))

export const transpose = (a: Matrix): number[][] => matrix(a[0]!.length, a.length, (i, j) => a[j]![i]!)

export const times = (a: Matrix, v: readonly number[]): number[] =>
  a.map((row) => {
    let sum = 0
    for (let j = 0; j < row.length; j++) sum += row[j]! * v[j]!
    return sum
  })

export const product = (a: Matrix, b: Matrix): number[][] => {
  const columns = transpose(b)
  return a.map((row) => times(columns, row))
}

/** `I − a`. */
export const identityMinus = (a: Matrix): number[][] => a.map((row, i) => row.map((v, j) => Number(i === j) - v))

/** `a⁻¹ b` by Gaussian elimination with partial pivoting. */
export function solveDense(a: Matrix, b: readonly number[]): number[] {
  const n = a.length
  const rows = a.map((row, i) => Float64Array.from([...row, b[i]!]))
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = i
    ;[rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!]
    const top = rows[k]!
    for (let i = k + 1; i < n; i++) {
      const row = rows[i]!
      const f = row[k]! / top[k]!
      if (f !== 0) for (let j = k; j <= n; j++) row[j]! -= f * top[j]!
    }
  }
  const x = Array.from({ length: n }, () => 0)
  for (let i = n - 1; i >= 0; i--) {
    const row = rows[i]!
    let sum = row[n]!
    for (let j = i + 1; j < n; j++) sum -= row[j]! * x[j]!
    x[i] = sum / row[i]!
  }
  return x
}

/** Columns made orthonormal, by Gram–Schmidt done twice. */
export function orthonormal(a: Matrix): number[][] {
  const basis: number[][] = []
  for (const column of transpose(a)) {
    let v = column
    for (let pass = 0; pass < 2; pass++)
      for (const q of basis) {
        const along = q.reduce((s, x, i) => s + x * v[i]!, 0)
        v = v.map((x, i) => x - along * q[i]!)
      }
    const length = Math.hypot(...v)
    basis.push(v.map((x) => x / length))
  }
  return transpose(basis)
}

/** A map with its Jacobian, in float64. */
export interface HostMap {
  apply(z: readonly number[]): number[]
  jacobian(z: readonly number[]): number[][]
}

/**
 * A fixed point by Newton's method from `start`, the step halved while the residual does not fall. Steps on until
 * rounding stops it, so the answer is good to `‖(I − J)⁻¹‖ · 1e-16`; throws when it stops far from a root.
 */
export function newtonFixedPoint({ apply, jacobian }: HostMap, start: readonly number[]): number[] {
  const residual = (z: readonly number[]) => apply(z).map((v, i) => v - z[i]!)
  let z = [...start]
  let r = residual(z)
  for (let k = 0; k < 100; k++) {
    const size = Math.hypot(...r)
    const d = solveDense(identityMinus(jacobian(z)), r)
    let t = 1
    let [next, after] = [z, r]
    for (; t > 1e-6; t /= 2) {
      next = z.map((v, i) => v + t * d[i]!)
      after = residual(next)
      if (Math.hypot(...after) < size) break
    }
    if (!(Math.hypot(...after) < size)) break
    ;[z, r] = [next, after]
  }
  const left = Math.hypot(...r) / Math.max(1, Math.hypot(...z))
  if (!(left < 1e-12)) throw new Error(`Newton stopped at a relative residual of ${left}.`)
  return z
}

/** `‖(I − J)⁻¹‖₂`, by 12 power steps on `(I − J)⁻ᵀ(I − J)⁻¹`; from below; the largest singular value stands alone in these problems. */
export function resolventNorm(jacobian: Matrix): number {
  const a = identityMinus(jacobian)
  const at = transpose(a)
  let v = a.map((_, i) => 1 + Math.sin(i + 1))
  let size = 0
  for (let k = 0; k < 12; k++) {
    const w = solveDense(a, v)
    size = Math.hypot(...w) / Math.hypot(...v)
    v = solveDense(at, w)
    const length = Math.hypot(...v)
    v = v.map((x) => x / length)
  }
  return size
}

/** Spectral radius by `‖A^{2^k}‖_F^{1/2^k}`, `k = 16`, squared and rescaled: right to `log(κ)/65536`. */
export function spectralRadius(a: Matrix): number {
  let power = a.map((row) => [...row])
  let logarithm = 0
  for (let k = 0; ; k++) {
    const size = Math.hypot(...power.flat())
    if (size === 0) return 0
    logarithm += Math.log(size) / 2 ** k
    if (k === 16) return Math.exp(logarithm)
    power = power.map((row) => row.map((v) => v / size))
    power = product(power, power)
  }
}
