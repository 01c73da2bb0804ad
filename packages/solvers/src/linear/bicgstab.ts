import { add, column, scale, sub } from '@equilibria/tensor'
import type { LinearSolver, LinearStatus, Vector } from '@equilibria/spec'
import { runRecurrence } from './krylov.ts'
import { dots, linearSolver } from './system.ts'

export interface BicgstabOptions {
  /** `r ↦ P r` near `(I − A)⁻¹ r`, row by row and linear; applied from the right, so that residuals stay true ones. */
  readonly preconditioner?: (r: Vector) => Vector
}

/**
 * An inner product below this part of the norms is a breakdown. Far below float32 rounding on purpose: where products of
 * 1e-6 counted as breakdowns, the restarts cost more than the rounding did (indefinite Helmholtz: 1500 products for 270).
 */
const BREAKDOWN = 1e-10
/** Least cosine between `s` and `(I − A) s` that the stabilising step is sized by: 469 products for 273 without, same case. */
const ANGLE = 0.7

/**
 * BiCGSTAB on `(I − A) u = v`: no symmetry needed, and a memory that does not grow, where restarted GMRES stalls.
 *
 * Two products per step: `r ← s − ω (I − A) s`, `s = r − α (I − A) p`, with `p`, `α` from the two-sided Lanczos process and
 * `ω` the minimiser of the residual, enlarged where `s` and `(I − A) s` are nearly orthogonal (skew parts would stop the
 * method there). Residuals jump up and down on the way: the answer is the best state seen. A breakdown (an inner product
 * that vanishes) starts the row afresh from its true residual; twice without progress ends it `stagnated`.
 *
 * `v`, `u` are `[batch, size]`, all coefficients are per row. Nothing is guaranteed: where `gmres()` with enough memory
 * is affordable it needs about half the products.
 *
 * @cost 2 products with `A` per step and 1 for the true residual at the end; 8 stored vectors; 3 read-backs per step
 * @throws EquilibriaError when an option of the solve is unusable
 * @cite vandervorst1992, sleijpen1995
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { bicgstab } from '@equilibria/solvers/linear'
 *
 * const turn = tf.tensor2d([[0, 2], [-2, 0]]) // spectral radius 2: a Neumann series would diverge
 * const { u, status } = bicgstab().solve((w) => tf.matMul(w, turn), tf.tensor2d([[1, 1]]), { tolerance: 1e-6, maxSteps: 10 })
 * console.log(status, u.dataSync()) // ['converged'] [-0.2, 0.6]
 * ```
 */
export const bicgstab = ({ preconditioner }: BicgstabOptions = {}): LinearSolver =>
  linearSolver('bicgstab', (system) => {
    const precondition = (r: Vector): Vector => preconditioner?.(r) ?? r
    return runRecurrence(system, {
      begin: (r, norm) => ({ vectors: [r, r, r], scalars: [norm.map((x) => x * x), Float64Array.from(norm)] }),
      step(u, { vectors, scalars }, left) {
        const [r, shadow, p] = vectors as [Vector, Vector, Vector]
        const [rho, shadowNorm] = scalars as [Float64Array, Float64Array]
        const along = precondition(p)
        const q = system.multiply(along)
        const [sq, qq] = dots([shadow, q], [q, q]) as [Float32Array, Float32Array]
        const lost = Array.from(sq, (x, b) => !(Math.abs(x) > BREAKDOWN * shadowNorm[b]! * Math.sqrt(qq[b]!)))
        const alpha = rho.map((x, b) => (lost[b] ? 0 : x / sq[b]!))
        const half = add(u, scale(along, column(alpha)))
        const s = sub(r, scale(q, column(alpha)))
        // One product left: the first half of the step is a state with a residual of its own.
        if (left < 2)
          return {
            u: half,
            vectors: [s, shadow, p],
            scalars: [...scalars],
            norm: dots([s, s])[0]!.map(Math.sqrt),
            trouble: lost.map((x) => (x ? 'stagnated' : undefined)),
          }
        const across = precondition(s)
        const t = system.multiply(across)
        const [ts, tt, ss] = dots([t, s], [t, t], [s, s]) as [Float32Array, Float32Array, Float32Array]
        const omega = Float64Array.from(ts, (x, b) => {
          const both = Math.sqrt(tt[b]!) * Math.sqrt(ss[b]!)
          if (!(both > 0)) return 0
          const cosine = Math.abs(x) / both
          return (x / tt[b]!) * (cosine >= ANGLE || cosine === 0 ? 1 : ANGLE / cosine)
        })
        const r1 = sub(s, scale(t, column(omega)))
        const [rho1, rr] = dots([shadow, r1], [r1, r1]) as [Float32Array, Float32Array]
        const norm = rr.map(Math.sqrt)
        const trouble = Array.from(rho1, (x, b): LinearStatus | undefined =>
          lost[b] || !(Math.abs(x) > BREAKDOWN * shadowNorm[b]! * norm[b]!) || omega[b] === 0 ? 'stagnated' : undefined,
        )
        const beta = omega.map((w, b) => (trouble[b] ? 0 : (rho1[b]! / rho[b]!) * (alpha[b]! / w)))
        return {
          u: add(half, scale(across, column(omega))),
          vectors: [r1, shadow, add(r1, scale(sub(p, scale(q, column(omega))), column(beta)))],
          scalars: [Float64Array.from(rho1), shadowNorm],
          norm,
          trouble,
        }
      },
    })
  })
