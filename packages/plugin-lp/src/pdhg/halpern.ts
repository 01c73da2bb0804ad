import type { Prepared } from './prepare.ts'
import { type HostState, type RestartOptions, shouldRestart, updateWeight } from './host.ts'

export interface Workspace {
  readonly yBar: Float64Array
  readonly yNext: Float64Array
  readonly dualNext: Float64Array
}
export const workspace = ({ m, n }: Prepared): Workspace => ({
  yBar: new Float64Array(n),
  yNext: new Float64Array(n),
  dualNext: new Float64Array(m),
})

/**
 * `steps` steps of reflected Halpern on the PDHG map `T`, in place:
 * `z ← w (2 T(z) − z) + (1 − w) z₀`, `w = (k + 1)/(k + 2)`.
 */
function run(p: Prepared, s: HostState, work: Workspace, steps: number, tau: number, sigma: number): void {
  const { m, n, c, lower, upper, rowLower, rowUpper } = p
  const { starts: rs, indices: ri, values: rv } = p.rows
  const { starts: cs, indices: ci, values: cv } = p.columns
  const { yIterate: y, dualIterate: l, yAnchor: y0, dualAnchor: l0 } = s
  const { yBar } = work
  for (let step = 0; step < steps; step++) {
    const w = (s.inEpoch + 1) / (s.inEpoch + 2)
    const v = 1 - w
    for (let j = 0, e = 0; j < n; j++) {
      let g = c[j]!
      for (const end = cs[j + 1]!; e < end; e++) g -= cv[e]! * l[ci[e]!]!
      const old = y[j]!
      let t = old - tau * g
      if (t < lower[j]!) t = lower[j]!
      else if (t > upper[j]!) t = upper[j]!
      const bar = 2 * t - old
      yBar[j] = bar
      y[j] = w * bar + v * y0[j]!
    }
    for (let i = 0, e = 0; i < m; i++) {
      let a = 0
      for (const end = rs[i + 1]!; e < end; e++) a += rv[e]! * yBar[ri[e]!]!
      const old = l[i]!
      const u = old - sigma * a
      const low = u + sigma * rowLower[i]!
      const high = u + sigma * rowUpper[i]!
      const t = low > 0 ? low : high < 0 ? high : 0
      l[i] = w * (2 * t - old) + v * l0[i]!
    }
    s.inEpoch++
  }
  s.total += steps
}

/** `T(z)` into the workspace; returns `‖z − T(z)‖_P`, `P = [[1/τ, Âᵀ], [Â, 1/σ]]`. */
export function pdhgStep(p: Prepared, s: HostState, work: Workspace, tau: number, sigma: number): number {
  const { m, n, c, lower, upper, rowLower, rowUpper } = p
  const { starts: rs, indices: ri, values: rv } = p.rows
  const { starts: cs, indices: ci, values: cv } = p.columns
  const { yIterate: y, dualIterate: l } = s
  const { yBar, yNext, dualNext } = work
  let dy = 0
  for (let j = 0, e = 0; j < n; j++) {
    let g = c[j]!
    for (const end = cs[j + 1]!; e < end; e++) g -= cv[e]! * l[ci[e]!]!
    const t = Math.min(upper[j]!, Math.max(lower[j]!, y[j]! - tau * g))
    const d = t - y[j]!
    dy += d * d
    yNext[j] = t
    yBar[j] = d
  }
  let dl = 0
  let cross = 0
  for (let i = 0, e = 0; i < m; i++) {
    let a = 0 // Â(T(y) − y)
    let now = 0 // Â y
    for (const end = rs[i + 1]!; e < end; e++) {
      const j = ri[e]!
      a += rv[e]! * yBar[j]!
      now += rv[e]! * y[j]!
    }
    const old = l[i]!
    const u = old - sigma * (now + 2 * a)
    const low = u + sigma * rowLower[i]!
    const high = u + sigma * rowUpper[i]!
    const t = low > 0 ? low : high < 0 ? high : 0
    const d = t - old
    dl += d * d
    cross += d * a
    dualNext[i] = t
  }
  return Math.sqrt(Math.max(0, dy / tau + 2 * cross + dl / sigma))
}

/** From `T(z)` in the workspace to the next iterate, and `T(z)` itself to the answer. */
function accept(s: HostState, work: Workspace): void {
  const w = (s.inEpoch + 1) / (s.inEpoch + 2)
  const move = (z: Float64Array, t: Float64Array, z0: Float64Array) => {
    for (let j = 0; j < z.length; j++) z[j] = w * (2 * t[j]! - z[j]!) + (1 - w) * z0[j]!
  }
  s.y.set(work.yNext)
  s.dual.set(work.dualNext)
  move(s.yIterate, work.yNext, s.yAnchor)
  move(s.dualIterate, work.dualNext, s.dualAnchor)
  s.inEpoch++
  s.total++
}

/** Reflected, restarted Halpern: `steps` inner steps, the restart decision after the last. In place. */
export function halpern(
  p: Prepared,
  s: HostState,
  work: Workspace,
  { steps, restart }: { readonly steps: number; readonly restart: RestartOptions },
): void {
  const eta = s.stepSize / p.norm
  const tau = eta / Math.exp(s.logWeight)
  const sigma = eta * Math.exp(s.logWeight)
  let left = steps
  if (s.first === 0) {
    s.first = pdhgStep(p, s, work, tau, sigma)
    accept(s, work)
    left--
  }
  if (left <= 0) return
  run(p, s, work, left - 1, tau, sigma)
  const measure = pdhgStep(p, s, work, tau, sigma)
  accept(s, work)
  if (shouldRestart(s, measure, restart)) {
    updateWeight(p, s)
    s.yIterate.set(s.y)
    s.dualIterate.set(s.dual)
    s.yAnchor.set(s.y)
    s.dualAnchor.set(s.dual)
    s.inEpoch = 0
    s.first = 0
    s.last = 0
  } else s.last = measure
}
