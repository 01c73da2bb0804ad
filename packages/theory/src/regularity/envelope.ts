/**
 * The line `L₀ + L₁ r` above all points `(r, L)`, with `L₀, L₁ ≥ 0`, that exceeds them least on the whole: a linear program
 * in two unknowns, solved at its vertices. Excess is counted relatively, so that small radii weigh as much as large ones.
 */
export function upperEnvelope(points: readonly (readonly [number, number])[]): {
  readonly constant: number
  readonly slope: number
} {
  const usable = points.filter(([r, value]) => Number.isFinite(r) && Number.isFinite(value))
  if (usable.length === 0) return { constant: Number.NaN, slope: Number.NaN }
  // One point per radius: the highest.
  const top = new Map<number, number>()
  for (const [r, value] of usable) top.set(r, Math.max(value, top.get(r) ?? 0))
  const hull = [...top]
  const most = Math.max(...top.values())
  const weight = (value: number): number => 1 / Math.max(value, 1e-6 * most, 1e-300)
  const candidates: [number, number][] = [[most, 0]]
  // Through the origin: the steepest ray, if no point at radius 0 is above it.
  const rays = hull.filter(([r]) => r > 0).map(([r, value]) => value / r)
  if (rays.length > 0) candidates.push([0, Math.max(...rays)])
  for (const [i, [r1, v1]] of hull.entries())
    for (const [r2, v2] of hull.slice(i + 1)) {
      const slope = (v2 - v1) / (r2 - r1)
      candidates.push([v1 - slope * r1, slope])
    }
  const least = 1e-9 * most
  let best = candidates[0]!
  let cost = Number.POSITIVE_INFINITY
  for (const [constant, slope] of candidates) {
    if (constant < -least || slope < 0 || hull.some(([r, v]) => constant + slope * r < v - least)) continue
    const sum = hull.reduce((s, [r, v]) => s + (constant + slope * r - v) * weight(v), 0)
    if (sum < cost) {
      cost = sum
      best = [Math.max(0, constant), slope]
    }
  }
  return { constant: best[0], slope: best[1] }
}

/** Slope of the least-squares line through `(log x, log y)`; `NaN` with fewer than two positive points. */
export function logSlope(points: readonly (readonly [number, number])[]): number {
  const logs = points
    .filter(([x, y]) => x > 0 && y > 0 && Number.isFinite(x) && Number.isFinite(y))
    .map(([x, y]) => [Math.log(x), Math.log(y)] as const)
  const n = logs.length
  if (n < 2) return Number.NaN
  const [mx, my] = [0, 1].map((k) => logs.reduce((s, p) => s + p[k]!, 0) / n) as [number, number]
  const xx = logs.reduce((s, [x]) => s + (x - mx) ** 2, 0)
  return xx === 0 ? Number.NaN : logs.reduce((s, [x, y]) => s + (x - mx) * (y - my), 0) / xx
}
