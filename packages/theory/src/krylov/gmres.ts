import { normalize, orthogonalize, type Product, type Rows } from './rows.ts'

/** `A d = r` solved approximately, per row. */
export interface HostSolve {
  readonly solution: Rows
  /** `‖A d − r‖ / ‖r‖` per row, by the recursion. */
  readonly relative: Float64Array
  readonly products: number
}

/** GMRES from zero, no restart, per row, vectors in float64 on the host. @cite saad1986 */
export function hostGmres(
  product: Product,
  right: Rows,
  batch: number,
  dimension: number,
  tolerance: number,
): HostSolve {
  const size = right.length / batch
  const first = Float64Array.from(right)
  const norms = normalize(first, batch)
  const basis: Rows[] = [first]
  const state = Array.from({ length: batch }, (_, b) => ({
    open: norms[b]! > 0,
    columns: [] as Float64Array[],
    turns: [] as [number, number][],
    g: [norms[b]!],
  }))
  let products = 0
  while (products < Math.min(dimension, size) && state.some(({ open }) => open)) {
    const w = product(basis[products]!)
    products++
    const before = state.map((row, b) => (row.open ? orthogonalize(w, basis, b, size) : undefined))
    const lengths = normalize(w, batch)
    basis.push(w)
    state.forEach((row, b) => {
      const h = before[b]
      if (!h) return
      const column = Float64Array.of(...h, lengths[b]!)
      row.turns.forEach(([c, s], i) => {
        const [x, y] = [column[i]!, column[i + 1]!]
        column[i] = c * x + s * y
        column[i + 1] = c * y - s * x
      })
      const k = row.turns.length
      const reach = Math.hypot(column[k]!, column[k + 1]!)
      if (!(reach > 0)) {
        row.open = false
        return
      }
      const [c, s] = [column[k]! / reach, column[k + 1]! / reach]
      column[k] = reach
      row.turns.push([c, s])
      row.columns.push(column)
      row.g.push(-s * row.g[k]!)
      row.g[k]! *= c
      // Done, or nothing left but the rounding of float32 products.
      if (Math.abs(row.g[k + 1]!) <= tolerance * norms[b]! || !(lengths[b]! > 1e-7 * reach)) {
        row.open = false
        w.fill(0, b * size, (b + 1) * size)
      }
    })
  }
  const solution = new Float64Array(right.length)
  state.forEach(({ columns, g }, b) => {
    const y = new Float64Array(columns.length)
    for (let i = columns.length - 1; i >= 0; i--) {
      let sum = g[i]!
      for (let j = i + 1; j < columns.length; j++) sum -= columns[j]![i]! * y[j]!
      y[i] = sum / columns[i]![i]!
    }
    y.forEach((weight, k) => {
      for (let i = b * size; i < (b + 1) * size; i++) solution[i]! += weight * basis[k]![i]!
    })
  })
  return {
    solution,
    products,
    relative: Float64Array.from(state, ({ g }, b) =>
      norms[b] === 0 ? 0 : Number.isFinite(norms[b]!) ? Math.abs(g.at(-1)!) / norms[b]! : Number.NaN,
    ),
  }
}
