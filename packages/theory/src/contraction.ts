import type { Analyzer, Problem, Report, Vector } from '@equilibria/spec'
import * as tf from '@tensorflow/tfjs-core'
import { requireRange, requireWhole } from '@equilibria/core'
import { offTape, scoped } from '@equilibria/tensor'
import { denseSpectralRadius, logNorm2, type Matrix, norm2 } from './dense/matrix.ts'
import { type ContractiveNorm, contractiveNorm } from './dense/weighted.ts'
import { rowNorms } from './host.ts'
import { denseJacobian } from './krylov/dense-jacobian.ts'
import { startRows } from './krylov/rows.ts'
import { checkSpectralRadius, spectralRadius, type SpectralRadiusOptions } from './krylov/spectral-radius.ts'
import { symmetricEnds } from './krylov/symmetric-ends.ts'
import { checkTopSingular, topSingular, type TopSingularOptions } from './krylov/top-singular.ts'
import { short, worst } from './words.ts'

export interface ContractionOptions {
  /** For the spectral radius of states beyond `dense`. */
  readonly radius?: SpectralRadiusOptions
  /** For `‖J‖₂` and `μ₂(J)` of states beyond `dense`. */
  readonly norm?: TopSingularOptions
  /** States of at most so many entries get their whole Jacobian, and with it weighted norms. Default `64`. */
  readonly dense?: number
  /** Look also at states this far from `z`, in multiples of `max(‖z‖₂, 1)`, one random direction each. Default none. */
  readonly shells?: readonly number[]
  /** Values within this of 1 decide nothing. Default `1e-3`. */
  readonly margin?: number
  /** Seed of the shells' directions. Default `0`. */
  readonly seed?: number
}

/** Per sample, at the point given. */
export interface ContractionDetail {
  /** What the worst sample is. */
  readonly kind: 'contraction' | 'weighted' | 'monotone' | 'unstable' | 'undecided'
  /** `ρ(J)`: the asymptotic rate of Picard iteration near this point. */
  readonly spectralRadius: Float64Array
  /** `‖J‖₂`: the contraction modulus in the 2-norm, the profile `μ(x)` over the inputs of the batch. */
  readonly norm: Float64Array
  /** `μ₂(J)`: the largest eigenvalue of `½(J + Jᵀ)`. Below 1, `I − J` is monotone with margin `1 − μ₂`. */
  readonly logNorm: Float64Array
  /** A norm in which the Jacobian of this sample shrinks; `null` where none was found or looked for. */
  readonly weighted: readonly (ContractiveNorm | null)[]
  /** `‖J‖₂` further out, where asked for. */
  readonly shells: readonly { readonly radius: number; readonly norm: Float64Array }[]
  /** Relative change of `‖J‖₂` in its last step; 0 from a whole Jacobian. */
  readonly change: number
}

