import { add, column, scale, sub } from '@equilibria/tensor'
import type { LinearSolver, LinearStatus, Vector } from '@equilibria/spec'
import * as tf from '@tensorflow/tfjs-core'
import { runRecurrence } from './krylov.ts'
import { dots, linearSolver } from './system.ts'

/** A pivot below this part of the largest one is rounding: the system is singular in that direction. */
const SINGULAR = 1e-6
/** How far `vₖ₋₁ · M vₖ` may be from `vₖ · M vₖ₋₁`, relative to `‖M vₖ‖`: float32 leaves about 1e-6. */
const SKEW = 1e-3

/**
 * MINRES on `(I − A) u = v`, for symmetric `I − A`, indefinite ones included.
 *
 * Minimises `‖v − (I − A) u‖` over the Krylov space with a three-term recurrence: what `gmres()` without restarts does on
 * such systems, in 4 vectors. A row whose operator turns out not to be symmetric ends `asymmetric` (use `gmres()`); a
 * singular one ends `stagnated` near a least-squares solution. A row is called `converged` by its true residual only.
 *
 * `v`, `u` are `[batch, size]`, all coefficients are per row. On a positive definite system `cg()` does as well with less.
 *
 * @cost 1 product with `A` per step and 1 for the true residual at the end; 7 stored vectors; 2 read-backs per step
 * @throws EquilibriaError when an option of the solve is unusable
 * @cite paige1975
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { minres } from '@equilibria/solvers/linear'
 *
 * const swap = tf.tensor2d([[0, 2], [2, 0]]) // symmetric, spectrum ±2: I − A is indefinite
 * const { u, status } = minres().solve((w) => tf.matMul(w, swap), tf.tensor2d([[3, 0]]), { tolerance: 1e-6, maxSteps: 10 })
 * console.log(status, u.dataSync()) // ['converged'] [-1, -2]
 * ```
 */
export const minres = (): LinearSolver =>
  linearSolver('minres', (system) =>
    runRecurrence(system, {
      begin(r, norm) {
        const fill = (x: number) => new Float64Array(norm.length).fill(x)
        const zero = tf.zerosLike(r)
        const v = scale(r, column(norm.map((x) => 1 / (x || 1))))
        // beta, eta, cosine and sine of the last two rotations, largest pivot
        return {
          vectors: [zero, v, zero, zero],
          scalars: [fill(0), Float64Array.from(norm), fill(1), fill(0), fill(1), fill(0), fill(0)],
        }
      },
      step(u, { vectors, scalars }) {
        const [before, v, d1, d2] = vectors as [Vector, Vector, Vector, Vector]
        const [beta, eta, c, s, c0, s0, largest] = scalars.map((x) => x.slice()) as Float64Array[] as [
          Float64Array,
          Float64Array,
          Float64Array,
          Float64Array,
          Float64Array,
          Float64Array,
          Float64Array,
        ]
        const q = system.multiply(v)
        const [alpha, back, qq] = dots([v, q], [before, q], [q, q]) as [Float32Array, Float32Array, Float32Array]
        const w = sub(sub(q, scale(v, column(alpha))), scale(before, column(beta)))
        const next = Float64Array.from(dots([w, w])[0]!, Math.sqrt)
        const batch = next.length
        const [r1, r2, r3, move] = [0, 1, 2, 3].map(() => new Float64Array(batch)) as [
          Float64Array,
          Float64Array,
          Float64Array,
          Float64Array,
        ]
        const trouble = Array.from(next, (b1, b): LinearStatus | undefined => {
          const delta = c[b]! * alpha[b]! - c0[b]! * s[b]! * beta[b]!
          const pivot = Math.hypot(delta, b1)
          r2[b] = s[b]! * alpha[b]! + c0[b]! * c[b]! * beta[b]!
          r3[b] = s0[b]! * beta[b]!
          largest[b] = Math.max(largest[b]!, pivot)
          // After a `β` near 0 the Lanczos vector is rounding, and tells nothing about symmetry.
          const size = Math.sqrt(qq[b]!)
          if (beta[b]! > 0.05 * size && Math.abs(back[b]! - beta[b]!) > SKEW * size) return 'asymmetric'
          if (!(pivot > SINGULAR * largest[b]!)) return 'stagnated'
          r1[b] = 1 / pivot
          ;[c0[b], s0[b], c[b], s[b]] = [c[b]!, s[b]!, delta / pivot, b1 / pivot]
          move[b] = c[b]! * eta[b]!
          eta[b] = -s[b]! * eta[b]!
          return undefined
        })
        const d = scale(sub(sub(v, scale(d2, column(r3))), scale(d1, column(r2))), column(r1))
        return {
          u: add(u, scale(d, column(move))),
          vectors: [v, scale(w, column(next.map((x) => 1 / (x || 1)))), d, d1],
          scalars: [next, eta, c, s, c0, s0, largest],
          norm: eta.map((x, b) => (trouble[b] ? Number.POSITIVE_INFINITY : Math.abs(x))),
          trouble,
        }
      },
    }),
  )
