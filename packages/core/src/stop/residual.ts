import type { StopRule } from '@equilibria/spec'
import { requireRange } from '../validate.ts'

/**
 * `converged` when `‖G(z) − z‖₂ ≤ tolerance · max(‖z‖₂, 1)`; with `absolute`, also when
 * `‖G(z) − z‖₂ ≤ absolute · √size`.
 *
 * A small residual is not a small error: near a modulus of 1 the error is `residual / (1 − μ)`. Float32 states cannot
 * go below about `2e-7` relative.
 *
 * @throws EquilibriaError when either is negative or not a number
 */
export function residualBelow(tolerance: number, { absolute = 0 }: { readonly absolute?: number } = {}): StopRule {
  requireRange('residualBelow(tolerance)', tolerance, 0)
  requireRange('residualBelow(…, { absolute })', absolute, 0)
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
