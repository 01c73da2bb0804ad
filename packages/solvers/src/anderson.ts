import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, offTape, scale, sub } from '@equilibria/tensor'
import type { Solver, Vector } from '@equilibria/spec'

/** What the method remembers; every tensor `[batch, …]`. Columns are newest first. */
export type AndersonMemory =
  | { readonly kind?: never }
  | {
      readonly z: Vector
      readonly r: Vector
      /** `zᵢ₊₁ − zᵢ` and `rᵢ₊₁ − rᵢ`, each `[batch, size]`. */
      readonly dz: readonly Vector[]
      readonly dr: readonly Vector[]
      /** `‖r‖₂` of the last steps, `[batch, k]`. */
      readonly norms: tf.Tensor2D
    }
export interface AndersonOptions {
  /** `m`: how many past differences to mix. Default `5`. */
  readonly memory?: number
  /** `β`: how far to move along the mixed residual. Default `1`. */
  readonly mixing?: number
  /** `λ`, relative: added to a Gram matrix of unit columns. Default `1e-8`. */
  readonly regularization?: number
  /**
   * `D`: a step whose residual is more than `D` times the largest of the last `m + 1` is answered by one half-damped
   * Picard step on a shortened memory. Default `10`; `Infinity` switches it off.
   */
  readonly safeguard?: number
  /** Largest `‖γ‖₁` in normalised units. Default `1e4`. */
  readonly cap?: number
}

/**
 * Anderson acceleration, type II, one small least-squares problem per sample, with `r = G(z) − z`:
 *
 * `γ = argmin ‖r − ΔR γ‖`,   `z ← z + β r − (ΔZ + β ΔR) γ`.
 *
 * Columns of `ΔR` are scaled to unit length and regularised relatively, so that progress does not stop when residuals
 * become small (an absolute `λ` turns the method into averaging there). On a linear problem with enough memory it does
 * what GMRES does. Not monotone: the residual may rise before it falls; on non-normal maps it may rise a lot.
 *
 * States are `[batch, size]`; coefficients, safeguard and memory are per row.
 *
 * @cost 1 evaluation, `2m + 2` stored vectors, one `m × m` system per sample in float64 on the host
 * While the solve itself is recorded (`unrolled()`), the coefficients and the safeguard count as constants.
 *
 * @throws EquilibriaError on a memory below 1, a mixing outside `(0, 1]`, a negative regularization, a safeguard below 1 or a
 * cap that is not positive
 * @cite anderson1965, walker2011
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson } from '@equilibria/solvers'
 *
 * const slow = defineOperator({ name: 'slow', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.99), x) })
 * const { stats } = equilibrium(slow, { solver: anderson() }).solve(tf.tensor2d([[1, 2]]))
 * console.log(stats.evaluations) // a handful, where Picard takes hundreds
 * ```
 */
export function anderson({
  memory = 5,
  mixing = 1,
  regularization = 1e-8,
  safeguard = 10,
  cap = 1e4,
}: AndersonOptions = {}): Solver {
  if (!Number.isInteger(memory) || memory < 1 || !(mixing > 0 && mixing <= 1))
    throw new EquilibriaError(
      'option',
      `anderson({ memory: ${memory}, mixing: ${mixing} }) is not usable.`,
      'Pass a whole memory ≥ 1 and 0 < mixing ≤ 1.',
    )
  if (!(regularization >= 0 && regularization < Number.POSITIVE_INFINITY) || !(safeguard >= 1) || !(cap > 0))
    throw new EquilibriaError(
      'option',
      `anderson({ regularization: ${regularization}, safeguard: ${safeguard}, cap: ${cap} }) is not usable.`,
      'Pass a finite regularization ≥ 0, a safeguard ≥ 1 (Infinity: none) and a cap > 0.',
    )
  /** 1 where `‖r‖ ≤ D · max(‖r‖ of the last steps)`, else 0; `[batch, 1]`. */
  const isCalm = (norm: tf.Tensor2D, past: tf.Tensor2D): tf.Tensor2D =>
    tf.cast(tf.lessEqual(norm, tf.mul(tf.max(past, 1, true), safeguard)), 'float32')
  const solver: Solver<AndersonMemory> = {
    kind: 'solver',
    spec: 1,
    name: 'anderson',
    requires: { kernels: ['leastSquares', 'combine'] },
    init: () => ({}),
    step(problem, z, past) {
      const r = sub(problem.apply(z), z)
      const norm = offTape(() => tf.norm(r, 2, 1, true) as tf.Tensor2D)
      if (!('z' in past))
        return { next: add(z, scale(r, mixing)), residual: r, memory: { z, r, dz: [], dr: [], norms: norm } }

      let dz = [sub(z, past.z), ...past.dz].slice(0, memory)
      let dr = [sub(r, past.r), ...past.dr].slice(0, memory)
      let beta: number | tf.Tensor2D = mixing
      let calm: tf.Tensor2D | undefined
      if (Number.isFinite(safeguard) && past.dr.length === memory) {
        // Rows out of hand: forget the two oldest columns and take one damped Picard step; the others are untouched.
        const now = (calm = offTape(() => isCalm(norm, past.norms)))
        const forget = (columns: Vector[]) => columns.map((c, i) => (i >= memory - 2 ? tf.mul(c, now) : c) as Vector)
        dz = forget(dz)
        dr = forget(dr)
        beta = offTape(() => tf.mul(tf.mul(tf.add(now, 1), 0.5), mixing) as tf.Tensor2D)
      }
      const gamma = offTape(() => {
        const found = problem.kernels.leastSquares(r, dr, { regularization, cap })
        return calm ? (tf.mul(found, calm) as tf.Tensor2D) : found
      })
      const kept = Math.min(past.norms.shape[1] + 1, memory + 1)
      const norms = offTape(() => tf.slice(tf.concat([norm, past.norms], 1), [0, 0], [-1, kept]) as tf.Tensor2D)
      return { next: move(gamma), residual: r, memory: { z, r, dz, dr, norms } }

      function move(gamma: tf.Tensor2D): Vector {
        const mixedZ = problem.kernels.combine(gamma, dz)
        const mixedR = problem.kernels.combine(gamma, dr)
        return add(sub(z, mixedZ), scale(sub(r, mixedR), beta))
      }
    },
  }
  return solver as unknown as Solver
}
