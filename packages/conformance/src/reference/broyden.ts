/**
 * Broyden's good method as a textbook has it, for judging ours: one sample, float64, the inverse as a list of rank-one
 * terms that is never cut short, from `B = −I`. Shares no code with the solvers.
 */
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, i) => s + v * b[i]!, 0)
const norm = (v: readonly number[]): number => Math.hypot(...v)

/** Relative residual at each evaluation of `G`, until the tolerance is met. The state passes through `round` before each. */
export function broydenInFull(
  G: (z: readonly number[]) => readonly number[],
  start: readonly number[],
  { tolerance, most }: { readonly tolerance: number; readonly most: number },
  round: (v: number) => number = (v) => v,
): number[] {
  const terms: { readonly u: readonly number[]; readonly v: readonly number[] }[] = []
  const apply = (x: readonly number[]) => {
    const weights = terms.map(({ v }) => dot(v, x))
    return x.map((e, i) => terms.reduce((s, { u }, k) => s + weights[k]! * u[i]!, -e))
  }
  const transposed = (x: readonly number[]) => {
    const weights = terms.map(({ u }) => dot(u, x))
    return x.map((e, i) => terms.reduce((s, { v }, k) => s + weights[k]! * v[i]!, -e))
  }
  const residuals: number[] = []
  let z = start.map(round)
  let last: { readonly z: readonly number[]; readonly g: readonly number[] } | undefined
  while (residuals.length < most) {
    const g = G(z).map((v, i) => v - z[i]!)
    residuals.push(norm(g) / Math.max(norm(z), 1))
    if (!(residuals.at(-1)! > tolerance)) break
    if (last) {
      const { z: before, g: old } = last
      const s = z.map((v, i) => v - before[i]!)
      const image = apply(g.map((v, i) => v - old[i]!))
      const below = dot(s, image)
      if (Math.abs(below) > 1e-12 * norm(s) * norm(image)) {
        const v = transposed(s)
        terms.push({ u: s.map((e, i) => (e - image[i]!) / below), v })
      }
    }
    last = { z, g }
    const step = apply(g)
    z = z.map((v, i) => round(v - step[i]!))
  }
  return residuals
}
