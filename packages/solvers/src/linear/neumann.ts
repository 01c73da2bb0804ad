import * as tf from '@tensorflow/tfjs-core'
import { add, rowDot, scoped, sub } from '@equilibria/tensor'
import type { LinearSolver, LinearStatus, Vector } from '@equilibria/spec'
import { choose, linearSolver, requireCount } from './system.ts'

export interface NeumannOptions {
  /** Number of terms `k`. Left out: until the tolerance is met. */
  readonly terms?: number
}

/**
 * Neumann series for `u − A u = v`: `u = Σ_{i<k} Aⁱ v`.
 *
 * The error after `k` terms is at most `‖A‖ᵏ ‖v‖ / (1 − ‖A‖)`; it needs a spectral radius below 1 and is slow near 1,
 * where `gmres()` is not. With a fixed number of terms it is the truncated adjoint of inexact backpropagation.
 *
 * `v`, `u` are `[batch, size]`. The reported residual, `‖Aᵏ v‖ / ‖v‖`, is that of the series without its
 * rounding: where `‖u‖` is many times `‖v‖` the sum itself is no better than `u₃₂ ‖u‖`, with `u₃₂ = 6e-8`. Rows stop one by one:
 * a row that is done keeps its `u`, and a row that overflows does not stop the others. A warm start `u₀` sums the series
 * of its residual `v + A u₀ − u₀` instead, at one product more.
 *
 * @cost `k` products with `A` (the last one measures the residual), 1 stored vector
 * @throws EquilibriaError when `terms` is not a whole number ≥ 1
 * @cite neumann1877
 */
export function neumann({ terms }: NeumannOptions = {}): LinearSolver {
  if (terms !== undefined) requireCount('neumann', 'terms', terms, 'terms')
  return linearSolver(
    terms === undefined ? 'neumann' : `neumann(${terms})`,
    ({ v, goal, maxSteps, initial, size, apply }) => {
      const batch = v.shape[0]
      const residual = new Float32Array(batch).fill(1)
      const perSampleSteps = new Int32Array(batch)
      const open = new Uint8Array(batch).fill(1)
      const owned: tf.Tensor[] = []
      const replace = (old: Vector | undefined, next: Vector): Vector => {
        old?.dispose()
        owned.push(next)
        return next
      }
      let steps = 0
      try {
        let term: Vector
        if (initial && maxSteps > 0) {
          term = replace(
            undefined,
            scoped(() => sub(v, sub(initial, apply(initial)))),
          )
          steps++
        } else term = replace(undefined, tf.clone(v))
        let u: Vector = replace(undefined, steps > 0 ? scoped(() => add(initial!, term)) : tf.clone(v))
        const most = terms === undefined ? maxSteps : Math.min(maxSteps, terms + steps)
        while (steps < most && open.some(Boolean)) {
          term = replace(
            term,
            scoped(() => apply(term)),
          )
          steps++
          rowDot(term, term).forEach((s, b) => {
            if (!open[b]) return
            perSampleSteps[b] = steps
            residual[b] = Math.sqrt(s) / size[b]!
            // A fixed number of terms is what was asked for, whatever the residual.
            if (!Number.isFinite(s) || (terms === undefined && residual[b]! <= goal[b]!)) open[b] = 0
          })
          if (steps === most || !open.some(Boolean)) break // this product only measured
          u = replace(
            u,
            scoped(() => choose(open, add(u, term), u)),
          )
        }
        term.dispose()
        const status = Array.from(residual, (r, b): LinearStatus => {
          if (!Number.isFinite(r)) return 'non-finite'
          return r <= goal[b]! ? 'converged' : 'max-steps'
        })
        return { u, residual, perSampleSteps, status }
      } catch (error) {
        for (const t of owned) if (!t.isDisposed) t.dispose()
        throw error
      }
    },
  )
}
