import type { LinearProgram } from '../program/program.ts'
import { type Csr, transpose } from '../program/csr.ts'

/** How far `(y, λ)` is from optimal, measured in float64 against the program as it was given. */
export interface Kkt {
  /** `‖A y − proj(A y)‖₂ / (1 + ‖b‖₂)`, with the bounds on `y` counted in. */
  readonly primal: number
  /** `‖c − Aᵀλ − r‖₂ / (1 + ‖c‖₂)`. */
  readonly dual: number
  /** `|p − d| / (1 + |p| + |d|)`. */
  readonly gap: number
  /** The largest of the three. */
  readonly error: number
  /** `p = cᵀy + offset`. */
  readonly objective: number
  /** `d`, the dual objective. */
  readonly dualObjective: number
}

/** A program with what every KKT evaluation needs, computed once. */
export interface Evaluator {
  readonly program: LinearProgram
  readonly columns: Csr
  readonly sides: number
  readonly costs: number
}
/** Column access to the matrix, and the two scales of the relative KKT error, once per program. */
export function evaluator(program: LinearProgram): Evaluator {
  let b = 0
  for (let i = 0; i < program.matrix.rows; i++) {
    const l = program.rowLower[i]!
    const u = program.rowUpper[i]!
    const side = Math.max(Number.isFinite(l) ? Math.abs(l) : 0, Number.isFinite(u) ? Math.abs(u) : 0)
    b += side * side
  }
  let c = 0
  for (const v of program.c) c += v * v
  return { program, columns: transpose(program.matrix), sides: Math.sqrt(b), costs: Math.sqrt(c) }
}

/**
 * The relative KKT error of PDLP, for `min cᵀy + offset`, `rowLower ≤ A y ≤ rowUpper`, `lower ≤ y ≤ upper`, with
 * `λ ∈ ℝᵐ` such that `c = Aᵀλ + r` (`λᵢ > 0` presses on `rowLowerᵢ`, `λᵢ < 0` on `rowUpperᵢ`):
 *
 * - primal: `‖(distance of A y to its sides, distance of y to its bounds)‖₂ / (1 + ‖b‖₂)`,
 *   `bᵢ = max(|rowLowerᵢ|, |rowUpperᵢ|)` over finite sides;
 * - dual: `g = c − Aᵀλ`; where `g` presses on a bound that is not there it is an error, and so is a `λᵢ` that presses
 *   on a side that is not there: `‖these‖₂ / (1 + ‖c‖₂)`;
 * - gap: `|p − d| / (1 + |p| + |d|)` with `d = Σ(λ⁺ rowLower − λ⁻ rowUpper) + Σ(r⁺ lower − r⁻ upper) + offset`.
 *
 * `y` is `[n]`, `dual` is `[m]`. One product with `A` and one with `Aᵀ`.
 *
 * @cite applegate2021
 */
export function kktError(of: Evaluator, y: ArrayLike<number>, dual: ArrayLike<number>): Kkt {
  const { program, columns } = of
  const a = program.matrix
  let primal = 0
  let dualError = 0
  let p = program.offset
  let d = program.offset
  for (let i = 0; i < a.rows; i++) {
    let s = 0
    for (let e = a.starts[i]!; e < a.starts[i + 1]!; e++) s += a.values[e]! * y[a.indices[e]!]!
    const low = program.rowLower[i]!
    const high = program.rowUpper[i]!
    const off = s < low ? low - s : s > high ? s - high : 0
    primal += off * off
    const l = dual[i]!
    const side = l > 0 ? low : high
    if (l !== 0) {
      if (Number.isFinite(side)) d += l * side
      else dualError += l * l
    }
  }
  for (let j = 0; j < a.columns; j++) {
    let g = program.c[j]!
    for (let e = columns.starts[j]!; e < columns.starts[j + 1]!; e++)
      g -= columns.values[e]! * dual[columns.indices[e]!]!
    const v = y[j]!
    const low = program.lower[j]!
    const high = program.upper[j]!
    const off = v < low ? low - v : v > high ? v - high : 0
    primal += off * off
    p += program.c[j]! * v
    const bound = g > 0 ? low : high
    if (g !== 0) {
      if (Number.isFinite(bound)) d += g * bound
      else dualError += g * g
    }
  }
  const relative = {
    primal: Math.sqrt(primal) / (1 + of.sides),
    dual: Math.sqrt(dualError) / (1 + of.costs),
    gap: Math.abs(p - d) / (1 + Math.abs(p) + Math.abs(d)),
  }
  const error = Math.max(relative.primal, relative.dual, relative.gap)
  return {
    ...relative,
    error: Number.isNaN(p + d + primal + dualError) ? Number.NaN : error,
    objective: p,
    dualObjective: d,
  }
}
