import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, rowDot, scoped, sub } from '@equilibria/tensor'
import type { LinearSolver, LinearStatus, Vector } from '@equilibria/spec'
import { factor, type Lu } from '../lu.ts'
import { choose, type Found, linearSolver, requireCount, type System } from './system.ts'

export interface DirectOptions {
  /** Largest `size` it will materialise. Default `256`: 256 products, and `8 · 256²` bytes per row on the host. */
  readonly limit?: number
}

/**
 * The direct method on `(I − A) u = v`: writes the matrix of every row out, by products with unit vectors, and solves it
 * on the host by LU factors with partial pivoting in float64; one step of iterative refinement where the true residual
 * asks for it.
 *
 * No rate, no condition on the spectrum: what is left is the rounding of the products, `u ‖A‖`, times `‖(I − A)⁻¹‖`. A
 * singular row gets a solution when it has one, and ends `stagnated` when not.
 *
 * `v`, `u` are `[batch, size]`. Only for small states: it takes `size + 1` products whatever the tolerance; with a
 * `maxSteps` below that nothing is done, and `notes` says so.
 *
 * @cost `size + 1` to `size + 2` products with `A`; `batch · size²` float64 and `O(batch · size³)` operations on the host
 * @throws EquilibriaError `option` on a limit that is not a whole number ≥ 1, `requirement` when `size` exceeds it
 * @cite higham2002
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { direct } from '@equilibria/solvers/linear'
 *
 * const twice = tf.tensor2d([[2, 0], [0, 3]]) // A has eigenvalues 2 and 3: nothing contracts
 * const { u, steps } = direct().solve((w) => tf.matMul(w, twice), tf.tensor2d([[1, 1]]), { tolerance: 1e-6, maxSteps: 10 })
 * console.log(steps, u.dataSync()) // 3 [-1, -0.5]
 * ```
 */
export function direct({ limit = 256 }: DirectOptions = {}): LinearSolver {
  requireCount('direct', 'limit', limit, 'components')
  return linearSolver('direct', (system) => {
    const size = system.v.shape[1]
    if (size > limit)
      throw new EquilibriaError(
        'requirement',
        `direct() writes out a ${size} × ${size} matrix per row; its limit is ${limit}.`,
        `Use gmres(), or raise it: direct({ limit: ${size} }).`,
      )
    return solve(system)
  })
}

function solve(system: System): Found {
  const { v, goal, maxSteps, initial, size: norms, steps, multiply } = system
  const [batch, size] = v.shape
  const residual = new Float64Array(batch).fill(1)
  let u: Vector = initial ? tf.clone(initial) : tf.zerosLike(v)
  const answer = (notes: readonly string[] = []): Found => ({
    u,
    residual,
    perSampleSteps: new Int32Array(batch).fill(steps.count),
    status: Array.from(residual, (r, b): LinearStatus => {
      if (!Number.isFinite(r)) return 'non-finite'
      if (r <= goal[b]!) return 'converged'
      return notes.length > 0 ? 'max-steps' : 'stagnated'
    }),
    notes,
  })
  /** True residual vectors at `u`; the caller's scope owns them. */
  const measure = (at: Vector): { readonly r: Vector; readonly relative: number[] } => {
    const r = sub(v, multiply(at))
    return { r, relative: Array.from(rowDot(r, r), (s, b) => Math.sqrt(s) / norms[b]!) }
  }
  try {
    if (!initial) residual.set(Array.from(rowDot(v, v), (s, b) => Math.sqrt(s) / norms[b]!))
    else if (maxSteps > 0) scoped(() => residual.set(measure(u).relative))
    else residual.fill(Number.POSITIVE_INFINITY)
    if (residual.every((r, b) => r <= goal[b]!)) return answer()
    if (maxSteps - steps.count < size + 1)
      return answer([`direct() takes ${size + 1} products; ${maxSteps - steps.count} were left, so nothing was done`])
    const solveRows = factors(system)
    const first = solveRows(v)
    u.dispose()
    u = first
    const improved = scoped(() => {
      const { r, relative } = measure(u)
      residual.set(relative)
      if (steps.count >= maxSteps || relative.every((x, b) => !(x > goal[b]!))) return undefined
      const correction = solveRows(r)
      const next = add(u, correction)
      const after = measure(next).relative
      const better = relative.map((x, b) => x > goal[b]! && after[b]! < x)
      better.forEach((x, b) => {
        if (x) residual[b] = after[b]!
      })
      return better.some(Boolean) ? choose(better, next, u) : undefined
    })
    if (improved) {
      u.dispose()
      u = improved
    }
    return answer()
  } catch (error) {
    u.dispose()
    throw error
  }
}

/** Writes `I − A` of every row out and factors it; the result solves for one right-hand side per row. */
function factors({ v, apply }: System): (right: Vector) => Vector {
  const [batch, n] = v.shape
  const matrices = Array.from({ length: batch }, () => new Float64Array(n * n))
  for (let j = 0; j < n; j++) {
    const unit = Float32Array.from({ length: batch * n }, (_, i) => Number(i % n === j))
    const column = scoped(() => apply(tf.tensor2d(unit, [batch, n])).dataSync())
    for (let b = 0; b < batch; b++)
      for (let i = 0; i < n; i++) matrices[b]![i * n + j] = Number(i === j) - column[b * n + i]!
  }
  const lu: Lu[] = matrices.map((a) => factor(a, n))
  return (right) => {
    const data = right.dataSync()
    const out = new Float32Array(batch * n)
    lu.forEach((one, b) => out.set(one.solve(data.subarray(b * n, (b + 1) * n)), b * n))
    return tf.tensor2d(out, [batch, n])
  }
}
