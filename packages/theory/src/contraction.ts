import type { Analyzer, Report } from '@equilibria/spec'
import { type GrowthOptions, spectralRadius } from './power/growth.ts'
import { type TopSingularOptions, topSingular } from './power/top-singular.ts'

export interface ContractionOptions {
  /** For the spectral radius: `50` pullbacks of burn-in and `150` counted unless given. */
  readonly growth?: GrowthOptions
  /** For `‖J‖₂`. */
  readonly norm?: TopSingularOptions
  /** Values within this of 1 decide nothing. Default `1e-3`. */
  readonly margin?: number
}

/** Per sample, at the point given. */
export interface ContractionDetail {
  /** `ρ(J)`: the asymptotic rate of Picard iteration near this point. */
  readonly spectralRadius: Float64Array
  /** `‖J‖₂`: the contraction modulus in the 2-norm. */
  readonly norm: Float64Array
  /** Relative change of `‖J‖₂` in its last power step. */
  readonly change: number
}

/**
 * Is `z ↦ G(z, x)` a contraction around `z`? Per sample `‖J‖₂` by power iteration on `JᵀJ` (`Jv` by central differences,
 * `Jᵀu` from the tape) and the spectral radius by growth, `J = ∂G/∂z`.
 *
 * Verdicts, on the worst sample: `holds` if `‖J‖₂ < 1`; `unknown` if `ρ < 1 ≤ ‖J‖₂` (a contraction in some weighted norm
 * near this point, with possible growth before decay) or if a value is within `margin` of 1; `fails` if `ρ ≥ 1`. Value:
 * the largest `‖J‖₂`. `z`: `[batch, size]`.
 *
 * It looks at one point: a contraction everywhere needs declared structure, or many points.
 *
 * @cost one recorded evaluation, about 80 evaluations and 240 pullbacks
 * @cite kuczynski1992
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { bindProblem, defineOperator, referenceKernels } from '@equilibria/core'
 * import { contraction } from '@equilibria/theory'
 *
 * const half = defineOperator({
 *   name: 'half',
 *   initial: (x: tf.Tensor2D) => tf.zerosLike(x),
 *   apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
 * })
 * const { problem, start } = bindProblem(half, tf.ones([1, 3]), referenceKernels)
 * console.log(contraction().analyze(problem, start).statement) // … contraction … ‖J‖₂ = 0.5
 * ```
 */
export function contraction(options: ContractionOptions = {}): Analyzer<ContractionDetail> {
  const { margin = 1e-3 } = options
  return {
    kind: 'analyzer',
    spec: 1,
    name: 'contraction',
    analyze(problem, z) {
      const linear = problem.linearize(z)
      try {
        const { values: norm, change } = topSingular((at) => problem.apply(at), linear, z, options.norm)
        return report({ norm, change, spectralRadius: spectralRadius(linear, z, options.growth) }, margin)
      } finally {
        linear.dispose()
      }
    },
  }
}

function report(detail: ContractionDetail, margin: number): Report<ContractionDetail> {
  const norm = worst(detail.norm)
  const rho = worst(detail.spectralRadius)
  const n = detail.norm.length
  const figures = `‖J‖₂ = ${short(norm)}, ρ(J) = ${short(rho)}, worst of ${n} ${n === 1 ? 'sample' : 'samples'}`
  const [verdict, words] = judge(norm, rho, margin)
  return {
    kind: 'report',
    property: 'contraction',
    verdict,
    evidence: 'estimate',
    value: norm,
    statement: `${words} (${figures}).`,
    assumptions: [
      'Looked at the points given only; G must be differentiable there.',
      '‖J‖₂ is approached from below; the last power step changed it by ' + short(detail.change) + ' relatively.',
    ],
    sources: ['kuczynski1992'],
    detail,
  }
}

function judge(norm: number, rho: number, margin: number): readonly [Report['verdict'], string] {
  if (!Number.isFinite(norm + rho)) return ['unknown', 'The Jacobian is not finite here']
  if (rho >= 1 + margin) return ['fails', 'Not a contraction in any norm: Picard iteration leaves this point']
  if (norm < 1 - margin) return ['holds', 'A contraction around this point in the 2-norm']
  if (rho < 1 - margin)
    return ['unknown', 'Not a contraction in the 2-norm, but errors near this point do decay, possibly after growing']
  return ['unknown', 'Too close to 1 to tell']
}

/** The largest; NaN if any is. */
const worst = (values: Float64Array): number => values.reduce((a, b) => (b <= a ? a : b), Number.NEGATIVE_INFINITY)
const short = (value: number): string => String(Number(value.toPrecision(4)))
