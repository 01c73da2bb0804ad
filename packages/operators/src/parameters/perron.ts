import type { Measure } from './scaled-below.ts'

/** The Perron root of `|W|` from above, its eigenvector, and how the root grows. */
export interface PerronMeasure extends Measure {
  /** `v > 0` with `|W|ᵀ v ≤ bound · v`: the norm `maxᵢ |zᵢ| / vᵢ` of `z ↦ z W` is at most `bound`. */
  readonly vector: Float64Array
}

/** Squarings of the matrix: the eigenvector is exact to rounding unless the gap is below `2⁻¹⁶`. */
const SQUARINGS = 16
/** Least entry of the perturbed matrix, relative to the largest: keeps the eigenvector positive, and its entries within reach. */
const FLOOR = 1e-4

/**
 * `λ_pf(|W|)` from above by Collatz and Wielandt: for every `v > 0`, `λ_pf(A) ≤ maxᵢ (A v)ᵢ / vᵢ`, with equality at the Perron
 * vector. `v` is that of `|W|ᵀ + δ`, a positive matrix, so it is positive also where `W` is reducible or zero; there the bound
 * is above `λ_pf`, by what a change of every entry by `1e-4/n` of the largest makes.
 *
 * `weights` is `[n, n]` row-major, acting on rows: `z ↦ z W`.
 *
 * @cost 17 products of `n × n` matrices on the host
 */
export function perronMeasure(weights: ArrayLike<number>, n: number): PerronMeasure {
  let largest = 0
  for (let i = 0; i < n * n; i++) {
    const size = Math.abs(weights[i]!)
    if (!(size < Number.POSITIVE_INFINITY))
      return {
        bound: Number.POSITIVE_INFINITY,
        vector: new Float64Array(n).fill(1),
        direction: new Float64Array(n * n),
      }
    if (size > largest) largest = size
  }
  if (largest === 0) return { bound: 0, vector: new Float64Array(n).fill(1), direction: new Float64Array(n * n) }
  // A = |W|ᵀ, scaled; the shift by half a row sum leaves one eigenvalue of largest size.
  const exact = Float64Array.from(
    { length: n * n },
    (_, k) => Math.abs(weights[(k % n) * n + Math.floor(k / n)]!) / largest,
  )
  let power = exact.map((x) => x + FLOOR / n)
  let rowSum = 0
  for (let i = 0; i < n; i++) rowSum = Math.max(rowSum, sum(power.subarray(i * n, i * n + n)))
  for (let i = 0; i < n; i++) power[i * n + i]! += rowSum / 2
  for (let s = 0; s < SQUARINGS; s++) {
    const total = sum(power)
    const next = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let k = 0; k < n; k++) {
        const x = power[i * n + k]! / total
        for (let j = 0; j < n; j++) next[i * n + j]! += (x * power[k * n + j]!) / total
      }
    power = next
  }
  // The limit is a multiple of v uᵀ.
  const vector = Float64Array.from({ length: n }, (_, i) => sum(power.subarray(i * n, i * n + n)))
  const top = vector.reduce((a, b) => Math.max(a, b), 0)
  vector.forEach((x, i) => (vector[i] = x / top))
  const left = Float64Array.from({ length: n }, (_, j) => vector.reduce((s, _, i) => s + power[i * n + j]!, 0))
  let bound = 0
  for (let i = 0; i < n; i++) {
    let product = 0
    for (let j = 0; j < n; j++) product += exact[i * n + j]! * vector[j]!
    bound = Math.max(bound, product / vector[i]!)
  }
  const inner = left.reduce((s, x, i) => s + x * vector[i]!, 0)
  const direction = Float64Array.from({ length: n * n }, (_, k) => {
    const [j, i] = [Math.floor(k / n), k % n]
    return (Math.sign(weights[k]!) * left[i]! * vector[j]!) / inner
  })
  return { bound: bound * largest * (1 + (n + 8) * 2 ** -52), vector, direction }
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0)
