import type { Linearization, Vector } from '@equilibria/spec'
import { requireWhole } from '@equilibria/core'
import { build, denseSpectralRadius } from '../dense/matrix.ts'
import { hostProduct, normalize, orthogonalize, type Rows, startRows } from './rows.ts'

export interface SpectralRadiusOptions {
  /** Pullbacks not counted in the growth. Default `30`. */
  readonly burnIn?: number
  /** Pullbacks counted. Default `30`. */
  readonly steps?: number
  /** Dimension of the Krylov space whose Ritz values are taken. Default `24`. */
  readonly ritz?: number
  /** Default `0`. */
  readonly seed?: number
}

/** The spectral radius per sample, found twice. */
export interface SpectralRadius {
  /** The answer: `ritz`, or `growth` where there is no Krylov space (a row that died out or blew up). */
  readonly values: Float64Array
  /** Geometric mean of `‖Jᵀv‖ / ‖v‖` after burn-in. */
  readonly growth: Float64Array
  /** Largest modulus of the Ritz values of `Jᵀ` on the Krylov space of the vector that the growth ended with. */
  readonly ritz: Float64Array
}

/**
 * Spectral radius per sample. First the rate of growth, `(‖(Jᵀ)^{b+k} v‖ / ‖(Jᵀ)^b v‖)^{1/k}`; then Arnoldi from the
 * vector reached, which now lies close to the dominant eigenspace, and the largest modulus of the Ritz values, real or
 * complex. States no larger than the Krylov space are started from a random vector instead: the result is then exact to
 * rounding.
 *
 * Right for complex pairs and non-normal `J`, where a Rayleigh quotient is not (rotation by 60° times .95: .95, quotient
 * .475). The two disagree where many eigenvalues of about the same modulus compete, or in long Jordan chains: then the
 * growth is the one that is too high, by `((b + k)/b)^{(m−1)/k}` for a chain of `m`.
 *
 * @cost `burnIn + steps + min(ritz, size)` pullbacks, no evaluation; `min(ritz, size)` vectors in float64 on the host
 * @throws EquilibriaError `option` on numbers of pullbacks that are not usable
 * @cite arnoldi1951
 */
export function spectralRadius(
  linear: Pick<Linearization, 'vjp'>,
  like: Vector,
  options: SpectralRadiusOptions = {},
): SpectralRadius {
  checkSpectralRadius(options)
  const { burnIn = 30, steps = 30, ritz: dimension = 24, seed = 0 } = options
  const [batch, size] = like.shape
  const back = hostProduct((u) => linear.vjp(u), batch)
  let v = startRows(batch, size, seed)
  const first = size <= dimension ? arnoldi(v, back, batch, size) : undefined
  const logs = new Float64Array(batch)
  for (let step = 0; step < burnIn + steps; step++) {
    v = back(v)
    const lengths = normalize(v, batch)
    if (step >= burnIn) lengths.forEach((length, b) => (logs[b]! += Math.log(length)))
  }
  const growth = logs.map((sum) => Math.exp(sum / steps))
  const ritz = first ?? arnoldi(v, back, batch, dimension)
  return { growth, ritz, values: ritz.map((value, b) => (Number.isFinite(value) ? value : growth[b]!)) }
}

/** @throws EquilibriaError `option` on numbers of pullbacks that are not usable */
export function checkSpectralRadius({ burnIn = 30, steps = 30, ritz = 24 }: SpectralRadiusOptions): void {
  requireWhole('spectralRadius({ burnIn })', burnIn, 0)
  requireWhole('spectralRadius({ steps })', steps, 1)
  requireWhole('spectralRadius({ ritz })', ritz, 1)
}

/** Largest modulus of the Ritz values on a Krylov space of at most this dimension, per row; `NaN` from a row of zeros. */
function arnoldi(start: Rows, product: (v: Rows) => Rows, batch: number, dimension: number): Float64Array {
  const size = start.length / batch
  const basis: Rows[] = [Float64Array.from(start)]
  const columns: Float64Array[][] = Array.from({ length: batch }, () => [])
  const open = Array.from({ length: batch }, (_, b) => start.subarray(b * size, (b + 1) * size).some((x) => x !== 0))
  const scales = new Float64Array(batch)
  for (let k = 0; k < dimension && open.some(Boolean); k++) {
    const w = product(basis[k]!)
    const before = Float64Array.from(w)
    const sizes = normalize(before, batch)
    const coefficients = open.map((alive, b) => (alive ? orthogonalize(w, basis, b, size) : undefined))
    const lengths = normalize(w, batch)
    for (let b = 0; b < batch; b++) {
      const h = coefficients[b]
      if (!h) continue
      columns[b]!.push(Float64Array.of(...h, lengths[b]!))
      scales[b] = Math.max(scales[b]!, sizes[b]!)
      // What is left is the rounding of a float32 product: the space is invariant, and its Ritz values are eigenvalues.
      if (!(lengths[b]! > 1e-6 * scales[b]!)) {
        open[b] = false
        w.fill(0, b * size, (b + 1) * size)
      }
    }
    basis.push(w)
  }
  return Float64Array.from(columns, (h) =>
    h.length === 0
      ? Number.NaN
      : denseSpectralRadius(build(h.length, h.length, (i, j) => (i <= j + 1 ? h[j]![i]! : 0))),
  )
}
