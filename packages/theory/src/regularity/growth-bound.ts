import { EquilibriaError } from '@equilibria/tensor'
import type { LipschitzCurve } from '../lipschitz/curve.ts'

/** The constants of a regular operator at one input, and the states of its Picard run. */
export interface GrowthBoundOptions {
  /** `Lip_x G(y, ·) ≤ constant + slope ‖y‖`. */
  readonly constant: number
  readonly slope: number
  /** `μ(x)`: the contraction modulus of `G(·, x)`; 1 gives the limit as `μ → 1`. */
  readonly modulus: number
  /** `‖y_s‖₂` for `s = 0, 1, …`. */
  readonly stateNorms: ArrayLike<number>
}

/**
 * What no Picard run of a regular operator can exceed: `L_t ≤ Σ_{s<t} μ^{t−1−s} (L₀ + L₁‖y_s‖)`, for `t = 0 … norms.length`.
 * With bounded iterates the steepness grows at most linearly in `t`, and saturates at `(L₀ + L₁R)/(1 − μ)`. Equality for
 * `1/x` as `x → 0`.
 *
 * For iterates by Picard only: an accelerated solver composes another map.
 *
 * @cost none: host arithmetic
 * @throws EquilibriaError `option` on a negative constant or modulus
 * @cite liu2026
 * @example
 * ```ts
 * import { growthBound } from '@equilibria/theory'
 *
 * // 1/x at x → 0 with η = ½: y_s = s/2, and the bound is η² t(t − 1)/2, the truth.
 * console.log(growthBound({ constant: 0, slope: 0.5, modulus: 1, stateNorms: [0, 0.5, 1, 1.5] })) // 0, 0, .25, .75, 1.5
 * ```
 */
export function growthBound({ constant, slope, modulus, stateNorms }: GrowthBoundOptions): Float64Array {
  for (const [name, value] of Object.entries({ constant, slope, modulus }))
    if (!(value >= 0)) throw new EquilibriaError('option', `growthBound({ ${name}: ${value} }).`, 'Pass a number ≥ 0.')
  const bounds = new Float64Array(stateNorms.length + 1)
  for (let t = 0; t < stateNorms.length; t++) bounds[t + 1] = modulus * bounds[t]! + constant + slope * stateNorms[t]!
  return bounds
}

/** Where a measured curve exceeds a growth bound. */
export interface GrowthViolation {
  readonly steps: number
  readonly measured: number
  readonly bound: number
}

/**
 * Depths at which a measured `L_t` lies above the growth bound, by more than this relative slack: either the operator is
 * not regular with these constants, or the measurement is wrong. Empty: nothing contradicts them.
 */
export const growthViolations = (
  curve: Pick<LipschitzCurve, 'rows'>,
  bounds: ArrayLike<number>,
  slack = 1e-3,
): readonly GrowthViolation[] =>
  curve.rows.flatMap(({ steps, value }) => {
    const bound = bounds[steps]
    return bound !== undefined && value > bound * (1 + slack) + slack * 1e-3 ? [{ steps, measured: value, bound }] : []
  })
