/** An upper bound on `‖W‖₂`, and where it is attained. */
export interface SpectralMeasure {
  /** Rigorous: never below `‖W‖₂`. */
  readonly bound: number
  /**
   * `u vᵀ`, `[rows, columns]`, of the top singular vectors: the derivative of `‖W‖₂` in `W`, to a few digits. Zero where `W`
   * is zero or not finite.
   */
  readonly direction: Float64Array
}

/**
 * A rigorous upper bound on `‖W‖₂`, `W` `[rows, columns]` row-major, in float64.
 *
 * `‖W‖₂ ≤ ‖Bᵖ‖_F^{1/2p}` with `B = WᵀW` (or `WWᵀ`, whichever is smaller) and `p = 2ᵏ` by repeated squaring: a Schatten
 * norm, above the truth by a factor of at most `n^{1/4p}`, attained where all `n` singular values are equal. Rounding is paid
 * for: each product of `n`-vectors is off by at most `γₙ = nu / (1 − nu)` relative to `|B||B|`, and what has been lost so
 * far is carried along and added. `W` is first divided by a power of 2, so no finite float32 matrix overflows or underflows.
 *
 * @cost `k + 1` products of `n × n` matrices, `n = min(rows, columns)`, on the host
 */
export function spectralBound(weights: ArrayLike<number>, rows: number, columns: number, squarings = 10): number {
  return power(weights, rows, columns, squarings).bound
}

/**
 * `spectralBound`, with the direction in which it grows.
 *
 * @cost that of `spectralBound`, and one product with `W`
 */
export function spectralMeasure(
  weights: ArrayLike<number>,
  rows: number,
  columns: number,
  squarings = 10,
): SpectralMeasure {
  const { bound, matrix, n } = power(weights, rows, columns, squarings)
  const direction = new Float64Array(rows * columns)
  if (!matrix || !(bound > 0)) return { bound, direction }
  // Bᵖ is nearly a multiple of v vᵀ: its column with the largest diagonal entry is v, up to length.
  let best = 0
  for (let i = 1; i < n; i++) if (matrix[i * n + i]! > matrix[best * n + best]!) best = i
  const v = matrix.slice(best * n, best * n + n)
  const tall = rows >= columns
  const long = Math.max(rows, columns)
  const at = (k: number, i: number): number => weights[tall ? k * columns + i : i * columns + k]!
  const u = Float64Array.from({ length: long }, (_, k) => v.reduce((sum, x, i) => sum + at(k, i) * x, 0))
  const length = Math.hypot(...u) * Math.hypot(...v)
  if (!(length > 0)) return { bound, direction }
  for (let k = 0; k < long; k++)
    for (let i = 0; i < n; i++) direction[tall ? k * columns + i : i * columns + k] = (u[k]! * v[i]!) / length
  return { bound, direction }
}

/** `γₘ`, twice over. */
const gamma = (m: number): number => (2 * m * 2 ** -53) / (1 - 2 * m * 2 ** -53)

function power(
  weights: ArrayLike<number>,
  rows: number,
  columns: number,
  squarings: number,
): { bound: number; matrix: Float64Array | null; n: number } {
  const n = Math.min(rows, columns)
  const tall = rows >= columns
  const long = Math.max(rows, columns)
  let largest = 0
  for (let i = 0; i < rows * columns; i++) {
    const size = Math.abs(weights[i]!)
    if (!(size < Number.POSITIVE_INFINITY)) return { bound: Number.POSITIVE_INFINITY, matrix: null, n }
    if (size > largest) largest = size
  }
  if (largest === 0) return { bound: 0, matrix: null, n }
  const unit = 2 ** Math.max(-1022, Math.floor(Math.log2(largest)))
  const at = (i: number, k: number): number => weights[tall ? k * columns + i : i * columns + k]! / unit
  let b = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = i; j < n; j++) {
      let sum = 0
      for (let k = 0; k < long; k++) sum += at(i, k) * at(j, k)
      b[i * n + j] = b[j * n + i] = sum
    }
  let trace = 0
  for (let i = 0; i < n; i++) trace += b[i * n + i]!
  // ‖computed − exact‖_F ≤ γ ‖|Wᵀ||W|‖_F ≤ γ ‖W‖_F²: absolute, carried along as `slack` ≥ ‖error‖₂ (u = 2⁻⁵³).
  let slack = gamma(long) * trace * (1 + gamma(n))
  let log = 0 // log of the scale taken out, at the present power
  let exponent = 1
  let bound = Number.POSITIVE_INFINITY
  for (let s = 0; ; s++) {
    const size = Math.sqrt(b.reduce((sum, x) => sum + x * x, 0))
    // ‖B‖₂ ≤ ‖computed‖_F + slack; and the 2p-th root of it.
    bound = Math.min(bound, Math.exp((Math.log((size + slack) * (1 + gamma(n * n))) + log) / (2 * exponent)))
    if (s === squarings) break
    const scale = 1 / size
    for (let i = 0; i < b.length; i++) b[i]! *= scale
    // Multiplying by the scale rounds every entry: u ‖B‖_F, which is 1 now.
    slack = slack * scale * (1 + 2 ** -50) + 2 ** -52
    const next = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let j = i; j < n; j++) {
        let sum = 0
        for (let k = 0; k < n; k++) sum += b[i * n + k]! * b[j * n + k]!
        next[i * n + j] = next[j * n + i] = sum
      }
    // (B + E)² − B² = BE + EB + E², with ‖B‖₂ ≤ 1 + γ after scaling, and the product's own γₙ ‖|B||B|‖_F.
    slack = (2 * slack + slack * slack) * (1 + gamma(n * n + 4)) + gamma(n + 4)
    log = 2 * (log - Math.log(scale))
    exponent *= 2
    b = next
  }
  // The logarithms: |log| / 2p ≤ log n + 2 log 2, off by an ulp or two at each of the `squarings` steps.
  return { bound: bound * unit * (1 + 4e-13), matrix: b, n }
}
