import type { StopRule } from '@equilibria/spec'
import { requireRange, requireWhole } from '../validate.ts'

/** `u`: the unit roundoff of float32. */
const U = 2 ** -24

/**
 * `floor` when `‖G(z) − z‖₂ ≤ roundings · u · ‖z‖₂`, `u = 2⁻²⁴`, and the smallest residual has not fallen by 2 % within
 * `window` steps: float32 gives no more, however small a residual is asked for. Defaults 16 and 8.
 *
 * The residual of a state that is right to the last bit is a few roundings of its entries, so the bound is relative to
 * `‖z‖₂`, whatever the size. Measured on tanh and affine maps of 1 to 256 entries with moduli up to 0.99: at most
 * `5 u ‖z‖` for plain and Anderson steps, and `9 u ‖z‖` for steps damped by 0.1, which end when a tenth of the residual
 * rounds to nothing. Not reached where `G` is small by cancellation of large numbers, or `z` moves on a grid coarser than
 * rounding: use `stagnation()` there.
 *
 * @throws EquilibriaError when `roundings` is not a number ≥ 0 or `window` not a whole number ≥ 1
 */
export function floor({
  roundings = 16,
  window = 8,
}: { readonly roundings?: number; readonly window?: number } = {}): StopRule {
  requireRange('floor({ roundings })', roundings, 0)
  requireWhole('floor({ window })', window, 1)
  return {
    kind: 'stop-rule',
    spec: 1,
    name: `floor(${roundings}u)`,
    start: (batch) => {
      const mark = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
      const since = new Int32Array(batch)
      return ({ sample, absolute, norm, step }) => {
        if (absolute < 0.98 * mark[sample]!) {
          mark[sample] = absolute
          since[sample] = step
        }
        return absolute <= roundings * U * norm && step - since[sample]! >= window ? 'floor' : undefined
      }
    },
  }
}
