import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, offTape, scale, sub } from '@equilibria/tensor'
import type { Problem, Requirements, Solver, Vector } from '@equilibria/spec'

/** The residuals of the cycle under way, oldest first. */
type CycleMemory = { readonly residuals: readonly Vector[] }
export interface CycleOptions {
  /**
   * `k`: exact on a linear map whose error has `k` modes. One cycle takes `k + 1` evaluations (`2k` for `vectorEpsilon`).
   * Default `5`.
   */
  readonly modes?: number
  /** `β`: the sequence that is extrapolated is `z + β (G(z) − z)`. Default `1`. */
  readonly damping?: number
  /** A row with a larger `‖w‖₁` than this is not extrapolated in this cycle. Default `1e4`. */
  readonly cap?: number
}

/** What one cycle is made of. */
export interface CycleRule {
  readonly name: string
  readonly requires?: Requirements
  /** Evaluations per cycle. */
  readonly length: number
  /**
   * `w [batch, length]` for the residuals `r₀ … r_{length−1}` of a cycle that started at `s₀`: the cycle ends in
   * `s_length + β Σ wᵢ rᵢ`. `z` is the last state measured. Rows of NaN or above the cap end in `s_length`.
   */
  weights(problem: Problem, residuals: readonly Vector[], z: Vector): tf.Tensor2D
}

/** `k ≥ 1` whole, `0 < β ≤ 1`, a positive cap. */
export function checkCycle(name: string, { modes = 5, damping = 1, cap = 1e4 }: CycleOptions): Required<CycleOptions> {
  if (!Number.isInteger(modes) || modes < 1 || !(damping > 0 && damping <= 1) || !(cap > 0))
    throw new EquilibriaError(
      'option',
      `${name}({ modes: ${modes}, damping: ${damping}, cap: ${cap} }) is not usable.`,
      'Pass a whole number of modes ≥ 1, 0 < damping ≤ 1 and a cap > 0.',
    )
  return { modes, damping, cap }
}

/**
 * Cycled extrapolation: some (damped) Picard steps from `s₀`, then a jump to a combination of what they passed, from
 * which the next cycle starts. All rows jump at the same steps, each with its own coefficients.
 */
export function cycled(
  { name, requires, length, weights }: CycleRule,
  { damping, cap }: Required<CycleOptions>,
): Solver {
  const solver: Solver<CycleMemory> = {
    kind: 'solver',
    spec: 1,
    name,
    ...(requires ? { requires } : {}),
    init: () => ({ residuals: [] }),
    step(problem, z, past) {
      const r = sub(problem.apply(z), z)
      const residuals = [...past.residuals, r]
      const plain = add(z, damping === 1 ? r : scale(r, damping))
      if (residuals.length < length) return { next: plain, residual: r, memory: { residuals } }
      const w = offTape(() => tf.tidy(() => usable(weights(problem, residuals, z), cap)))
      const jump = problem.kernels.combine(w, residuals)
      const next = add(plain, damping === 1 ? jump : scale(jump, damping))
      return { next, residual: r, memory: { residuals: [] } }
    },
  }
  return solver as unknown as Solver
}

/** Weights that are not finite or above the cap are replaced by none. */
function usable(w: tf.Tensor2D, cap: number): tf.Tensor2D {
  const fine = tf.lessEqual(tf.sum(tf.abs(w), 1, true), cap) // false on NaN
  return tf.where(fine, w, tf.zerosLike(w))
}
