import * as tf from '@tensorflow/tfjs-core'
import { add, column, EquilibriaError, rowDot, scale, scoped, sub } from '@equilibria/tensor'
import type { LinearSolver, Vector } from '@equilibria/spec'

export interface GmresOptions {
  /** Krylov vectors before a restart. Default `30`. */
  readonly restart?: number
}

/**
 * Restarted GMRES on `(I − A) u = v`; every row has its own Krylov space, and the small problems are solved on the host.
 *
 * Minimises `‖v − (I − A) u‖` over the Krylov space, so the residual never grows within a cycle and full GMRES ends
 * after at most `size` products. Restarted, it can stagnate on strongly non-normal or indefinite systems: raise
 * `restart` there. Rows that are done keep their `u`.
 *
 * `v`, `u` are `[batch, size]`; `tolerance` is relative to `‖v‖` per row. A row of NaN ends with a residual of NaN and
 * touches no other. Needs 2 products to do anything: one improves `u`, one measures it.
 *
 * @cost 1 product with `A` per step, `restart + 1` stored vectors, `O(restart²)` host work per row and cycle
 * @throws EquilibriaError when `restart` is not a whole number ≥ 1
 * @cite saad1986
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { gmres } from '@equilibria/solvers/linear'
 *
 * const turn = tf.tensor2d([[0, 2], [-2, 0]]) // spectral radius 2: a Neumann series would diverge
 * const { u, steps } = gmres().solve((w) => tf.matMul(w, turn), tf.tensor2d([[1, 1]]), { tolerance: 1e-6, maxSteps: 10 })
 * console.log(steps, u.dataSync()) // u − u·turn = [1, 1]: u = [-0.2, 0.6]
 * ```
 */
export function gmres({ restart = 30 }: GmresOptions = {}): LinearSolver {
  if (!Number.isInteger(restart) || restart < 1)
    throw new EquilibriaError(
      'option',
      `gmres({ restart: ${restart} }) is not a number of vectors.`,
      'Pass a whole number ≥ 1.',
    )
  return {
    kind: 'linear-solver',
    spec: 1,
    name: 'gmres',
    solve(apply, v, { tolerance, tolerances, maxSteps, initial }) {
      const batch = v.shape[0]
      const goal = (b: number): number => tolerances?.[b] ?? tolerance
      const size = rowDot(v, v).map((s) => Math.sqrt(s) || 1)
      const residual = new Float32Array(batch).fill(1)
      const perSampleSteps = new Int32Array(batch)
      let u: Vector = initial ? tf.clone(initial) : tf.zerosLike(v)
      let steps = 0
      let stuck = 0
      let fresh = initial === undefined // then the residual of u = 0 is v, and costs nothing
      try {
        for (;;) {
          const correction = scoped(() => {
            // The true residual, not the recurrence, decides whether another cycle is needed.
            const r = fresh ? v : sub(v, sub(u, apply(u)))
            if (!fresh) steps++
            fresh = false
            const before = residual.slice()
            const beta = rowDot(r, r).map(Math.sqrt)
            beta.forEach((b, i) => (residual[i] = b / size[i]!))
            stuck = residual.some((x, b) => x > goal(b) && x < 0.999 * before[b]!) ? 0 : stuck + 1
            const open = residual.map((x, b) => (x > goal(b) ? 1 : 0))
            // One product improves `u`, one measures what came of it: with less left, another cycle is pointless.
            if (steps + 2 > maxSteps || stuck > 2 || !open.some(Boolean)) return undefined
            const basis: Vector[] = [scale(r, column(beta.map((x) => 1 / (x || 1))))]
            const rows = Array.from(beta, (b): Row => ({ h: [], g: [b], rotations: [] }))
            const used = new Int32Array(batch) // columns per row: one that is done takes no more
            // One product is kept back for the true residual of this cycle.
            while (rows[0]!.h.length < restart && steps < maxSteps - 1) {
              const k = rows[0]!.h.length
              let w = sub(basis[k]!, apply(basis[k]!))
              for (const row of rows) row.h.push(Array.from({ length: k + 1 }, () => 0))
              // Twice is enough: one float32 Gram–Schmidt pass loses orthogonality.
              for (let pass = 0; pass < 2; pass++)
                basis.forEach((q, j) => {
                  const dots = rowDot(w, q)
                  rows.forEach((row, b) => (row.h[k]![j]! += dots[b]!))
                  w = sub(w, tf.mul(column(dots), q))
                })
              const norm = rowDot(w, w).map(Math.sqrt)
              steps++
              rows.forEach((row, b) => {
                rotate(row, k, norm[b]!)
                if (!open[b]) return
                perSampleSteps[b] = steps
                used[b] = k + 1
                if (!(Math.abs(row.g[k + 1]!) > goal(b) * size[b]!)) open[b] = 0
              })
              if (!open.some(Boolean)) break
              basis.push(scale(w, column(norm.map((x) => 1 / (x || 1)))))
            }
            const y = rows.map((row, b) => backSubstitute(row, used[b]!))
            return tf.addN(rows[0]!.h.map((_, i) => scale(basis[i]!, column(y.map((yb) => yb[i]!))))) as Vector
          })
          if (!correction) break
          const next = add(u, correction)
          tf.dispose([u, correction])
          u = next
        }
      } catch (error) {
        u.dispose()
        throw error
      }
      return { u, steps, residual, perSampleSteps }
    },
  }
}
type Row = { readonly h: number[][]; readonly g: number[]; readonly rotations: [number, number][] }

/** Rotate the new Hessenberg column into upper-triangular form. */
function rotate({ h, g, rotations }: Row, k: number, subdiagonal: number): void {
  const col = h[k]!
  col.push(subdiagonal)
  rotations.forEach(([c, s], i) => {
    ;[col[i], col[i + 1]] = [c * col[i]! + s * col[i + 1]!, c * col[i + 1]! - s * col[i]!]
  })
  const d = Math.hypot(col[k]!, col[k + 1]!) || 1
  const [c, s] = [col[k]! / d, col[k + 1]! / d]
  rotations.push([c, s])
  col[k] = d
  g.push(-s * g[k]!)
  g[k] = c * g[k]!
}

/** Coefficients of the first `used` columns; 0 for the rest. */
function backSubstitute({ h, g }: Row, used: number): number[] {
  const y = Array.from(h, () => 0)
  for (let i = used - 1; i >= 0; i--) {
    let s = g[i]!
    for (let j = i + 1; j < used; j++) s -= h[j]![i]! * y[j]!
    y[i] = s / (h[i]![i]! || 1)
  }
  return y
}
