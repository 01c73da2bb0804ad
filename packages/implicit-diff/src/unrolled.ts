import type { GradientMode } from '@equilibria/spec'
import { reporting, reportInexact } from './phantom.ts'

/**
 * Differentiates the solve itself, step by step.
 *
 * The gradient of the `t`-step map, exact for that map; it approaches the implicit one like `t μᵗ⁻¹` and may be far off
 * before. The right mode for models trained and used at a fixed small depth, and a check on the others. With
 * `anderson()` the mixing coefficients count as constants.
 *
 * @cost memory of every step; no adjoint solve
 * @cite scieur2022
 */
export const unrolled = (): GradientMode => ({
  kind: 'gradient',
  spec: 1,
  name: 'unrolled',
  forward: 'taped',
  attach: ({ z, report }) => reporting(z, () => reportInexact('unrolled', 0, z.shape[0], report)),
})
