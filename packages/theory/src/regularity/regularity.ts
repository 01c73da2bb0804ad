import * as tf from '@tensorflow/tfjs-core'
import type { Operator, Report, TensorTree, Vector } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { EquilibriaError, linearize, offTape, packing, scoped } from '@equilibria/tensor'
import { startRows } from '../krylov/rows.ts'
import { topSingular, type TopSingularOptions } from '../krylov/top-singular.ts'
import { short } from '../words.ts'
import { logSlope, upperEnvelope } from './envelope.ts'

/** Inputs at one distance from where the domain ends. */
export interface NearBoundary<X extends TensorTree> {
  readonly distance: number
  readonly input: X
}

/** Where to probe, and what to reject. */
export interface RegularityOptions<X extends TensorTree> {
  /** Norms of the states probed, ascending. Default `0, 0.01, 0.1, 1, 10, 100, 1000`. */
  readonly radii?: readonly number[]
  /** Random directions of `y` per radius, and their opposites. Default `2`. */
  readonly directions?: number
  /** Inputs that approach the boundary of `X` (where it is open), log-spaced distances. Default none. */
  readonly boundary?: readonly NearBoundary<X>[]
  /** Reject when `Lip_x` grows faster than `‖y‖` to this power. Default `1.1`. */
  readonly growth?: number
  /** Reject when `Lip_x` at fixed `‖y‖` grows towards the boundary faster than distance to this power. Default `-0.1`. */
  readonly blowUp?: number
  readonly norm?: TopSingularOptions
  /** Default `0`. */
  readonly seed?: number
}

/** One point `(y, x)`, on record because it is the worst, or breaks a condition. */
export interface RegularityWitness {
  readonly condition: 'lipschitz-in-x' | 'growth-in-y' | 'contraction-in-y'
  /** Row of the input (of the inputs given, or of those at `distance`). */
  readonly row: number
  /** Distance to the boundary, for inputs that were given with one. */
  readonly distance: number | null
  readonly radius: number
  readonly state: readonly number[]
  readonly value: number
}

/** What was probed and found. */
export interface RegularityDetail {
  /** `L₀` and `L₁` of the upper envelope `Lip_x G(y, ·) ≤ L₀ + L₁‖y‖` over everything probed. */
  readonly constant: number
  readonly slope: number
  /** The largest `‖∂_y G‖₂` seen. */
  readonly modulus: number
  /** The same per radius: `[‖y‖, Lip_x, μ]`. */
  readonly shells: readonly (readonly [number, number, number])[]
  /** Per distance, ascending: `[distance, Lip_x at the smallest radius where it is not 0, μ]`. */
  readonly boundary: readonly (readonly [number, number, number])[]
  /** Log–log slope of `Lip_x` against `‖y‖` at the larger radii; `NaN` where it is 0. Regular: at most 1. */
  readonly growthExponent: number
  /** Log–log slope of `Lip_x` against the distance to the boundary; `NaN` without one. Regular: 0. */
  readonly boundaryExponent: number
  readonly witness: RegularityWitness
  readonly probes: number
}

/**
 * Is the operator regular, in the sense of the paper whose theorem says that regular operators represent exactly the
 * locally Lipschitz maps? Two conditions: (i) for fixed `y`, `x ↦ G(y, x)` is Lipschitz on the whole of `X`, with a constant
 * that grows at most linearly, `Lip_x ≤ L₀ + L₁‖y‖`; (ii) for fixed `x`, `y ↦ G(y, x)` is a contraction, `μ(x) < 1`, for
 * *every* `y`.
 *
 * Probed at the inputs given, on shells `‖y‖ = r`, and towards the boundary of `X`: `‖∂_x G‖₂` and `‖∂_y G‖₂` by
 * Golub–Kahan; `L₀, L₁` from the upper envelope. `fails` comes with the point that breaks a condition: `Lip_x` grows faster
 * than `‖y‖`, or grows towards the boundary, or `‖∂_y G‖₂ > 1`. `holds` is an observation: a probe cannot prove it.
 *
 * Value: the largest `μ`. In another norm than the 2-norm an operator may be regular where this fails.
 *
 * @cost per radius, direction and set of inputs: two recorded evaluations, and at most `2 · 30` products with each of the
 * two Jacobians
 * @throws EquilibriaError `option` on radii that are not ascending and `≥ 0`, or no whole number of directions
 * @cite liu2026
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator } from '@equilibria/core'
 * import { regularity } from '@equilibria/theory'
 *
 * // Averaging towards 1/x: its slope in x is η/x², unbounded on (0, 1].
 * const naive = defineOperator({
 *   name: 'naive',
 *   initial: (x: tf.Tensor2D) => tf.zerosLike(x),
 *   apply: (y, x) => tf.add(tf.mul(y, 0.5), tf.div(0.5, x)),
 * })
 * const boundary = [1e-1, 1e-2, 1e-3].map((distance) => ({ distance, input: tf.tensor2d([[distance]]) }))
 * console.log(regularity(naive, tf.tensor2d([[1]]), { boundary }).statement) // Not regular: …
 * ```
 */
