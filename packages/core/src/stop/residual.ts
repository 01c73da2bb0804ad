import type { StopRule } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'

/**
 * `converged` when `‖G(z) − z‖₂ ≤ tolerance · max(‖z‖₂, 1)`, or, with `absolute`, when
 * `‖G(z) − z‖₂ ≤ absolute · √size` as well counts.
 *
 * A small residual is not a small error: near a modulus of 1 the error is `residual / (1 − μ)`. Float32 states cannot
 * go below about `2e-7` relative.
 */
export function residualBelow(tolerance: number, { absolute = 0 }: { readonly absolute?: number } = {}): StopRule {
  if (!(tolerance >= 0) || !(absolute >= 0))
    throw new EquilibriaError(
      'option',
      `residualBelow(${tolerance}, { absolute: ${absolute} }) is not a tolerance.`,
      'Pass numbers ≥ 0.',
    )
  return {
    kind: 'stop-rule',
    spec: 1,
    name: `residual≤${tolerance}`,
    start: () => (seen) =>
      seen.residual <= tolerance || (absolute > 0 && seen.absolute <= absolute * Math.sqrt(seen.size))
        ? 'converged'
        : undefined,
  }
}
