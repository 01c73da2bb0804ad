import type { Linearization, Vector } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { tridiagonalEnds } from '../dense/tridiagonal.ts'
import { hostProduct, normalize, orthogonalize, type Rows, startRows } from './rows.ts'

export interface TopSingularOptions {
  /** Most steps. Default `30`. */
  readonly iterations?: number
  /** A sample stops when its value moved by no more than this, relatively, in one step. Default `1e-6`. */
  readonly tolerance?: number
  /** Seed of the start direction, the same for every sample. Default `0`. */
  readonly seed?: number
}

/** The largest singular value of a Jacobian, per sample, with what is known about its error. */
export interface TopSingular {
  /** Per sample. */
  readonly values: Float64Array
  readonly steps: number
  /** Largest relative change in the last step: small does not prove convergence, large disproves it. */
  readonly change: number
}

/**
 * Largest singular value of `J` per sample by Golub–Kahan bidiagonalisation with full reorthogonalisation,
 * `J V = U B`: `α_k u_k = J v_k − β_{k−1} u_{k−1}`, `β_k v_{k+1} = Jᵀu_k − α_k v_k`, and `σ_max(B)`.
 *
 * A Ritz value: up to rounding never above the true one. Converges like Lanczos, so a cluster at the top costs a few
 * dozen steps where power iteration takes hundreds. `J` may be rectangular; `like`: `[batch, size]` of the argument.
 *
 * @cost one product with `J` and one with `Jᵀ` per step, at most `2 · iterations`; `2 · iterations` vectors in float64
 * on the host
 * @throws EquilibriaError `option` on settings that are not usable; `gradient` where an op of `G` has no second gradient
 * @cite golub1965
 */
export function topSingular(
  linear: Pick<Linearization, 'vjp' | 'jvp'>,
  like: Vector,
  options: TopSingularOptions = {},
): TopSingular {
  checkTopSingular(options)
  const { iterations = 30, tolerance = 1e-6, seed = 0 } = options
  const [batch, size] = like.shape
  const forward = hostProduct((v) => linear.jvp(v), batch)
  const back = hostProduct((u) => linear.vjp(u), batch)
  const [left, right]: [Rows[], Rows[]] = [[], [startRows(batch, size, seed)]]
  const [alphas, betas] = [0, 1].map(() => Array.from({ length: batch }, (): number[] => [])) as [
    number[][],
    number[][],
  ]
  const open = Array.from({ length: batch }, () => true)
  let values = new Float64Array(batch)
  const changes = new Float64Array(batch)
  let steps = 0
  while (steps < iterations && open.some(Boolean)) {
    const u = forward(right[steps]!)
    const rows = u.length / batch
    open.forEach((alive, b) => alive && orthogonalize(u, left, b, rows))
    normalize(u, batch).forEach((length, b) => open[b] && alphas[b]!.push(length))
    left.push(u)
    const v = back(u)
    open.forEach((alive, b) => alive && orthogonalize(v, right, b, size))
    const lengths = normalize(v, batch)
    right.push(v)
    const next = Float64Array.from(values)
    for (let b = 0; b < batch; b++) {
      if (!open[b]) continue
      betas[b]!.push(lengths[b]!)
      next[b] = bidiagonalNorm(alphas[b]!, betas[b]!)
      changes[b] = Math.abs(next[b]! - values[b]!) / Math.max(next[b]!, 1e-30)
      // Done; or nothing left but the rounding of float32 products (the space is invariant), or NaN.
      if (!(changes[b]! > tolerance && lengths[b]! > 1e-7 * next[b]!)) {
        open[b] = false
        v.fill(0, b * size, (b + 1) * size)
      }
    }
    values = next
    steps++
  }
  return { values, steps, change: changes.reduce((a, x) => (x > a ? x : a), 0) }
}

/** @throws EquilibriaError `option` on settings that are not usable */
export function checkTopSingular({ iterations = 30, tolerance = 1e-6 }: TopSingularOptions): void {
  requireWhole('topSingular({ iterations })', iterations, 1)
  requireRange('topSingular({ tolerance })', tolerance, 0)
}

/** `‖B‖₂` of the `k × (k+1)` upper bidiagonal matrix: the root of the top eigenvalue of `B Bᵀ`. */
function bidiagonalNorm(alphas: readonly number[], betas: readonly number[]): number {
  const diagonal = alphas.map((a, i) => a * a + betas[i]! ** 2)
  const off = alphas.slice(1).map((a, i) => a * betas[i]!)
  return Math.sqrt(Math.max(0, tridiagonalEnds(diagonal, off)[1]))
}
