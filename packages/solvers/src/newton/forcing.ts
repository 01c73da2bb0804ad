/** Four float32 rounding units: no residual can be told from zero below this, relative to the state. */
export const FLOOR: number = 4 * 2 ** -24

/**
 * How exactly a Newton system is to be solved, relative to its right-hand side: choice 2 of Eisenstat and Walker with
 * `γ = 0.9`, `α = 2`, `η = γ (‖f‖ / ‖f before‖)²`, not below `γ (η before)²` while that exceeds 0.1; at most 0.9; and, after
 * Kelley, not so small that the next residual would fall below half of what rounding allows.
 */
export function forcing(
  norm: number,
  before: number,
  etaBefore: number,
  { first, most, least }: { readonly first: number; readonly most: number; readonly least: number },
): number {
  let eta = first
  if (before > 0) {
    eta = 0.9 * (norm / before) ** 2
    const held = 0.9 * etaBefore ** 2
    if (held > 0.1) eta = Math.max(eta, held)
  }
  eta = Math.min(most, Math.max(eta, (0.5 * least) / norm))
  return Number.isFinite(eta) ? eta : most
}
