import { add, column, scale, sub } from '@equilibria/tensor'
import type { LinearSolver, LinearStatus, Vector } from '@equilibria/spec'
import { runRecurrence } from './krylov.ts'
import { dots, linearSolver } from './system.ts'

export interface CgOptions {
  /** `r ↦ P r` near `(I − A)⁻¹ r`, symmetric positive definite, row by row. */
  readonly preconditioner?: (r: Vector) => Vector
}

/** Below this cosine a curvature cannot be told from float32 rounding. */
const FLAT = 1e-6
/** Successive residuals are orthogonal when `I − A` is symmetric; this much of a common part, twice, is not rounding. */
const SKEW = 1e-2

/**
 * Conjugate gradients on `(I − A) u = v`, for symmetric positive definite `I − A` (traits `symmetric`, spectrum of `A`
 * below 1).
 *
 * Minimises the error in the norm of `I − A` over the Krylov space; after `k` steps it is at most
 * `2 ((√κ − 1)/(√κ + 1))ᵏ` of what it was, `κ` the condition number of `I − A`. A direction of negative curvature ends a
 * row `indefinite` (use `minres()`), residuals that stay correlated end it `asymmetric` (use `gmres()`); a row is called
 * `converged` by its true residual only.
 *
 * `v`, `u` are `[batch, size]`, all coefficients are per row. Not for general Jacobians: the adjoint of a network layer
 * is not symmetric.
 *
 * @cost 1 product with `A` per step and 1 for the true residual at the end; 5 stored vectors; 2 read-backs per step
 * @throws EquilibriaError when an option of the solve is unusable
 * @cite hestenes1952
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { cg } from '@equilibria/solvers/linear'
 *
 * const pull = tf.tensor2d([[0, 0.5], [0.5, 0]]) // symmetric, spectrum ±0.5
 * const { u, status } = cg().solve((w) => tf.matMul(w, pull), tf.tensor2d([[0.75, 0]]), { tolerance: 1e-6, maxSteps: 10 })
 * console.log(status, u.dataSync()) // ['converged'] [1, 0.5]
 * ```
 */
export const cg = ({ preconditioner }: CgOptions = {}): LinearSolver =>
  linearSolver('cg', (system) => {
    const precondition = (r: Vector): Vector => preconditioner?.(r) ?? r
    return runRecurrence(system, {
      begin(r, norm) {
        const z = precondition(r)
        const rho = preconditioner ? Float64Array.from(dots([r, z])[0]!) : norm.map((x) => x * x)
        return { vectors: [r, z], scalars: [rho, new Float64Array(norm.length)] }
      },
      step(u, { vectors, scalars }) {
        const [r, p] = vectors as [Vector, Vector]
        const [rho, skew] = scalars as [Float64Array, Float64Array]
        const q = system.multiply(p)
        const [pq, pp, qq] = dots([p, q], [p, p], [q, q]) as [Float32Array, Float32Array, Float32Array]
        const alpha = rho.map((s, b) => (pq[b]! === 0 ? 0 : s / pq[b]!))
        const r1 = sub(r, scale(q, column(alpha)))
        const z = precondition(r1)
        const [rr, rz, cross] = dots([r1, r1], [r1, z], [r, z]) as [Float32Array, Float32Array, Float32Array]
        const trouble = Array.from(rho, (_, b): LinearStatus | undefined => {
          const least = FLAT * Math.sqrt(pp[b]!) * Math.sqrt(qq[b]!)
          if (pq[b]! < -least) return 'indefinite'
          // Rounding leaves a common part of a few u ‖r‖², however small the new residual is.
          const rounding = SKEW * Math.sqrt(Math.abs(rho[b]! * rz[b]!)) + 1e-5 * Math.abs(rho[b]!)
          if (Math.abs(cross[b]!) > rounding) skew[b]!++
          if (skew[b]! >= 2) return 'asymmetric'
          return pq[b]! > least ? undefined : 'stagnated'
        })
        const beta = rho.map((s, b) => (s === 0 ? 0 : rz[b]! / s))
        return {
          u: add(u, scale(p, column(alpha))),
          vectors: [r1, add(z, scale(p, column(beta)))],
          scalars: [Float64Array.from(rz), skew],
          // A step along a flat or negative direction is no candidate for the answer.
          norm: rr.map((x, b) => (pq[b]! > 0 && trouble[b] !== 'stagnated' ? Math.sqrt(x) : Number.POSITIVE_INFINITY)),
          trouble,
        }
      },
    })
  })