/**
 * Is `z ↦ G(z, x)` a contraction around `z`? Per sample, with `J = ∂G/∂z`: the spectral radius `ρ(J)`, the norm `‖J‖₂`, the
 * logarithmic norm `μ₂(J)`, and where `ρ < 1 ≤ ‖J‖₂`, a weighted norm in which `J` does shrink.
 *
 * Verdicts, on the worst sample: `holds` if `‖J‖₂ < 1`, or in the weighted norm that is reported; `unknown` if `ρ < 1 ≤
 * ‖J‖₂` and no norm was looked for (large states), or if a value is within `margin` of 1; `fails` if `ρ ≥ 1` (there with
 * the word whether `μ₂ < 1`: then damped iteration or forward–backward splitting converges though Picard does not).
 * Value: the largest `‖J‖₂`. `z`: `[batch, size]`; one value per sample is the profile `μ(x)`.
 *
 * It looks at the points given: a contraction everywhere needs declared structure, or many points (`shells`).
 *
 * @cost one recorded evaluation, and `size` pullbacks up to `dense` entries; beyond, at most `30 + 30 + 24` pullbacks and
 * 60 products with `J` and with `Jᵀ` each. Every shell costs one more evaluation and as many products.
 * @throws EquilibriaError `option` on settings that are not usable
 * @cite arnoldi1951, golub1965, soderlind2006
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
  const { margin = 1e-3, dense = 64, shells = [], seed = 0 } = options
  requireRange('contraction({ margin })', margin, 0, 1)
  requireWhole('contraction({ dense })', dense, 0)
  checkSpectralRadius(options.radius ?? {})
  checkTopSingular(options.norm ?? {})
  shells.forEach((radius) => requireRange('contraction({ shells })', radius, 0))
  return {
    kind: 'analyzer',
    spec: 1,
    name: 'contraction',
    analyze: (problem, z) =>
      offTape(() =>
        scoped(() => {
          const here = problem.size <= dense ? fromMatrices(problem, z) : fromProducts(problem, z, options)
          const further = shells.map((radius, k) => {
            const at = outward(z, radius, seed + k)
            return { radius, norm: normAt(problem, at, dense, options.norm) }
          })
          return report({ ...here, shells: further }, margin)
        }),
      ),
  }
}

type Found = Omit<ContractionDetail, 'kind' | 'shells'>

function fromMatrices(problem: Problem, z: Vector): Found {
  const all = withLinear(problem, z, (linear) => denseJacobian(linear, z))
  const norm = Float64Array.from(all, norm2)
  const spectral = Float64Array.from(all, denseSpectralRadius)
  return {
    norm,
    spectralRadius: spectral,
    logNorm: Float64Array.from(all, logNorm2),
    weighted: all.map((j, b) => (norm[b]! >= 1 && spectral[b]! < 1 ? (contractiveNorm(j) ?? null) : null)),
    change: 0,
  }
}

function fromProducts(problem: Problem, z: Vector, options: ContractionOptions): Found {
  return withLinear(problem, z, (linear) => {
    const { values: norm, change } = topSingular(linear, z, options.norm)
    return {
      norm,
      change,
      logNorm: symmetricEnds(linear, z, options.norm).largest,
      spectralRadius: spectralRadius(linear, z, options.radius).values,
      weighted: Array.from(norm, () => null),
    }
  })
}

function normAt(problem: Problem, at: Vector, dense: number, options?: TopSingularOptions): Float64Array {
  return withLinear(problem, at, (linear) =>
    problem.size <= dense
      ? Float64Array.from(denseJacobian(linear, at), (j: Matrix) => norm2(j))
      : topSingular(linear, at, options).values,
  )
}

function withLinear<T>(problem: Problem, z: Vector, fn: (linear: ReturnType<Problem['linearize']>) => T): T {
  const linear = problem.linearize(z)
  try {
    return fn(linear)
  } finally {
    linear.dispose()
  }
}

function outward(z: Vector, radius: number, seed: number): Vector {
  const [batch, size] = z.shape
  const reach = rowNorms(z).map((norm) => radius * Math.max(norm, 1))
  const direction = startRows(batch, size, seed)
  const here = z.dataSync()
  return tf.tensor2d(
    Float32Array.from(direction, (d, i) => here[i]! + reach[Math.floor(i / size)]! * d),
    [batch, size],
  )
}

function report(found: Omit<ContractionDetail, 'kind'>, margin: number): Report<ContractionDetail> {
  const outermost = found.shells.map(({ norm }) => worst(norm))
  const norm = worst(Float64Array.of(worst(found.norm), ...outermost))
  const rho = worst(found.spectralRadius)
  const log = worst(found.logNorm)
  const n = found.norm.length
  const figures = `‖J‖₂ = ${short(norm)}, ρ(J) = ${short(rho)}, μ₂(J) = ${short(log)}, worst of ${n} ${n === 1 ? 'sample' : 'samples'}`
  const needed = found.weighted.filter((_, b) => found.norm[b]! >= 1 - margin)
  const weighted = worst(Float64Array.from(needed, (w) => w?.modulus ?? Number.POSITIVE_INFINITY))
  const { kind, verdict, words } = judge({ norm, rho, log, weighted, here: worst(found.norm) }, margin)
  return {
    kind: 'report',
    property: 'contraction',
    verdict,
    evidence: 'estimate',
    value: norm,
    statement: `${words} (${figures}).`,
    assumptions: [
      `Looked at the ${found.shells.length === 0 ? 'points given only' : 'points given and at one direction per shell'}; G must be differentiable there.`,
      found.change === 0
        ? 'The Jacobian is float32, known entry by entry.'
        : `‖J‖₂ is approached from below; the last step changed it by ${short(found.change)} relatively.`,
    ],
    sources: ['arnoldi1951', 'golub1965', 'soderlind2006'],
    detail: { kind, ...found },
  }
}

interface Worst {
  readonly norm: number
  readonly here: number
  readonly rho: number
  readonly log: number
  readonly weighted: number
}
type Judged = Pick<ContractionDetail, 'kind'> & { readonly verdict: Report['verdict']; readonly words: string }

function judge({ norm, here, rho, log, weighted }: Worst, margin: number): Judged {
  if (!Number.isFinite(norm + rho))
    return { kind: 'undecided', verdict: 'unknown', words: 'The Jacobian is not finite here' }
  if (rho >= 1 + margin)
    return log < 1 - margin
      ? {
          kind: 'monotone',
          verdict: 'fails',
          words:
            'Not a contraction in any norm, but I − J is monotone: damped iteration or forward–backward splitting converges where Picard does not',
        }
      : {
          kind: 'unstable',
          verdict: 'fails',
          words: 'Not a contraction in any norm: Picard iteration leaves this point',
        }
  if (norm < 1 - margin)
    return { kind: 'contraction', verdict: 'holds', words: 'A contraction around this point in the 2-norm' }
  if (here < 1 - margin)
    return {
      kind: 'undecided',
      verdict: 'unknown',
      words: 'A contraction around this point in the 2-norm, but not on the shells around it',
    }
  if (rho < 1 - margin)
    return weighted < 1
      ? {
          kind: 'weighted',
          verdict: 'holds',
          words: `Not a contraction in the 2-norm, but around this point it is one in a weighted norm, with modulus ${short(weighted)}: errors decay, possibly after growing`,
        }
      : {
          kind: 'weighted',
          verdict: 'unknown',
          words: 'Not a contraction in the 2-norm, but errors near this point do decay, possibly after growing',
        }
  return { kind: 'undecided', verdict: 'unknown', words: 'Too close to 1 to tell' }
}
