import { build, inverse, type Matrix, multiply, norm2, transpose } from '../dense/matrix.ts'
import { frobeniusBound, gamma, provesPositive } from '../dense/positive.ts'

/* Semidefinite bounds for slopes in [0, 1]. With any λ_i > 0, the block-tridiagonal matrix
 *
 *   K: K₀₀ = I, K_ii = λ_i I, K_{i,i−1} = −½ λ_i W_i, and −W_lᵀW_l / L² added to the last diagonal block
 *
 * being positive semidefinite proves that L is a Lipschitz constant: (Δx_i)ᵀ(W_iΔx_{i−1} − Δx_i) ≥ 0 for each layer. How
 * the λ_i were found does not matter; what is claimed is proved on K itself, in spite of rounding. */

/** `λ_i` by the closed form of ECLipsE-Fast, and the `L` it gives. @cite xu2024 */
export function eclipseFast(weights: readonly Matrix[]): { readonly multipliers: number[]; readonly value: number } {
  const multipliers: number[] = []
  let m: Matrix = build(weights[0]!.columns, weights[0]!.columns, (i, j) => (i === j ? 1 : 0))
  for (const w of weights.slice(0, -1)) {
    const x = sandwich(w, m)
    const sigma = x && norm2(x)
    if (!x || !(sigma! > 0)) return { multipliers: [], value: Number.NaN }
    const lambda = 2 / sigma!
    multipliers.push(lambda)
    m = build(w.rows, w.rows, (i, j) => (i === j ? lambda : 0) - (lambda * lambda * x.data[i * w.rows + j]!) / 4)
  }
  const last = sandwich(weights.at(-1)!, m)
  return { multipliers, value: last ? Math.sqrt(norm2(last)) : Number.NaN }
}

/** One hidden layer, `T = tI`: the best `λ` by golden section on `‖W₂(λI − ¼λ²W₁W₁ᵀ)⁻¹W₂ᵀ‖`. @cite fazlyab2019 */
export function oneHiddenLayer([w1, w2]: readonly [Matrix, Matrix]): {
  readonly multipliers: number[]
  readonly value: number
} {
  const x = multiply(w1, transpose(w1))
  const sigma = norm2(x)
  if (!(sigma > 0)) return { multipliers: [], value: Number.NaN }
  const at = (t: number): number => {
    const lambda = (4 / sigma) * t
    const m = build(
      w1.rows,
      w1.rows,
      (i, j) => (i === j ? lambda : 0) - (lambda * lambda * x.data[i * w1.rows + j]!) / 4,
    )
    const found = sandwich(w2, m)
    return found ? norm2(found) : Number.POSITIVE_INFINITY
  }
  const golden = (Math.sqrt(5) - 1) / 2
  let [low, high] = [1e-6, 1 - 1e-9]
  for (let k = 0; k < 50; k++) {
    const [a, b] = [high - golden * (high - low), low + golden * (high - low)]
    if (at(a) < at(b)) high = b
    else low = a
  }
  const t = (low + high) / 2
  return { multipliers: [(4 / sigma) * t], value: Math.sqrt(at(t)) }
}

/** `W M⁻¹ Wᵀ`. */
function sandwich(w: Matrix, m: Matrix): Matrix | undefined {
  const inner = inverse(m)
  const product = inner && multiply(multiply(w, inner), transpose(w))
  return product?.data.every(Number.isFinite) ? product : undefined
}

/** The smallest of a few `L` slightly above `value` that is proved; `undefined` if none is. */
export function proved(weights: readonly Matrix[], multipliers: readonly number[], value: number): number | undefined {
  if (multipliers.length !== weights.length - 1 || !(value >= 0) || !Number.isFinite(value)) return undefined
  for (const room of [1e-9, 1e-7, 1e-5, 1e-3, 1e-2]) {
    const bound = value * (1 + room)
    if (holds(weights, multipliers, bound)) return bound
  }
  return undefined
}

function holds(weights: readonly Matrix[], multipliers: readonly number[], bound: number): boolean {
  const sizes = [weights[0]!.columns, ...weights.slice(0, -1).map(({ rows }) => rows)]
  // Blocks are scaled by 1/√λ_i on both sides, which keeps definiteness and makes the diagonal 1.
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0))
  const n = sizes.reduce((a, b) => a + b, 0)
  const scaled = [1, ...multipliers]
  const data = new Float64Array(n * n)
  for (let i = 0; i < n; i++) data[i * n + i] = 1
  let error = 0
  weights.slice(0, -1).forEach((w, i) => {
    const factor = Math.sqrt(scaled[i + 1]! / scaled[i]!) / 2
    // Four roundings in the factor, one in the product.
    error += 16 * 2 ** -53 * factor * frobeniusBound(w)
    for (let r = 0; r < w.rows; r++)
      for (let c = 0; c < w.columns; c++) {
        const [at, to] = [starts[i + 1]! + r, starts[i]! + c]
        data[at * n + to] = data[to * n + at] = -factor * w.data[r * w.columns + c]!
      }
  })
  const last = weights.at(-1)!
  const gram = multiply(transpose(last), last)
  const weight = 1 / (bound * bound * (1 - 2 ** -50)) / scaled.at(-1)!
  const from = starts.at(-1)!
  for (let i = 0; i < gram.rows; i++)
    for (let j = 0; j < gram.rows; j++) data[(from + i) * n + from + j]! -= weight * gram.data[i * gram.rows + j]!
  error += (gamma(last.rows + 16) * frobeniusBound(last) ** 2 * weight + 4 * 2 ** -53) * (1 + 1e-10)
  return provesPositive({ rows: n, columns: n, data }, error)
}
