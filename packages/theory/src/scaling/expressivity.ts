import type { Report } from '@equilibria/spec'
import { requireRange } from '@equilibria/core'
import { short } from '../words.ts'

/** The constants of a regular operator, and the slope that is wanted. */
export interface ExpressivityOptions {
  /** `Lip_x G(y, ·) ≤ constant + slope ‖y‖`. */
  readonly constant: number
  readonly slope: number
  /** Largest contraction modulus over the inputs. */
  readonly modulus: number
  /** `R`: largest `‖y_t‖₂` of the Picard run. */
  readonly stateNorm: number
  /** The slope to be represented. */
  readonly target: number
}

/** Slopes and iterations. */
export interface ExpressivityDetail {
  /** No Picard iterate, and no equilibrium, can be steeper. */
  readonly attainable: number
  /** Fewest Picard steps after which the growth bound allows the target; `Infinity` if it never does. */
  readonly steps: number
}

/**
 * How many Picard steps must a regular operator make before its answer can be as steep as `target`? From the growth bound,
 * `L_t ≤ (L₀ + L₁R)(1 − μᵗ)/(1 − μ)`: the least `t` that allows it, and the slope that no `t` exceeds, `(L₀ + L₁R)/(1 − μ)`.
 *
 * A bound on what is possible, not a promise of what is reached; accelerated solvers are not covered. Value: the steps.
 *
 * @cost none: host arithmetic
 * @throws EquilibriaError `option` on a negative number, or a modulus above 1
 * @cite liu2026
 * @example
 * ```ts
 * import { expressivity } from '@equilibria/theory'
 *
 * // Kepler's equation with e = .99 reaches slope 100 in the limit, and 50 after 69 steps.
 * console.log(expressivity({ constant: 1, slope: 0, modulus: 0.99, stateNorm: 7, target: 50 }).value) // 69
 * ```
 */
export function expressivity(options: ExpressivityOptions): Report<ExpressivityDetail> {
  const { constant, slope, modulus, stateNorm, target } = options
  for (const [name, value] of Object.entries({ constant, slope, stateNorm, target }))
    requireRange(`expressivity({ ${name} })`, value, 0)
  requireRange('expressivity({ modulus })', modulus, 0, 1)
  const each = constant + slope * stateNorm
  const attainable = each === 0 ? 0 : each / (1 - modulus)
  // 1 − μᵗ ≥ target (1 − μ)/each, or t ≥ target/each where μ = 1.
  const share = target / attainable
  const exact = modulus === 1 ? target / each : modulus === 0 ? 1 : Math.log1p(-share) / Math.log(modulus)
  const steps =
    target === 0
      ? 0
      : share < 1 || (modulus === 1 && each > 0)
        ? Math.ceil(exact * (1 - 1e-12))
        : Number.POSITIVE_INFINITY
  return {
    kind: 'report',
    property: 'expressivity',
    verdict: Number.isFinite(steps) ? 'holds' : 'fails',
    evidence: 'bound',
    value: steps,
    statement: Number.isFinite(steps)
      ? `Slope ${short(target)} needs at least ${steps} Picard steps (no more than ${short(attainable)} is attainable).`
      : `Slope ${short(target)} is out of reach: no iterate is steeper than ${short(attainable)}.`,
    assumptions: [
      'The operator is regular with these constants; the iteration is Picard’s; states stay within the norm given.',
    ],
    sources: ['liu2026'],
    detail: { attainable, steps },
  }
}
