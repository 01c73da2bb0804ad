import type { Evaluator } from './kkt.ts'
import { leastSquares } from './least-squares.ts'

/**
 * A dual for a predicted `y`: at an optimum the variables strictly between their bounds have reduced cost 0, so
 * `λ = argmin Σⱼ wⱼ² (cⱼ − (Aᵀλ)ⱼ)² + 1e-6 ‖λ‖²`, `wⱼ = min(1, 20 · dⱼ)` with `dⱼ` the distance of `yⱼ` to its nearer bound
 * in units of `upperⱼ − lowerⱼ` (of `1 + |yⱼ|` when one is missing). Then `λᵢ` that press on a side that is missing, or
 * that `y` is further from than 5 % of `1 + |side|`, are set to 0.
 *
 * As good as the prediction's guess of which bounds are active, and no better.
 *
 * @cost at most 100 products with `A` and with `Aᵀ`
 */
export function estimateDual(of: Evaluator, y: ArrayLike<number>): Float64Array {
  const { program, columns } = of
  const a = program.matrix
  const weight = Float64Array.from(program.c, (_, j) => {
    const low = y[j]! - program.lower[j]!
    const high = program.upper[j]! - y[j]!
    const width = program.upper[j]! - program.lower[j]!
    const unit = Number.isFinite(width) ? width : 1 + Math.abs(y[j]!)
    return width === 0 ? 0 : Math.min(1, 20 * Math.max(0, Math.min(low, high) / unit))
  })
  const free = Uint8Array.from({ length: a.rows }, (_, i) => {
    let s = 0
    for (let e = a.starts[i]!; e < a.starts[i + 1]!; e++) s += a.values[e]! * y[a.indices[e]!]!
    const near = (side: number) => Number.isFinite(side) && Math.abs(s - side) <= 0.05 * (1 + Math.abs(side))
    const crossed = s < program.rowLower[i]! || s > program.rowUpper[i]!
    return crossed || near(program.rowLower[i]!) || near(program.rowUpper[i]!) ? 1 : 0
  })
  const apply = (x: Float64Array): Float64Array =>
    Float64Array.from(weight, (w, j) => {
      let s = 0
      for (let e = columns.starts[j]!; e < columns.starts[j + 1]!; e++)
        s += columns.values[e]! * x[columns.indices[e]!]! * free[columns.indices[e]!]!
      return w * s
    })
  const transposed = (v: Float64Array): Float64Array => {
    const g = new Float64Array(a.rows)
    for (let i = 0; i < a.rows; i++)
      if (free[i] === 1)
        for (let e = a.starts[i]!; e < a.starts[i + 1]!; e++)
          g[i]! += a.values[e]! * weight[a.indices[e]!]! * v[a.indices[e]!]!
    return g
  }
  const target = weight.map((w, j) => w * program.c[j]!)
  const dual = leastSquares(apply, transposed, target, { steps: 100, shift: 1e-6 })
  return dual.map((l, i) => (Number.isFinite(l > 0 ? program.rowLower[i]! : program.rowUpper[i]!) ? l : 0))
}
