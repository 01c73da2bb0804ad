import type { Variable } from '@tensorflow/tfjs-core'
import { spectralBound } from '../parameters/spectral-bound.ts'

/* Small dense algebra in float64 on the host, row-major. What is called a bound pays for its own rounding. */

/** Keeps what `compute` made of the variables until one of them is assigned: a variable that is has new data. */
export function whileUnchanged<T>(variables: readonly Variable[], compute: () => T): () => T {
  let kept: { readonly data: readonly object[]; readonly value: T } | undefined
  return () => {
    if (!kept || variables.some((v, i) => v.dataId !== kept!.data[i]))
      kept = { data: variables.map((v) => v.dataId), value: compute() }
    return kept.value
  }
}

/** `A⁻¹` of an `n × n` matrix, by Gauss–Jordan elimination with partial pivoting; NaN where it is singular. */
export function invert(a: ArrayLike<number>, n: number): Float64Array {
  const width = 2 * n
  const rows = Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(width)
    for (let j = 0; j < n; j++) row[j] = a[i * n + j]!
    row[n + i] = 1
    return row
  })
  for (let k = 0; k < n; k++) {
    let p = k
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[p]![k]!)) p = i
    ;[rows[k], rows[p]] = [rows[p]!, rows[k]!]
    const top = rows[k]!
    const pivot = top[k]!
    for (let j = k; j < width; j++) top[j]! /= pivot
    for (let i = 0; i < n; i++) {
      const row = rows[i]!
      const f = row[k]!
      if (i !== k && f !== 0) for (let j = k; j < width; j++) row[j]! -= f * top[j]!
    }
  }
  const out = new Float64Array(n * n)
  rows.forEach((row, i) => out.set(row.subarray(n), i * n))
  return out
}

/** `½ (M ± Mᵀ)`. */
function part(m: ArrayLike<number>, n: number, sign: 1 | -1): Float64Array {
  return Float64Array.from({ length: n * n }, (_, k) => 0.5 * (m[k]! + sign * m[(k % n) * n + Math.floor(k / n)]!))
}

/** What a splitting method wants to know of `v ↦ v M`, the symmetric part of `M` at least `m I`. */
export interface StepBounds {
  /** `L ≥ ‖M‖₂`. */
  readonly lipschitz: number
  readonly step: number
}

/**
 * `L = s + k` and the step `α = 1/N`, `N = k + √(m s)`, with `s ≥ ‖S‖₂`, `k ≥ ‖K‖₂`, of the symmetric and the
 * skew part of `M`.
 *
 * Why that step: `R = (I − αM)(I + αM)⁻¹` has `‖R v‖² / ‖v‖² = (1 − 2φ)/(1 + 2φ)` with `φ = α⟨u, Mu⟩ / (1 + α²‖Mu‖²)` for a
 * unit vector `u`. With `q = ⟨u, Mu⟩ ≥ m`, `‖Mu‖ ≤ √(s q) + k`; `φ` then increases with `q`, and at `q = m` it is largest
 * for `α = 1/N`: the rate is `√((N − m)/(N + m))`, and `N ≤ L`: much less where the symmetric part dominates.
 */
export const stepBounds = (m: ArrayLike<number>, n: number, monotonicity: number): StepBounds =>
  stepOf(spectralBound(part(m, n, 1), n, n, 2), spectralBound(part(m, n, -1), n, n, 2), monotonicity)

/** The same from bounds on the norms of both parts. */
export const stepOf = (symmetric: number, skew: number, monotonicity: number): StepBounds => ({
  lipschitz: symmetric + skew,
  step: 1 / (skew + Math.sqrt(monotonicity * symmetric)),
})

/**
 * A rigorous lower bound on the smallest eigenvalue of `½ (M + Mᵀ)`, in float64, to about 1e-9 of its largest diagonal
 * sum: the largest shift `μ` found by bisection for which Cholesky's method runs through on `½ (M + Mᵀ) − (μ + δ) I`.
 * When it runs through, the smallest eigenvalue of what it was given is above `−γ/(1 − γ)` times the trace,
 * `γ = (n + 2)u / (1 − (n + 2)u)`; `δ` is four times that, which pays for forming the matrix as well.
 *
 * @cost 40 Cholesky factorisations, `n³/6` each, on the host
 */
export function smallestEigenvalueBound(m: ArrayLike<number>, n: number): number {
  const s = part(m, n, 1)
  let reach = 0 // ≥ ‖S‖₂: the ∞-norm
  for (let i = 0; i < n; i++) {
    let sum = 0
    for (let j = 0; j < n; j++) sum += Math.abs(s[i * n + j]!)
    reach = Math.max(reach, sum)
  }
  if (!(reach < Number.POSITIVE_INFINITY)) return Number.NEGATIVE_INFINITY
  const delta = 4 * (n + 2) * 2 ** -53 * 2 * n * reach
  let [low, high] = [-reach * (1 + 1e-12) - 2 * delta, reach]
  for (let k = 0; k < 40; k++) {
    const middle = 0.5 * (low + high)
    if (positiveDefinite(s, n, middle + delta)) low = middle
    else high = middle
  }
  return low
}

/** Whether Cholesky's method runs through on `S − shift I`. */
function positiveDefinite(s: Float64Array, n: number, shift: number): boolean {
  const l = new Float64Array(n * n)
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = s[i * n + j]! - (i === j ? shift : 0)
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!
      if (i > j) l[i * n + j] = sum / l[j * n + j]!
      else if (sum > 0) l[j * n + j] = Math.sqrt(sum)
      else return false
    }
  }
  return true
}
