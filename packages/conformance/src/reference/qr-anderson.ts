/**
 * Anderson acceleration, type II, as a textbook has it, for judging ours: one sample, float64 throughout, least squares by
 * QR (Gram–Schmidt, twice), no regularisation, no safeguard. Shares no code with the solvers.
 */
export interface ReferenceOptions {
  readonly memory?: number
  readonly mixing?: number
  /** Ends the run, after at most `most` evaluations, by the relative residual `‖r‖ / max(‖z‖, 1)`. */
  readonly tolerance: number
  readonly most: number
}

const norm = (v: readonly number[]): number => Math.hypot(...v)
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, i) => s + v * b[i]!, 0)
const minus = (a: readonly number[], b: readonly number[], k = 1): number[] => a.map((v, i) => v - k * b[i]!)

/** `argmin ‖r − Σ γᵢ dᵢ‖` by QR; a column that is a combination of earlier ones to rounding gets 0. */
export function leastSquaresByQR(r: readonly number[], columns: readonly (readonly number[])[]): number[] {
  const basis: { readonly q: readonly number[]; readonly row: readonly number[]; readonly column: number }[] = []
  columns.forEach((c, column) => {
    const length = norm(c)
    if (!(length > 0)) return
    let q = c.map((v) => v / length)
    const row = basis.map(() => 0)
    for (let pass = 0; pass < 2; pass++)
      basis.forEach((b, k) => {
        const s = dot(b.q, q)
        row[k]! += s
        q = minus(q, b.q, s)
      })
    const rest = norm(q)
    if (!(rest > 1e-12)) return
    basis.push({ q: q.map((v) => v / rest), row: [...row, rest].map((v) => v * length), column })
  })
  const gamma = columns.map(() => 0)
  for (let i = basis.length - 1; i >= 0; i--) {
    let s = dot(basis[i]!.q, r)
    for (let j = i + 1; j < basis.length; j++) s -= basis[j]!.row[i]! * gamma[basis[j]!.column]!
    gamma[basis[i]!.column] = s / basis[i]!.row[i]!
  }
  return gamma
}

/** Relative residual at each evaluation of `G`, until the tolerance is met. The state passes through `round` before each. */
export function andersonByQR(
  G: (z: readonly number[]) => readonly number[],
  start: readonly number[],
  { memory = 5, mixing = 1, tolerance, most }: ReferenceOptions,
  round: (v: number) => number = (v) => v,
): number[] {
  const residuals: number[] = []
  let z = start.map(round)
  let last: { readonly z: readonly number[]; readonly r: readonly number[] } | undefined
  let dz: number[][] = []
  let dr: number[][] = []
  while (residuals.length < most) {
    const r = minus(G(z), z)
    residuals.push(norm(r) / Math.max(norm(z), 1))
    if (!(residuals.at(-1)! > tolerance)) break
    if (last) {
      dz = [minus(z, last.z), ...dz].slice(0, memory)
      dr = [minus(r, last.r), ...dr].slice(0, memory)
    }
    last = { z, r }
    const gamma = leastSquaresByQR(r, dr)
    const next = z.map(
      (v, i) => v + mixing * r[i]! - gamma.reduce((s, g, k) => s + g * (dz[k]![i]! + mixing * dr[k]![i]!), 0),
    )
    z = next.map(round)
  }
  return residuals
}
