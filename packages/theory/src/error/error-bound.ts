import * as tf from '@tensorflow/tfjs-core'
import type { Analyzer, Problem, Report, Vector } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { offTape, scoped } from '@equilibria/tensor'
import { distances } from '../host.ts'
import { hostGmres } from '../krylov/gmres.ts'
import { hostProduct } from '../krylov/rows.ts'
import { quantile, sorted } from '../statistics/quantile.ts'
import { short } from '../words.ts'

export interface ErrorBoundOptions {
  /**
   * `correction` (default): the Newton correction, by GMRES on `I − J`. `ratios`: a few Picard steps, and the largest of
   * the last three ratios of their lengths as modulus. A `modulus` needs neither.
   */
  readonly method?: 'correction' | 'ratios'
  /** A contraction modulus known for certain, in the 2-norm. Default the operator's trait `lipschitz`, if below 1. */
  readonly modulus?: number
  /** Most products with `J`, or Picard steps. Default `30` (`correction`) or `4` (`ratios`). */
  readonly steps?: number
  /** Factor on an estimate. Default `1.1`. */
  readonly safety?: number
}

/** Distances to the equilibrium, per sample. */
export interface ErrorBoundDetail {
  readonly method: 'correction' | 'modulus' | 'ratios'
  /** Per sample: `‖z − z*‖₂` is at most this. `Infinity` where nothing can be said. */
  readonly error: Float64Array
  /** `‖G(z) − z‖₂`. */
  readonly residual: Float64Array
  /** Error over residual: how much a residual understates the error. */
  readonly amplification: Float64Array
  /** The modulus that was given or seen; `NaN` for `correction`. */
  readonly modulus: Float64Array
}

/**
 * How far is `z` from the equilibrium? Per sample, from the residual `r = G(z) − z`:
 *
 * - with a known modulus, `‖z − z*‖ ≤ (‖r‖ + ρ)/(1 − μ)`, a bound but for float32: `ρ` allows for 8 roundings of `‖z‖`;
 * - `correction`: `d = (I − J)⁻¹r`, and the residual `r′` at `z + d` shows how far linearising holds:
 *   `safety · (‖d‖ + 3κ(‖r′‖ + ρ))`, `κ = max(‖d‖/‖r‖, 1)`;
 * - `ratios`: `safety · ‖r‖/(1 − μ̂)`, `μ̂` the largest of the last three ratios of Picard step lengths.
 *
 * Measured on random tanh layers after 1 to 25 Picard steps: `correction` covered all of 500, in the middle 1.12 times too
 * large; `ratios` more than 99 % of those it spoke of, 3.2 times, and it says nothing (`Infinity`) where steps are within
 * rounding.
 *
 * Estimates, not bounds, but for a given modulus: near a fold, or far from the equilibrium, they can be too small. For a
 * proof see `certify`. Value: the largest error. Works for any solver's answer, and for maps that do not contract
 * (`correction`), where it speaks of the equilibrium that Newton's method would reach.
 *
 * @cost known modulus: 1 evaluation. `correction`: 3 evaluations, one of them recorded, and at most `steps` products with
 * `J`. `ratios`: `steps + 1` evaluations
 * @throws EquilibriaError `option` on settings that are not usable
 * @cite banach1922
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { bindProblem, defineOperator, referenceKernels } from '@equilibria/core'
 * import { errorBound } from '@equilibria/theory'
 *
 * const slow = defineOperator({
 *   name: 'slow',
 *   initial: (x: tf.Tensor2D) => tf.zerosLike(x),
 *   apply: (z, x) => tf.add(tf.mul(z, 0.99), x),
 * })
 * const { problem, start } = bindProblem(slow, tf.ones([1, 1]), referenceKernels)
 * console.log(errorBound().analyze(problem, start).value) // about 110: the residual is 1, the equilibrium at 100
 * ```
 */
export function errorBound(options: ErrorBoundOptions = {}): Analyzer<ErrorBoundDetail> {
  const { method = 'correction', safety = 1.1 } = options
  const steps = options.steps ?? (method === 'correction' ? 30 : 4)
  requireWhole('errorBound({ steps })', steps, method === 'ratios' ? 2 : 1)
  requireRange('errorBound({ safety })', safety, 1)
  if (options.modulus !== undefined) requireRange('errorBound({ modulus })', options.modulus, 0, 1 - 2 ** -53)
  return {
    kind: 'analyzer',
    spec: 1,
    name: 'error-bound',
    analyze: (problem, z) =>
      offTape(() =>
        scoped(() => {
          const declared = problem.traits.lipschitz
          const modulus = options.modulus ?? (declared !== undefined && declared < 1 ? declared : undefined)
          if (modulus !== undefined) return report(fromModulus(problem, z, modulus))
          return report(
            method === 'correction' ? fromCorrection(problem, z, steps, safety) : fromRatios(problem, z, steps, safety),
          )
        }),
      ),
  }
}