export function regularity<S extends TensorTree, X extends TensorTree>(
  operator: Operator<S, X>,
  input: X,
  options: RegularityOptions<X> = {},
): Report<RegularityDetail> {
  const {
    radii = [0, 0.01, 0.1, 1, 10, 100, 1000],
    directions = 2,
    boundary = [],
    growth = 1.1,
    blowUp = -0.1,
  } = options
  requireWhole('regularity({ directions })', directions, 1)
  if (radii.length === 0 || radii.some((r, i) => !(r >= 0) || !(i === 0 || r > radii[i - 1]!)))
    throw new EquilibriaError('option', `The radii are ${radii.join(', ')}.`, 'Pass lengths ≥ 0, ascending.')
  boundary.forEach(({ distance }) => requireRange('regularity({ boundary: distance })', distance, Number.MIN_VALUE))
  const sets = [{ distance: null, input }, ...boundary]
  const probes = offTape(() =>
    sets.flatMap((set) =>
      radii.flatMap((radius) =>
        Array.from({ length: radius === 0 ? 1 : 2 * directions }, (_, k) =>
          probe(operator, set.input, radius, (options.seed ?? 0) + (k >> 1), k % 2 === 0 ? 1 : -1, options.norm),
        ).flatMap((rows) => rows.map((one) => ({ ...one, distance: set.distance, radius }))),
      ),
    ),
  )
  return report(probes, { growth, blowUp, batch: packing(input).batch })
}

interface Probe {
  readonly row: number
  readonly state: readonly number[]
  /** `‖∂_x G‖₂`. */
  readonly slope: number
  /** `‖∂_y G‖₂`. */
  readonly modulus: number
  readonly distance: number | null
  readonly radius: number
}

function probe<S extends TensorTree, X extends TensorTree>(
  operator: Operator<S, X>,
  input: X,
  radius: number,
  seed: number,
  sign: number,
  norm?: TopSingularOptions,
): Omit<Probe, 'distance' | 'radius'>[] {
  return scoped(() => {
    const inputs = packing(input)
    const own = operator.bind(input).initial()
    const states = packing(own)
    const values = Float32Array.from(startRows(states.batch, states.size, seed), (x) => sign * radius * x)
    const y = tf.tensor2d(values, [states.batch, states.size])
    const state = states.unpack(y)
    const top = (f: (v: Vector) => Vector, at: Vector): Float64Array => {
      const linear = linearize(f, at)
      try {
        return topSingular(linear, at, norm).values
      } finally {
        linear.dispose()
      }
    }
    const apply = (x: X, s: S): Vector => states.pack(operator.bind(x).apply(s) as unknown as S) // Loose<S>
    const slopes = top((x) => apply(inputs.unpack(x), state), inputs.pack(input))
    const moduli = top((z) => apply(input, states.unpack(z)), y)
    return Array.from(slopes, (slope, row) => ({
      row,
      slope,
      modulus: moduli[row]!,
      state: Array.from(values.subarray(row * states.size, (row + 1) * states.size)),
    }))
  })
}

const largest = (probes: readonly Probe[], of: (p: Probe) => number): number =>
  probes.reduce((most, p) => Math.max(most, of(p)), 0)
const distinct = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b)

