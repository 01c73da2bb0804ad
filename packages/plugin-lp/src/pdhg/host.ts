import { type Prepared, scaledKkt } from './prepare.ts'

/** One sample between two applications, in the scaled units of its `Prepared`, float64. */
export interface HostState {
  /** The answer: `T(z)` (Halpern) or the average of the epoch. */
  readonly y: Float64Array
  readonly dual: Float64Array
  /** The iterate `z` itself. */
  readonly yIterate: Float64Array
  readonly dualIterate: Float64Array
  /** Where the epoch began. */
  readonly yAnchor: Float64Array
  readonly dualAnchor: Float64Array
  /** Inner steps since the last restart. */
  inEpoch: number
  /** Inner steps so far. */
  total: number
  /** `ln ω`: `τ = η/ω`, `σ = ηω`. */
  logWeight: number
  /** `η · ‖Â‖₂`. */
  stepSize: number
  /** Restart measure at the beginning of the epoch and at the last look; `0`: not measured yet. */
  first: number
  last: number
  /** Average method: the sum of step sizes in the average. */
  averaged: number
}

export function emptyState(p: Pick<Prepared, 'm' | 'n'>): HostState {
  const { m, n } = p
  return {
    y: new Float64Array(n),
    dual: new Float64Array(m),
    yIterate: new Float64Array(n),
    dualIterate: new Float64Array(m),
    yAnchor: new Float64Array(n),
    dualAnchor: new Float64Array(m),
    inEpoch: 0,
    total: 0,
    logWeight: 0,
    stepSize: 1,
    first: 0,
    last: 0,
    averaged: 0,
  }
}

/** When an epoch ends. */
export interface RestartOptions {
  /** Restart as soon as the measure fell to this share of its first value. Default `0.2`. */
  readonly sufficient: number
  /** … or to this share, when it has begun to grow again. */
  readonly necessary: number
  /** … or when the epoch is longer than this share of all steps so far. Default `0.36`. */
  readonly artificial: number
}

export function shouldRestart(s: HostState, measure: number, options: RestartOptions): boolean {
  const fell = measure <= options.sufficient * s.first
  const turned = measure <= options.necessary * s.first && measure > s.last && s.last > 0
  return fell || turned || s.inEpoch >= options.artificial * s.total
}

/**
 * The primal weight balances the two distances travelled in an epoch: `ln ω ← ½ ln ω + ½ ln(‖Δλ̂‖ / ‖Δŷ‖)`. Where one of
 * the two relative residuals is more than ten times the other, a tenth of the excess, at most 1, is added in favour of
 * the larger.
 *
 * Measured over the 30 Netlib programs when this was chosen, steps to 1e-4 and to 1e-7 (at most 300 000 each): the full
 * step (gain 0.99) 437 k and 1 369 k with 3 unsolved; half steps 555 k and 1 161 k with 1 unsolved; half steps with the
 * correction 333 k and 1 094 k with 1.
 *
 * @cite applegate2021
 */
export function updateWeight(p: Prepared, s: HostState): void {
  let dy = 0
  let dl = 0
  for (let j = 0; j < s.y.length; j++) dy += (s.y[j]! - s.yAnchor[j]!) ** 2
  for (let i = 0; i < s.dual.length; i++) dl += (s.dual[i]! - s.dualAnchor[i]!) ** 2
  dy = Math.sqrt(dy)
  dl = Math.sqrt(dl)
  if (!(dy > 1e-16 && dl > 1e-16 && dy < 1e12 && dl < 1e12)) return
  const kkt = scaledKkt(p, s.y, s.dual)
  // With finite bounds everywhere the dual residual is 0 by construction: that says nothing about balance.
  const ratio = kkt.primal > 1e-13 && kkt.dual > 1e-13 ? Math.log(kkt.primal / kkt.dual) : 0
  const excess = Math.sign(ratio) * Math.max(0, Math.abs(ratio) - Math.LN10)
  const next = 0.5 * s.logWeight + 0.5 * Math.log(dl / dy) + clamp(0.1 * excess, 1)
  if (Number.isFinite(next)) s.logWeight = clamp(next, 30)
}
const clamp = (v: number, size: number): number => Math.min(size, Math.max(-size, v))
