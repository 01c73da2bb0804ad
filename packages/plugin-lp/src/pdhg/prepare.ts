import { type Csr, multiply, norm2, normInfinity, transpose } from '../program/csr.ts'
import type { LinearProgram } from '../program/program.ts'
import { type Evaluator, evaluator, type Kkt, kktError } from './kkt.ts'

/**
 * A program in the units the iteration works in: `Â = R A C`, `y = toY ⊙ ŷ`, `λ = toDual ⊙ λ̂`. Everything is float64.
 */
export interface Prepared {
  readonly program: LinearProgram
  /** For KKT errors in the units of the program. */
  readonly evaluator: Evaluator
  readonly m: number
  readonly n: number
  /** `Â` by rows. */
  readonly rows: Csr
  /** `Âᵀ` by rows, which is `Â` by columns. */
  readonly columns: Csr
  readonly c: Float64Array
  readonly lower: Float64Array
  readonly upper: Float64Array
  readonly rowLower: Float64Array
  readonly rowUpper: Float64Array
  readonly toY: Float64Array
  readonly toDual: Float64Array
  /** An estimate of `‖Â‖₂` from above. */
  readonly norm: number
}

/**
 * `‖Â‖₂` from above: power iteration on `ÂᵀÂ` from two starts, until it has not grown by 1e-6 in ten steps, plus 0.5 %;
 * never more than `√(‖Â‖₁ ‖Â‖_∞)`, which is a bound. One start alone can be orthogonal to what it looks for (seen once
 * in 16 000 random programs), and then steps are too long.
 */
function spectralNorm(rows: Csr, columns: Csr): number {
  const estimate = Math.max(...[1, 2].map((seed) => powerIteration(rows, columns, seed))) * 1.005
  const bound = Math.sqrt(largestSum(rows) * largestSum(columns))
  return Math.min(estimate, bound) || 1
}

const largestSum = (a: Csr): number => normInfinity(multiply({ ...a, values: a.values.map(Math.abs) }, ones(a.columns)))
const ones = (n: number): Float64Array => new Float64Array(n).fill(1)

function powerIteration(rows: Csr, columns: Csr, seed: number): number {
  let u = Float64Array.from({ length: rows.columns }, (_, j) => Math.sin((j + 1) * (j + 1) * seed * 0.7071 + seed)) // deterministic
  let best = 0
  let mark = 0
  for (let k = 0; k < 500; k++) {
    const size = norm2(u)
    if (!(size > 0)) break
    const v = multiply(
      rows,
      u.map((x) => x / size),
    )
    best = Math.max(best, norm2(v))
    if (k % 10 === 9) {
      if (best <= mark * (1 + 1e-6)) break
      mark = best
    }
    u = Float64Array.from(multiply(columns, v))
  }
  return best
}

const length = (v: Float64Array): number => norm2(v.map((x) => (Number.isFinite(x) ? x : 0)))

/**
 * Diagonal preconditioning: `ruiz` rounds of Ruiz equilibration (rows and columns to largest entry 1), then one of
 * Pock and Chambolle (rows and columns to 1-norm 1), then `c` and the bounds divided by `1 +` their norms.
 *
 * @cite ruiz2001, pock2011
 */
export function prepare(program: LinearProgram, { ruiz = 10 }: { readonly ruiz?: number } = {}): Prepared {
  const a = program.matrix
  const m = a.rows
  const n = a.columns
  const count = a.starts[m]!
  const values = a.values.slice(0, count)
  const R = new Float64Array(m).fill(1)
  const C = new Float64Array(n).fill(1)
  const byRow = new Float64Array(m)
  const byColumn = new Float64Array(n)
  for (let round = 0; round <= ruiz; round++) {
    const last = round === ruiz
    byRow.fill(0)
    byColumn.fill(0)
    for (let i = 0; i < m; i++)
      for (let e = a.starts[i]!; e < a.starts[i + 1]!; e++) {
        const size = Math.abs(values[e]!)
        const j = a.indices[e]!
        byRow[i] = last ? byRow[i]! + size : Math.max(byRow[i]!, size)
        byColumn[j] = last ? byColumn[j]! + size : Math.max(byColumn[j]!, size)
      }
    for (let i = 0; i < m; i++) byRow[i] = byRow[i]! > 0 ? 1 / Math.sqrt(byRow[i]!) : 1
    for (let j = 0; j < n; j++) byColumn[j] = byColumn[j]! > 0 ? 1 / Math.sqrt(byColumn[j]!) : 1
    for (let i = 0; i < m; i++) {
      R[i]! *= byRow[i]!
      for (let e = a.starts[i]!; e < a.starts[i + 1]!; e++) values[e]! *= byRow[i]! * byColumn[a.indices[e]!]!
    }
    for (let j = 0; j < n; j++) C[j]! *= byColumn[j]!
  }
  const c = program.c.map((v, j) => v * C[j]!)
  const rowLower = program.rowLower.map((v, i) => v * R[i]!)
  const rowUpper = program.rowUpper.map((v, i) => v * R[i]!)
  const lower = program.lower.map((v, j) => v / C[j]!)
  const upper = program.upper.map((v, j) => v / C[j]!)
  const costScale = 1 / (1 + length(c))
  const sides = rowLower.map((v, i) => Math.max(finite(v), finite(rowUpper[i]!)))
  const boundScale = 1 / (1 + length(sides))
  const scale = (v: Float64Array, k: number) => v.forEach((x, i) => (v[i] = x * k))
  scale(c, costScale)
  for (const v of [rowLower, rowUpper, lower, upper]) scale(v, boundScale)
  const rows: Csr = { rows: m, columns: n, starts: a.starts, indices: a.indices, values }
  const columns = transpose(rows)
  return {
    program,
    evaluator: evaluator(program),
    m,
    n,
    rows,
    columns,
    c,
    lower,
    upper,
    rowLower,
    rowUpper,
    toY: C.map((v) => v / boundScale),
    toDual: R.map((v) => v / costScale),
    norm: spectralNorm(rows, columns),
  }
}
const finite = (v: number): number => (Number.isFinite(v) ? Math.abs(v) : 0)

/** The KKT error of a pair in scaled units, in the units of the program. */
export const scaledKkt = (p: Prepared, y: Float64Array, dual: Float64Array): Kkt =>
  kktError(
    p.evaluator,
    y.map((v, j) => v * p.toY[j]!),
    dual.map((v, i) => v * p.toDual[i]!),
  )