function report(
  probes: readonly Probe[],
  { growth, blowUp, batch }: { growth: number; blowUp: number; batch: number },
): Report<RegularityDetail> {
  const shells = distinct(probes.map(({ radius }) => radius)).map((radius) => {
    const here = probes.filter((p) => p.radius === radius)
    return [radius, largest(here, (p) => p.slope), largest(here, (p) => p.modulus)] as const
  })
  const { constant, slope } = upperEnvelope(shells.map(([r, value]) => [r, value]))
  const positive = shells.filter(([r, value]) => r > 0 && value > 0)
  const growthExponent = logSlope(positive.slice(-3).map(([r, value]) => [r, value]))
  const near = probes.filter((p) => p.distance !== null)
  // At the smallest radius where it shows: larger states may hide a blow-up behind L₁‖y‖.
  const shown = distinct(near.filter((p) => p.slope > 0).map(({ radius }) => radius))[0]
  const boundary = distinct(near.map((p) => p.distance!)).map((distance) => {
    const here = near.filter((p) => p.distance === distance)
    return [
      distance,
      largest(
        here.filter((p) => p.radius === shown),
        (p) => p.slope,
      ),
      largest(here, (p) => p.modulus),
    ] as const
  })
  const boundaryExponent = logSlope(boundary.map(([distance, value]) => [distance, value]))
  const modulus = largest(probes, (p) => p.modulus)
  const broken = probes.some((p) => !Number.isFinite(p.slope + p.modulus))
  const steepest = probes.reduce((a, b) => (b.slope > a.slope ? b : a))
  const weakest = probes.reduce((a, b) => (b.modulus > a.modulus ? b : a))
  const nearest = near
    .filter((p) => p.radius === shown && p.distance === boundary[0]?.[0])
    .reduce<Probe | undefined>((a, b) => (a && a.slope >= b.slope ? a : b), undefined)
  const witness = (p: Probe, condition: RegularityWitness['condition'], value: number): RegularityWitness => ({
    condition,
    value,
    row: p.row,
    distance: p.distance,
    radius: p.radius,
    state: p.state,
  })
  // float32: a modulus of 1 − 1e-8 comes out as 1.
  const expands = modulus > 1 + 1e-5
  const failed =
    nearest && boundaryExponent < blowUp
      ? {
          words: `Lip_x G(y, ·) grows like distance^${short(boundaryExponent)} towards the boundary of X (${short(nearest.slope)} at distance ${nearest.distance}, ‖y‖ = ${nearest.radius})`,
          witness: witness(nearest, 'lipschitz-in-x', nearest.slope),
        }
      : growthExponent > growth
        ? {
            words: `Lip_x G(y, ·) grows like ‖y‖^${short(growthExponent)}, more than linearly`,
            witness: witness(steepest, 'growth-in-y', steepest.slope),
          }
        : expands
          ? {
              words: `G(·, x) is no contraction for every y: ‖∂G/∂y‖₂ = ${short(modulus)} at ‖y‖ = ${weakest.radius}`,
              witness: witness(weakest, 'contraction-in-y', weakest.modulus),
            }
          : undefined
  const limit = modulus > 1 - 1e-6 ? ' (1 to rounding: μ(x) → 1 is allowed only towards the boundary)' : ''
  const interior = largest(
    probes.filter((p) => p.distance === null),
    (p) => p.modulus,
  )
  const verdict = broken ? 'unknown' : failed ? 'fails' : interior > 1 - 1e-6 ? 'unknown' : 'holds'
  return {
    kind: 'report',
    property: 'regularity',
    verdict,
    evidence: 'observation',
    value: modulus,
    statement: broken
      ? 'Regularity was not decided: a derivative was not finite at a point probed.'
      : failed
        ? `Not regular: ${failed.words}.`
        : `Nothing probed contradicts regularity: Lip_x G(y, ·) ≤ ${short(constant)} + ${short(slope)} ‖y‖, and μ ≤ ${short(modulus)}${limit}.`,
    assumptions: [
      `Probed ${probes.length} points: ${batch} inputs${near.length > 0 ? ` and ${boundary.length} distances from the boundary` : ', none of them pushed to the boundary of X'}, ${shells.length} norms of y.`,
      'Norms are 2-norms; a contraction in another norm can fail here.',
    ],
    sources: ['liu2026'],
    detail: {
      constant,
      slope,
      modulus,
      shells,
      boundary,
      growthExponent,
      boundaryExponent,
      witness: failed?.witness ?? witness(weakest, 'contraction-in-y', weakest.modulus),
      probes: probes.length,
    },
  }
}