const host = (v: Vector): Float64Array => Float64Array.from(v.dataSync())
const lengths = (v: Float64Array, batch: number): Float64Array => distances(batch, [v as unknown as Float32Array])
const minus = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, i) => x - b[i]!)
/** What rounding to float32 may hide: a few roundings of every entry of `z`. */
const rounding = (z: Float64Array, batch: number): Float64Array => lengths(z, batch).map((x) => 8 * 2 ** -24 * x)

function fromModulus(problem: Problem, z: Vector, modulus: number): ErrorBoundDetail {
  const [here, batch] = [host(z), problem.batch]
  const residual = lengths(minus(host(problem.apply(z)), here), batch)
  const slack = rounding(here, batch)
  return detailOf(
    'modulus',
    residual.map((r, b) => ((r + slack[b]!) / (1 - modulus)) * (1 + 1e-12)),
    residual,
    () => modulus,
  )
}

function fromRatios(problem: Problem, z: Vector, steps: number, safety: number): ErrorBoundDetail {
  const batch = problem.batch
  const moves: Float64Array[] = []
  let [at, here] = [z, host(z)]
  const slack = rounding(here, batch)
  for (let k = 0; k <= steps; k++) {
    at = problem.apply(at)
    const next = host(at)
    moves.push(lengths(minus(next, here), batch))
    here = next
  }
  const modulus = moves[0]!.map((_, b) => {
    // A step within rounding says nothing about the modulus.
    const ratios = moves
      .slice(1)
      .flatMap((move, k) => (moves[k]![b]! > 4 * slack[b]! ? [move[b]! / moves[k]![b]!] : []))
    return ratios.length === 0 ? Number.NaN : Math.max(...ratios.slice(-3))
  })
  return detailOf(
    'ratios',
    moves[0]!.map((r, b) =>
      modulus[b]! < 1 ? (safety * (r + slack[b]!)) / (1 - modulus[b]!) : Number.POSITIVE_INFINITY,
    ),
    moves[0]!,
    (b) => modulus[b]!,
  )
}

function fromCorrection(problem: Problem, z: Vector, steps: number, safety: number): ErrorBoundDetail {
  const { batch, size } = problem
  const here = host(z)
  const linear = problem.linearize(z)
  let correction: Float64Array
  let r: Float64Array
  try {
    r = minus(host(linear.value), here)
    const jacobian = hostProduct((v) => linear.jvp(v), batch)
    correction = hostGmres((v) => minus(v, jacobian(v)), r, batch, steps, 1e-3).solution
  } finally {
    linear.dispose()
  }
  const at = tf.tensor2d(
    Float32Array.from(here, (x, i) => x + correction[i]!),
    [batch, size],
  )
  const rest = lengths(minus(host(problem.apply(at)), host(at)), batch)
  const [residual, moved, slack] = [lengths(r, batch), lengths(correction, batch), rounding(here, batch)]
  const error = residual.map((length, b) => {
    const kappa = Math.max(length > 0 ? moved[b]! / length : 1, 1)
    const value = safety * (moved[b]! + 3 * kappa * (rest[b]! + slack[b]!))
    // Where linearising made things worse, its answer says nothing.
    return Number.isFinite(value) && !(rest[b]! > length + slack[b]!) ? value : Number.POSITIVE_INFINITY
  })
  return detailOf('correction', error, residual, () => Number.NaN)
}

function detailOf(
  method: ErrorBoundDetail['method'],
  error: Float64Array,
  residual: Float64Array,
  modulus: (b: number) => number,
): ErrorBoundDetail {
  const finite = error.map((e) => (Number.isNaN(e) ? Number.POSITIVE_INFINITY : e))
  return {
    method,
    error: finite,
    residual,
    amplification: finite.map((e, b) => e / residual[b]!),
    modulus: residual.map((_, b) => modulus(b)),
  }
}

function report(detail: ErrorBoundDetail): Report<ErrorBoundDetail> {
  const value = detail.error.reduce((a, b) => Math.max(a, b), 0)
  const n = detail.error.length
  const silent = detail.error.filter((e) => e === Number.POSITIVE_INFINITY).length
  const typical = quantile(sorted(detail.amplification), 0.5)
  return {
    kind: 'report',
    property: 'error-bound',
    verdict: silent === 0 ? 'holds' : 'unknown',
    evidence: detail.method === 'modulus' ? 'bound' : 'estimate',
    value,
    statement:
      silent === 0
        ? `The states are within ${short(value)} of their equilibria (largest of ${n}; typically ${short(typical)} times the residual).`
        : `For ${silent} of ${n} samples nothing can be said about the distance to an equilibrium.`,
    assumptions: {
      modulus: ['The modulus given holds in the 2-norm, everywhere.', 'G is evaluated to 8 float32 roundings of ‖z‖.'],
      correction: ['G is differentiable, and the equilibrium is where Newton’s method from z would go.'],
      ratios: ['Picard steps go on shrinking as the last few did.'],
    }[detail.method],
    sources: ['banach1922'],
    detail,
  }
}
