import * as tf from '@tensorflow/tfjs-core'
import { add, column, rowDot, scale, scoped, sub } from '@equilibria/tensor'
import type { LinearResult, LinearSolver, LinearStatus, Vector } from '@equilibria/spec'
import { bicgstab } from './bicgstab.ts'
import { choose, type Found, linearSolver, requireCount, type System } from './system.ts'

export interface GmresOptions {
  /** Krylov vectors before a restart. Default `50`. */
  readonly restart?: number
  /** `bicgstab` (default): takes over the rows on which restarts stall; `none`: more cycles instead. */
  readonly fallback?: 'bicgstab' | 'none'
  /** `r ↦ P r` near `(I − A)⁻¹ r`, row by row and linear; applied from the right, so that residuals stay true ones. */
  readonly preconditioner?: (r: Vector) => Vector
}

/** A cycle that shrinks the residual by less than this per product would take 600 products for six digits. */
const SLOW = 0.977
/** A pivot below this part of the largest one is rounding: that direction is left out. */
const SINGULAR = 1e-6
/** The residual that float32 leaves, in units of `‖u‖`: a few roundings. */
const FLOOR = 4 * 2 ** -24

/**
 * Restarted GMRES on `(I − A) u = v`; every row has its own Krylov space, and the small problems are solved on the host.
 *
 * Minimises `‖v − (I − A) u‖` over the Krylov space, so the residual never grows within a cycle and full GMRES ends
 * after at most `size` products. Restarted, it can stall on strongly non-normal or indefinite systems: rows that lose less
 * than a factor 0.977 per product in a full cycle go on to `bicgstab()` when the others are done. On a singular system it
 * ends `stagnated`, at a least-squares solution of the last cycle. Rows that are done keep their `u`.
 *
 * `v`, `u` are `[batch, size]`; `tolerance` is relative to `‖v‖` per row. A row of NaN ends with a residual of NaN and
 * touches no other. Needs 2 products to do anything: one improves `u`, one measures it.
 *
 * @cost 1 product with `A` per step, `restart + 3` stored vectors, 1 read-back per step, `O(restart²)` host work per row
 * and cycle
 * @throws EquilibriaError when `restart` is not a whole number ≥ 1 or an option of the solve is unusable
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
export function gmres({ restart = 50, fallback = 'bicgstab', preconditioner }: GmresOptions = {}): LinearSolver {
  requireCount('gmres', 'restart', restart, 'vectors')
  return linearSolver('gmres', (system) => {
    const found = cycles(system, restart, preconditioner, fallback === 'bicgstab')
    const stalled = found.status.filter((s) => s === 'stagnated').length
    const left = system.maxSteps - system.steps.count
    // A warm start costs one product, a step two, its measurement one.
    if (fallback === 'none' || found.slow === 0 || left < 4) return found
    try {
      return handOver(system, found, preconditioner, left, `${stalled} of ${found.status.length}`)
    } finally {
      found.u.dispose()
    }
  })
}

function handOver(
  system: System,
  found: Found,
  preconditioner: GmresOptions['preconditioner'],
  left: number,
  rows: string,
): Found {
  const before = system.steps.count
  const next: LinearResult = bicgstab(preconditioner ? { preconditioner } : {}).solve(system.apply, system.v, {
    tolerance: 0,
    tolerances: system.goal,
    maxSteps: left,
    initial: found.u,
  })
  return {
    ...next,
    status: next.status!,
    perSampleSteps: next.perSampleSteps.map((s, b) => (s > 0 ? before + s : found.perSampleSteps[b]!)),
    notes: [`gmres stalled on ${rows} rows after ${before} products; bicgstab took over`],
  }
}

/** GMRES cycles until every row is done or slow, or the products are used up; `slow`: rows that another method may help. */
function cycles(
  { v, goal, maxSteps, initial, size, steps, multiply }: System,
  restart: number,
  preconditioner: GmresOptions['preconditioner'],
  leaveSlow: boolean,
): Found & { readonly slow: number } {
  const batch = v.shape[0]
  const residual = new Float64Array(batch).fill(Number.POSITIVE_INFINITY)
  const perSampleSteps = new Int32Array(batch)
  const status = Array.from({ length: batch }, (): LinearStatus | undefined => undefined)
  const used = new Int32Array(batch) // columns per row in this cycle: a row that is done takes no more
  const strikes = new Uint8Array(batch)
  const precondition = (w: Vector): Vector => preconditioner?.(w) ?? w
  let slow = 0
  let u: Vector = initial ? tf.clone(initial) : tf.zerosLike(v)
  let previous: Vector | undefined // `u` before the last cycle
  try {
    for (;;) {
      const next = scoped(() => {
        // The true residual, not the recurrence, decides whether another cycle is needed.
        const fresh = steps.count === 0 && initial === undefined // then the residual of u = 0 is v, and costs nothing
        if (!fresh && steps.count >= maxSteps) return undefined
        let r = fresh ? v : sub(v, multiply(u))
        let beta = Float64Array.from(rowDot(r, r), Math.sqrt)
        const worse = beta.map((b, i) => Number(previous !== undefined && !(b / size[i]! <= residual[i]!)))
        const floor = previous && beta.some((b, i) => b / size[i]! > goal[i]!) ? rowDot(u, u) : undefined
        beta.forEach((b, i) => {
          if (status[i] !== undefined) return
          const [was, now] = [residual[i]!, b / size[i]!]
          if (!worse[i]) residual[i] = now
          // A cycle that ends so met a product that does: another one would, too.
          if (!Number.isFinite(now)) {
            residual[i] = Number.NaN
            status[i] = 'non-finite'
          } else if (residual[i]! <= goal[i]!) status[i] = 'converged'
          else if (previous === undefined) return
          else if (leaveSlow && used[i] === restart && !(now <= was * SLOW ** restart)) {
            status[i] = 'stagnated'
            // At the floor of float32 no method helps.
            if (residual[i]! > (FLOOR * Math.sqrt(floor?.[i] ?? 0)) / size[i]!) slow++
          } else {
            strikes[i] = now < 0.999 * was ? 0 : strikes[i]! + 1
            if (strikes[i]! > 2) status[i] = 'stagnated'
          }
        })
        const open = status.map((s) => s === undefined)
        const back = worse.map((w) => (w && previous ? 1 : 0))
        const from = back.some(Boolean) ? choose(back, previous!, u) : u
        // One product improves `u`, one measures what came of it: with less left, another cycle is pointless.
        if (steps.count + 2 > maxSteps || !open.some(Boolean)) return { u: from, cycle: false }
        if (back.some((w, i) => w && open[i])) {
          r = sub(v, multiply(from))
          beta = Float64Array.from(rowDot(r, r), Math.sqrt)
          if (steps.count + 2 > maxSteps) return { u: from, cycle: false }
        }
        return { u: choose(open, add(from, precondition(cycle(r, beta, open))), from), from, cycle: true }
      })
      if (!next) break
      const { u: after, from } = next as { u: Vector; from?: Vector }
      for (const t of [u, previous]) if (t && t !== after && t !== from && !t.isDisposed) t.dispose()
      u = after
      previous = from
      if (!next.cycle) break
    }
    if (previous !== u) previous?.dispose()
    return { u, residual, perSampleSteps, status: status.map((s) => s ?? 'max-steps'), slow }
  } catch (error) {
    tf.dispose([u, ...(previous ? [previous] : [])])
    throw error
  }

  /** What one cycle adds to `u`, before the preconditioner; rows that are not open get 0 or garbage. */
  function cycle(r: Vector, beta: Float64Array, running: readonly boolean[]): Vector {
    const open = running.slice()
    const basis: Vector[] = [scale(r, column(beta.map((x) => 1 / (x || 1))))]
    const rows = Array.from(beta, (b): Row => ({ h: [], g: [b], rotations: [] }))
    used.fill(0)
    // One product is kept back for the true residual of this cycle.
    for (let k = 0; k < restart && steps.count < maxSteps - 1; k++) {
      const next = scoped(() => {
        let w = multiply(precondition(basis[k]!))
        const coefficients: tf.Tensor[] = []
        // Twice is enough: one float32 Gram–Schmidt pass loses orthogonality.
        for (let pass = 0; pass < 2; pass++)
          basis.forEach((q, j) => {
            const dot = tf.sum(tf.mul(w, q), 1, true)
            coefficients[j] = pass === 0 ? dot : tf.add(coefficients[j]!, dot)
            w = sub(w, tf.mul(dot, q) as Vector)
          })
        const found = tf.concat([...coefficients, tf.norm(w, 2, 1, true)], 1).dataSync()
        rows.forEach((row, b) => rotate(row, k, found.subarray(b * (k + 2), (b + 1) * (k + 2))))
        return scale(w, column(rows.map((row) => 1 / (row.last || 1))))
      })
      rows.forEach((row, b) => {
        if (!open[b]) return
        perSampleSteps[b] = steps.count
        used[b] = k + 1
        if (!(Math.abs(row.g[k + 1]!) > goal[b]! * size[b]!)) open[b] = false
      })
      basis.push(next)
      if (!open.some(Boolean)) break
    }
    const y = rows.map((row, b) => backSubstitute(row, used[b]!))
    return tf.addN(rows[0]!.h.map((_, i) => scale(basis[i]!, column(y.map((yb) => yb[i]!))))) as Vector
  }
}
type Row = {
  readonly h: number[][]
  readonly g: number[]
  readonly rotations: [number, number][]
  /** `‖w‖` of the last column. */
  last?: number
}

/** Rotate the new Hessenberg column, `k + 2` long, into upper-triangular form. */
function rotate(row: Row, k: number, found: ArrayLike<number>): void {
  const { h, g, rotations } = row
  const col = Array.from(found)
  h.push(col)
  row.last = col[k + 1]!
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

/** Coefficients of the first `used` columns; 0 for the rest, and where the pivot is rounding (a singular system). */
function backSubstitute({ h, g }: Row, used: number): number[] {
  const y = Array.from(h, () => 0)
  let largest = 0
  for (let i = 0; i < used; i++) largest = Math.max(largest, Math.abs(h[i]![i]!))
  for (let i = used - 1; i >= 0; i--) {
    const pivot = h[i]![i]!
    if (!(Math.abs(pivot) > SINGULAR * largest)) continue
    let s = g[i]!
    for (let j = i + 1; j < used; j++) s -= h[j]![i]! * y[j]!
    y[i] = s / pivot
  }
  return y
}
