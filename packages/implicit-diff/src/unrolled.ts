import type { GradientMode } from '@equilibria/spec'
import { requireExactSteps } from './adjoint/second-order.ts'
import { reporting, reportInexact } from './phantom.ts'

/**
 * Differentiates the solve itself, step by step.
 *
 * The gradient of the `t`-step map, exact for that map; it approaches the implicit one like `t μᵗ⁻¹` and may be far off
 * before. The right mode for models trained and used at a fixed small depth, and a check on the others.
 *
 * Solvers that mix (`anderson()`, extrapolation, `aitken()`) find coefficients from the states; these count as constants, so that
 * the gradient is that of the steps with the coefficients held, as in practice. Second derivatives would be wrong then, and are
 * refused; with `picard()`, `krasnoselskiiMann()`, `halpern()` and `chebyshev()` they are those of the `t`-step map.
 *
 * @cost memory of every step; no adjoint solve
 * @throws EquilibriaError `gradient` where a second derivative is asked of a solver that mixes, of several starts, or
 * without `@equilibria/tensor/gradients`
 * @cite scieur2022
 */
export const unrolled = (): GradientMode => ({
  kind: 'gradient',
  spec: 1,
  name: 'unrolled',
  forward: 'taped',
  attach: (site) =>
    reporting(site.z, () => {
      requireExactSteps('unrolled()', site.run)
      reportInexact('unrolled', 0, site, true)
    }),
})
