/**
 * A rigorous upper bound on `‖W‖₂`, `W` `[rows, columns]` row-major, in float64.
 *
 * `‖W‖₂ ≤ (tr Bᵖ)^{1/2p}` with `B = WᵀW` (or `WWᵀ`, whichever is smaller) and `p = 2ᵏ` by repeated squaring: a Schatten
 * norm, above the truth by a factor of at most `n^{1/2p}` and usually exact to rounding. Rounding is paid for: each
 * product of `n`-vectors is off by at most `γₙ = nu / (1 − nu)` relative to `|B||B|`, and the trace norms are inflated
 * accordingly.
 *
 * @cost `k` products of `n × n` matrices, `n = min(rows, columns)`, on the host
 */
export function spectralBound(weights: ArrayLike<number>, rows: number, columns: number, squarings = 10): number {
  const n = Math.min(rows, columns)
  const tall = rows >= columns
  const long = Math.max(rows, columns)
  const at = (i: number, k: number): number => (tall ? weights[k * columns + i]! : weights[i * columns + k]!)
  let b = new Float64Array(n * n)
  for (let i = 0; i < n; i++)
    for (let j = i; j < n; j++) {
      let sum = 0
      for (let k = 0; k < long; k++) sum += at(i, k) * at(j, k)
      b[i * n + j] = b[j * n + i] = sum
    }
  // ‖computed − exact‖_F ≤ γ ‖|Wᵀ||W|‖_F ≤ γ ‖W‖_F²: absolute, carried along as `slack` ≥ ‖error‖₂ (u = 2⁻⁵³).
  const gamma = (m: number): number => (2 * m * 2 ** -53) / (1 - 2 * m * 2 ** -53)
  const frobenius = (m: Float64Array): number => Math.sqrt(m.reduce((s, x) => s + x * x, 0))
  let trace = 0
  for (let i = 0; i < n; i++) trace += b[i * n + i]!
  if (trace === 0) return 0
  if (!Number.isFinite(trace)) return Number.POSITIVE_INFINITY
  let slack = gamma(long) * trace
  let log = 0 // log of the scale taken out, at the present power
  let power = 1
  let bound = Number.POSITIVE_INFINITY
  for (let s = 0; ; s++) {
    const size = frobenius(b)
    // ‖B‖₂ ≤ ‖computed‖_F + slack; and the 2p-th root of it.
    bound = Math.min(bound, Math.exp((Math.log((size + slack) * (1 + gamma(n * n))) + log) / (2 * power)))
    if (s === squarings) break
    const scale = 1 / size
    for (let i = 0; i < b.length; i++) b[i]! *= scale
    slack = slack * scale * (1 + 2 ** -50)
    const next = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let j = i; j < n; j++) {
        let sum = 0
        for (let k = 0; k < n; k++) sum += b[i * n + k]! * b[j * n + k]!
        next[i * n + j] = next[j * n + i] = sum
      }
    // (B + E)² − B² = BE + EB + E², with ‖B‖₂ ≤ 1 after scaling.
    slack = 2 * slack + slack * slack + gamma(n) * n
    log = 2 * (log - Math.log(scale))
    power *= 2
    b = next
  }
  return bound * (1 + 1e-14)
}
