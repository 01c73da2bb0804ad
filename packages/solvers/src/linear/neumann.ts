import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, rowDot, scoped } from '@equilibria/tensor'
import type { LinearSolver, Vector } from '@equilibria/spec'

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
 * `v`, `u` are `[batch, size]`. The reported residual, `‖Aᵏ v‖ / ‖v‖`, is exact for this series.
 *
 * @cost `k` products with `A` (the last one measures the residual), 1 stored vector
 * @throws EquilibriaError when `terms` is not a whole number ≥ 1
 * @cite neumann1877
 */
export function neumann({ terms }: NeumannOptions = {}): LinearSolver {
  if (terms !== undefined && (!Number.isInteger(terms) || terms < 1))
    throw new EquilibriaError(
      'option',
      `neumann({ terms: ${terms} }) is not a number of terms.`,
      'Pass a whole number ≥ 1.',
    )
  return {
    kind: 'linear-solver',
    spec: 1,
    name: terms === undefined ? 'neumann' : `neumann(${terms})`,
    solve(apply, v, { tolerance, maxSteps }) {
      const scale = rowDot(v, v).map((s) => Math.sqrt(s) || 1)
      const residual = new Float32Array(v.shape[0]).fill(1)
      const perSampleSteps = new Int32Array(v.shape[0])
      let u: Vector = tf.clone(v)
      let term: Vector = tf.clone(v)
      let steps = 0
      const most = terms ?? maxSteps
      while (steps < most && (terms !== undefined || residual.some((r) => r > tolerance))) {
        const next = scoped(() => apply(term))
        term.dispose()
        term = next
        steps++
        const norms = rowDot(term, term)
        norms.forEach((s, b) => {
          if (!(residual[b]! <= tolerance)) perSampleSteps[b] = steps
          residual[b] = Math.sqrt(s) / scale[b]!
        })
        if (terms !== undefined && steps === terms) break // this product only measured
        const sum = scoped(() => add(u, term))
        u.dispose()
        u = sum
        if (!residual.every((r) => Number.isFinite(r))) break
      }
      term.dispose()
      return { u, steps, residual, perSampleSteps }
    },
  }
}
