import { normInfinity } from '../program/csr.ts'
import type { Evaluator } from './kkt.ts'

/** A proof, checked in float64 against the program as it was given, that it has no optimum. */
export interface Certificate {
  /**
   * `farkas`: `vector` is a `λ ∈ ℝᵐ` that proves that no `y` is feasible. `ray`: `vector` is a direction `d ∈ ℝⁿ` along
   * which every feasible `y` stays feasible and improves for ever.
   */
  readonly kind: 'farkas' | 'ray'
  readonly vector: Float64Array
  /** What makes it a proof, after scaling `‖vector‖_∞` to 1: the Farkas value, or `−cᵀd`. Positive. */
  readonly value: number
  /**
   * Largest relative change of a coefficient of the matrix that it would take to make the proof exact: of every sum that
   * should be zero, its size over the sum of the sizes of its terms.
   */
  readonly violation: number
}

/** Largest `violation`, and the share of the sum of its terms' sizes that `value` must exceed. */
const CERTIFICATE = 1e-10
/** Entries smaller than this share of the largest are tried as zeros: float32 iterates seldom end at zero. */
const DUST = 1e-8

/**
 * Is `λ` a Farkas certificate of infeasibility? With `r = −Aᵀλ`, `λᵀ(A y) + rᵀy = 0` for every `y`, while every
 * feasible `y` has `λᵀ(A y) + rᵀy ≥ v`,
 *
 * `v = Σ(λ⁺ rowLower − λ⁻ rowUpper) + Σ(r⁺ lower − r⁻ upper)`,
 *
 * so `v > 0` is a contradiction. Entries of `λ` that press on a missing side are set to 0 first; entries of `r` that
 * press on a missing bound stay out of `v` and must be 0 up to `1e-10` of the sum of the sizes of their terms: then
 * changing coefficients of `A` by at most that share makes the contradiction exact. That does not depend on the units of
 * rows and columns. And `v` must exceed `1e-10` times the sum of the sizes of its terms, so that it is not rounding.
 *
 * @cite applegate2024
 */
export function farkas(of: Evaluator, candidate: ArrayLike<number>): Certificate | undefined {
  const found = farkasAsIs(of, candidate)
  const clean = found ? undefined : withoutDust(candidate)
  return clean ? farkasAsIs(of, clean) : found
}

/** `undefined` when there is none. */
function withoutDust(candidate: ArrayLike<number>): Float64Array | undefined {
  const all = Float64Array.from(candidate)
  const least = DUST * normInfinity(all)
  if (!all.some((v) => v !== 0 && Math.abs(v) < least)) return undefined
  return all.map((v) => (Math.abs(v) < least ? 0 : v))
}

function farkasAsIs(of: Evaluator, candidate: ArrayLike<number>): Certificate | undefined {
  const { program, columns } = of
  const { rows: m, columns: n } = program.matrix
  const lambda = Float64Array.from(candidate)
  for (let i = 0; i < m; i++)
    if (!Number.isFinite(lambda[i]! > 0 ? program.rowLower[i]! : program.rowUpper[i]!)) lambda[i] = 0
  const size = normInfinity(lambda)
  if (!(size > 0) || !Number.isFinite(size)) return undefined
  let value = 0
  let sizes = 0
  for (let i = 0; i < m; i++) {
    lambda[i]! /= size
    const l = lambda[i]!
    if (l === 0) continue
    const term = l * (l > 0 ? program.rowLower[i]! : program.rowUpper[i]!)
    value += term
    sizes += Math.abs(term)
  }
  let violation = 0
  for (let j = 0; j < n; j++) {
    let r = 0
    let terms = 0
    for (let e = columns.starts[j]!; e < columns.starts[j + 1]!; e++) {
      const term = columns.values[e]! * lambda[columns.indices[e]!]!
      r -= term
      terms += Math.abs(term)
    }
    if (r === 0) continue
    const bound = r > 0 ? program.lower[j]! : program.upper[j]!
    if (Number.isFinite(bound)) {
      value += r * bound
      sizes += Math.abs(r * bound)
    } else violation = Math.max(violation, Math.abs(r) / terms)
    if (violation > CERTIFICATE) return undefined
  }
  if (!(value > CERTIFICATE * sizes)) return undefined
  return { kind: 'farkas', vector: lambda, value, violation }
}

/**
 * Is `d` a ray along which the objective falls for ever? `cᵀd < 0`, `d` in the recession cone of the bounds (clipped to
 * it first), and `A d` in the recession cone of the sides up to `1e-10` of the sum of the sizes of each row's terms, as
 * in `farkas`. It proves that the dual is infeasible: the program is unbounded if it is feasible at all.
 *
 * @cite applegate2024
 */
export function ray(of: Evaluator, candidate: ArrayLike<number>): Certificate | undefined {
  const found = rayAsIs(of, candidate)
  const clean = found ? undefined : withoutDust(candidate)
  return clean ? rayAsIs(of, clean) : found
}

function rayAsIs(of: Evaluator, candidate: ArrayLike<number>): Certificate | undefined {
  const { program } = of
  const { rows: m, columns: n } = program.matrix
  const d = Float64Array.from(candidate)
  for (let j = 0; j < n; j++) if (Number.isFinite(d[j]! > 0 ? program.upper[j]! : program.lower[j]!)) d[j] = 0
  const size = normInfinity(d)
  if (!(size > 0) || !Number.isFinite(size)) return undefined
  let cost = 0
  let sizes = 0
  for (let j = 0; j < n; j++) {
    d[j]! /= size
    cost += program.c[j]! * d[j]!
    sizes += Math.abs(program.c[j]! * d[j]!)
  }
  if (!(-cost > CERTIFICATE * sizes)) return undefined
  let violation = 0
  const a = program.matrix
  for (let i = 0; i < m; i++) {
    let v = 0
    let terms = 0
    for (let e = a.starts[i]!; e < a.starts[i + 1]!; e++) {
      const term = a.values[e]! * d[a.indices[e]!]!
      v += term
      terms += Math.abs(term)
    }
    if (v === 0 || !Number.isFinite(v > 0 ? program.rowUpper[i]! : program.rowLower[i]!)) continue
    violation = Math.max(violation, Math.abs(v) / terms)
    if (violation > CERTIFICATE) return undefined
  }
  return { kind: 'ray', vector: d, value: -cost, violation }
}
