import type { Workspace } from './halpern.ts'
import { type HostState, type RestartOptions, shouldRestart, updateWeight } from './host.ts'
import { type Prepared, scaledKkt } from './prepare.ts'

/** `√(ω² primal² + dual² / ω² + gap²)`, relative parts, in the units of the program. */
function measure(p: Prepared, y: Float64Array, dual: Float64Array, weight: number): number {
  const kkt = scaledKkt(p, y, dual)
  return Math.hypot(weight * kkt.primal, kkt.dual / weight, kkt.gap)
}

/**
 * PDHG with the adaptive step size of PDLP, averaged with weights `η`, in place: a step is taken again with a smaller
 * `η` when `η > η̄ = (ω‖Δŷ‖² + ‖Δλ̂‖²/ω) / (2 |Δλ̂ᵀ Â Δŷ|)`, and
 * `η ← min((1 − (k + 1)^-0.3) η̄, (1 + (k + 1)^-0.6) η)`. After `steps` steps the better of iterate and average, by
 * weighted KKT error, is where a restart would go.
 *
 * @cite applegate2021
 */
export function average(
  p: Prepared,
  s: HostState,
  work: Workspace,
  { steps, restart }: { readonly steps: number; readonly restart: RestartOptions },
): void {
  const { m, n, c, lower, upper, rowLower, rowUpper } = p
  const { starts: rs, indices: ri, values: rv } = p.rows
  const { starts: cs, indices: ci, values: cv } = p.columns
  const { yIterate: y, dualIterate: l, y: yMean, dual: lMean } = s
  const { yNext, dualNext } = work
  const omega = Math.exp(s.logWeight)
  const rowProduct = (x: Float64Array, i: number): number => {
    let a = 0
    for (let e = rs[i]!; e < rs[i + 1]!; e++) a += rv[e]! * x[ri[e]!]!
    return a
  }
  const now = Float64Array.from({ length: m }, (_, i) => rowProduct(y, i))
  const next = new Float64Array(m)
  if (s.first === 0) s.first = measure(p, y, l, omega)
  for (let left = steps; left > 0; left--) {
    const eta = s.stepSize / p.norm
    const tau = eta / omega
    const sigma = eta * omega
    let dy = 0
    for (let j = 0, e = 0; j < n; j++) {
      let g = c[j]!
      for (const end = cs[j + 1]!; e < end; e++) g -= cv[e]! * l[ci[e]!]!
      const t = Math.min(upper[j]!, Math.max(lower[j]!, y[j]! - tau * g))
      dy += (t - y[j]!) ** 2
      yNext[j] = t
    }
    let dl = 0
    let cross = 0
    for (let i = 0; i < m; i++) {
      next[i] = rowProduct(yNext, i)
      const u = l[i]! - sigma * (2 * next[i]! - now[i]!)
      const low = u + sigma * rowLower[i]!
      const high = u + sigma * rowUpper[i]!
      const t = low > 0 ? low : high < 0 ? high : 0
      dl += (t - l[i]!) ** 2
      cross += (t - l[i]!) * (next[i]! - now[i]!)
      dualNext[i] = t
    }
    s.total++
    const limit = cross === 0 ? Number.POSITIVE_INFINITY : (omega * dy + dl / omega) / (2 * Math.abs(cross))
    const k = s.total + 1
    const best = Math.min((1 - k ** -0.3) * limit, (1 + k ** -0.6) * eta)
    s.stepSize = best * p.norm
    if (eta > limit) continue
    s.averaged += eta
    const share = eta / s.averaged
    for (let j = 0; j < n; j++) {
      y[j] = yNext[j]!
      yMean[j]! += share * (yNext[j]! - yMean[j]!)
    }
    for (let i = 0; i < m; i++) {
      l[i] = dualNext[i]!
      now[i] = next[i]!
      lMean[i]! += share * (dualNext[i]! - lMean[i]!)
    }
    s.inEpoch++
  }
  const ofMean = measure(p, yMean, lMean, omega)
  const ofIterate = measure(p, y, l, omega)
  const best = Math.min(ofMean, ofIterate)
  if (!shouldRestart(s, best, restart)) {
    s.last = best
    return
  }
  if (ofIterate < ofMean) {
    yMean.set(y)
    lMean.set(l)
  }
  updateWeight(p, s)
  y.set(yMean)
  l.set(lMean)
  s.yAnchor.set(yMean)
  s.dualAnchor.set(lMean)
  s.inEpoch = 0
  s.averaged = 0
  s.first = 0
  s.last = 0
}
