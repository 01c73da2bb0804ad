import type { Report } from '@equilibria/spec'
import { requireRange } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import { build } from '../dense/matrix.ts'
import { normBound } from '../dense/positive.ts'
import { short } from '../words.ts'
import { eclipseFast, oneHiddenLayer, proved } from './eclipse.ts'
import { checkedWeights, type FeedForward, scalars } from './feed-forward.ts'
import { type Ball, localBound } from './local.ts'

export interface UpperBoundOptions {
  /** Bound the constant on this ball only. Default: everywhere. */
  readonly ball?: Ball
}

/** Every bound that was computed; the value of the report is the smallest. */
export interface UpperBoundDetail {
  /** `Π ‖W_i‖₂ · sup|φ′|`. */
  readonly product: number
  /** ECLipsE-Fast; `null` for slopes below 0, or where the proof did not go through. */
  readonly eclipse: number | null
  /** One hidden layer with multipliers `tI`; `null` for other depths, and as above. */
  readonly oneHiddenLayer: number | null
  /** On the ball, with pre-activations by intervals and by affine forms; `null` without a ball. */
  readonly interval: number | null
  readonly relaxed: number | null
  readonly method: 'eclipse' | 'interval' | 'oneHiddenLayer' | 'product' | 'relaxed'
}

/**
 * An upper bound on the 2-norm Lipschitz constant of a feed-forward network, everywhere or on a ball: the smallest of the
 * product of layer norms, ECLipsE-Fast, the one-hidden-layer semidefinite bound with `T = tI`, and, on a ball, interval and
 * linear-relaxation bounds on the Jacobian.
 *
 * A real bound: norms and matrix inequalities are proved by a Cholesky factorisation with room for its own rounding, sums
 * are rounded up, in float64. The weights are taken as exact. Slopes in `[0, s]` are divided into the next layer; slopes
 * below 0 (GELU, SiLU) leave the product and the local bounds.
 *
 * For an equilibrium, bound `G`, not the iterates: `Lip(z*) ≤ Lip_x G / (1 − μ)`.
 *
 * @cost no evaluation. Host arithmetic: eigenvalues of the layers' Gram matrices, 50 inversions of the hidden layer for
 * one hidden layer, and one Cholesky of the sum of all widths
 * @throws EquilibriaError `shape` when layers do not fit each other; `option` on an unknown activation or a radius below 0
 * @cite fazlyab2019, rump2006, xu2024, zhang2018
 * @example
 * ```ts
 * import { upperBound } from '@equilibria/theory'
 *
 * // |x| = relu(x) + relu(−x): the product of norms says 2, the truth is 1.
 * const report = upperBound({ layers: [{ weight: [[1], [-1]] }, { weight: [[1, 1]] }], activation: 'relu' })
 * console.log(report.value) // 1.00…
 * ```
 */
export function upperBound(network: FeedForward, options: UpperBoundOptions = {}): Report<UpperBoundDetail> {
  const weights = checkedWeights(network)
  const { ball } = options
  if (ball) {
    requireRange('upperBound({ ball: { radius } })', ball.radius, 0, Number.MAX_VALUE)
    if (ball.centre.length !== weights[0]!.columns)
      throw new EquilibriaError(
        'shape',
        `The centre of the ball has ${ball.centre.length} entries, the network ${weights[0]!.columns} inputs.`,
        'Pass one entry per input.',
      )
  }
  const [least, most] = scalars[network.activation].slopes
  const steepest = Math.max(Math.abs(least), most)
  const product = weights.reduce((all, w, i) => all * normBound(w) * (i === 0 ? 1 : steepest) * (1 + 2 ** -50), 1)
  // φ(v) = s ψ(v) with slopes of ψ in [0, 1]; s goes into the next layer. 1 and ¼ are exact powers of two.
  const scaled = weights.map((w, i) =>
    i === 0 ? w : build(w.rows, w.columns, (r, c) => most * w.data[r * w.columns + c]!),
  )
  const semidefinite = least >= 0 && weights.length > 1
  const fast = semidefinite ? eclipseFast(scaled) : undefined
  const eclipse = (fast && proved(scaled, fast.multipliers, fast.value)) ?? null
  const shallow = semidefinite && weights.length === 2 ? oneHiddenLayer([scaled[0]!, scaled[1]!]) : undefined
  const hidden = (shallow && proved(scaled, shallow.multipliers, shallow.value)) ?? null
  const found = {
    product,
    eclipse,
    oneHiddenLayer: hidden,
    interval: ball ? localBound(network, ball, 'interval') : null,
    relaxed: ball ? localBound(network, ball, 'linear') : null,
  }
  const methods = (Object.keys(found) as (keyof typeof found)[]).filter((key) => found[key] !== null)
  const method = methods.reduce((a, b) => (found[b]! < found[a]! ? b : a))
  const value = found[method]!
  return {
    kind: 'report',
    property: 'lipschitz-upper-bound',
    verdict: Number.isFinite(value) ? 'holds' : 'unknown',
    evidence: 'bound',
    value,
    statement: `The network is ${short(roundUp(value))}-Lipschitz in the 2-norm ${ball ? `on a ball of radius ${short(ball.radius)}` : 'everywhere'} (${words[method]}; the product of layer norms says ${short(roundUp(product))}).`,
    assumptions: [
      'The weights are exact as given, and the network is evaluated exactly: rounding of a float32 run is not included.',
      'The bound itself is rounded upwards in float64.',
    ],
    sources: ['fazlyab2019', 'rump2006', 'xu2024', 'zhang2018'],
    detail: { ...found, method },
  }
}

/** Up to four digits: a bound must not be quoted below itself. */
const roundUp = (value: number): number => {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 3)
  return value > 0 && Number.isFinite(value) ? Math.ceil(value / unit) * unit : value
}

const words = {
  product: 'product of layer norms',
  eclipse: 'ECLipsE-Fast',
  oneHiddenLayer: 'one-hidden-layer matrix inequality',
  interval: 'interval Jacobian',
  relaxed: 'linear relaxation of the Jacobian',
} as const
