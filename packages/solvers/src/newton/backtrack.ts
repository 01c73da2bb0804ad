/** One row of a line search on `‖f(z + λ d)‖`. */
export interface Search {
  /** The step that is tried, or was accepted. */
  lambda: number
  done: boolean
  /** The last two steps that were refused, with their norms. */
  refused: { readonly lambda: number; readonly norm: number }[]
}

/**
 * Looks at the norm found at `search.lambda`, and either accepts the step, `‖f(z + λ d)‖ ≤ (1 − 1e-4 λ (1 − η)) · bound`, or
 * shortens it: to half of itself at first, then to the minimum of the parabola through `‖f‖²` at 0 and at the last two
 * steps, kept in `[0.1, 0.5] λ`; to a tenth where the norm is not finite. `small` norms are accepted as they are: rounding
 * noise has no descent directions.
 */
export function judge(
  search: Search,
  found: number,
  from: { readonly norm: number; readonly bound: number; readonly eta: number; readonly small: number },
): void {
  const { lambda } = search
  if (found <= Math.max((1 - 1e-4 * lambda * (1 - from.eta)) * from.bound, from.small)) {
    search.done = true
    return
  }
  let shrink = 0.5
  if (!Number.isFinite(found)) {
    shrink = 0.1
    search.refused = []
  } else {
    const last = search.refused.at(-1)
    if (last) {
      const slope = (l: number, n: number) => ((n / from.norm) ** 2 - 1) / l // (φ(λ) − φ(0)) / λ, φ in units of φ(0)
      const [a, b] = [slope(lambda, found), slope(last.lambda, last.norm)]
      const curvature = (a - b) / (lambda - last.lambda)
      if (curvature > 0) shrink = (0.5 * (curvature * lambda - a)) / curvature / lambda
    }
    search.refused = [{ lambda, norm: found }]
  }
  search.lambda = lambda * Math.min(0.5, Math.max(0.1, shrink))
}
