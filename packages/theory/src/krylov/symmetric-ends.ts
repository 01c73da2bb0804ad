import type { Linearization, Vector } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { tridiagonalEnds } from '../dense/tridiagonal.ts'
import { jacobianOf, normalize, orthogonalize, type Rows, startRows } from './rows.ts'
import type { TopSingularOptions } from './top-singular.ts'

/** The ends of the spectrum of `½(J + Jᵀ)`, per sample. */
export interface SymmetricEnds {
  readonly smallest: Float64Array
  /** The logarithmic norm `μ₂(J)`: `d/dt ‖e^{tJ}‖` at 0. */
  readonly largest: Float64Array
  readonly steps: number
}

/**
 * Smallest and largest eigenvalue of `½(J + Jᵀ)` per sample by Lanczos with full reorthogonalisation. The largest is the
 * logarithmic norm `μ₂(J)`: below 1, `I − J` is strongly monotone with margin `1 − μ₂(J)`, whatever `‖J‖₂` is.
 *
 * Ritz values: the interval found lies inside the true one, up to rounding.
 *
 * @cost one product with `J` and one with `Jᵀ` per step, at most `2 · iterations`
 * @throws EquilibriaError `option` on settings that are not usable
 * @cite soderlind2006
 */
export function symmetricEnds(
  linear: Pick<Linearization, 'vjp' | 'jvp'>,
  like: Vector,
  options: TopSingularOptions = {},
): SymmetricEnds {
  const { iterations = 30, tolerance = 1e-5, seed = 0 } = options
  requireWhole('symmetricEnds({ iterations })', iterations, 1)
  requireRange('symmetricEnds({ tolerance })', tolerance, 0)
  const { batch, size, forward, back } = jacobianOf(linear, like)
  const basis: Rows[] = [startRows(batch, size, seed)]
  const [diagonals, offs] = [0, 1].map(() => Array.from({ length: batch }, (): number[] => [])) as [
    number[][],
    number[][],
  ]
  const open = Array.from({ length: batch }, () => true)
  const ends: [Float64Array, Float64Array] = [new Float64Array(batch), new Float64Array(batch)]
  let steps = 0
  while (steps < iterations && open.some(Boolean)) {
    const v = basis[steps]!
    const transposed = back(v)
    const w = forward(v).map((x, i) => (x + transposed[i]!) / 2)
    const own = open.map((alive, b) => (alive ? orthogonalize(w, basis, b, size)[steps]! : 0))
    const lengths = normalize(w, batch)
    basis.push(w)
    for (let b = 0; b < batch; b++) {
      if (!open[b]) continue
      diagonals[b]!.push(own[b]!)
      const found = tridiagonalEnds(diagonals[b]!, offs[b]!)
      const reach = Math.max(Math.abs(found[0]), Math.abs(found[1]), lengths[b]!)
      let change = 0
      ends.forEach((end, side) => {
        change = Math.max(change, Math.abs(found[side]! - end[b]!) / Math.max(reach, 1e-30))
        end[b] = found[side]!
      })
      offs[b]!.push(lengths[b]!)
      if (!(change > tolerance && lengths[b]! > 1e-6 * reach)) {
        open[b] = false
        w.fill(0, b * size, (b + 1) * size)
      }
    }
    steps++
  }
  return { smallest: ends[0], largest: ends[1], steps }
}
