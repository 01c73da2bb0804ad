import * as tf from '@tensorflow/tfjs-core'
import type { Solver } from '@equilibria/spec'
import { checkCycle, cycled, type CycleOptions } from './cycle.ts'

/**
 * Minimal polynomial extrapolation, cycled: after `k + 1` steps `s_{j+1} = s_j + β r_j`, jump to `Σ γ_j s_{j+1}` with
 *
 * `c = argmin ‖r_k + Σ_{j<k} c_j r_j‖₂`,   `c_k = 1`,   `γ_j = c_j / Σ c_i`.
 *
 * Exact on a linear map once `k` reaches the degree of the minimal polynomial, like `reducedRank()`; related to full
 * orthogonalisation as that one is to GMRES. `Σ c_i` may be near 0, and the jump far off: such a row takes a plain step.
 * `reducedRank()` is the safer one.
 *
 * States are `[batch, size]`; coefficients are per row, from float64 least squares on the host.
 *
 * @cost 1 evaluation per step, `k + 1` stored vectors; one `k × k` system per row every `k + 1` steps
 * @throws EquilibriaError on modes below 1, a damping outside `(0, 1]` or a cap that is not positive
 * @cite cabay1976, sidi2017
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { minimalPolynomial } from '@equilibria/solvers'
 *
 * const slow = defineOperator({ name: 'slow', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.99), x) })
 * const { stats } = equilibrium(slow, { solver: minimalPolynomial({ modes: 1 }) }).solve(tf.tensor2d([[1, 2]]))
 * console.log(stats.evaluations) // 3, or a cycle more where rounding asks for it
 * ```
 */
export function minimalPolynomial(options: CycleOptions = {}): Solver {
  const settings = checkCycle('minimalPolynomial', options)
  return cycled(
    {
      name: 'minimal-polynomial',
      requires: { kernels: ['leastSquares', 'combine'] },
      length: settings.modes + 1,
      weights(problem, residuals) {
        const last = residuals.at(-1)!
        const older = residuals.slice(0, -1).reverse() // newest first: where two say the same, the newer one is kept
        const found = problem.kernels.leastSquares(last, older, { regularization: 0, cap: Number.POSITIVE_INFINITY })
        const batch = last.shape[0]
        const solved = found.dataSync()
        const k = older.length
        const w = new Float32Array(batch * (k + 1))
        for (let row = 0; row < batch; row++) {
          const c = Array.from({ length: k + 1 }, (_, j) => (j === k ? 1 : -solved[row * k + (k - 1 - j)]!))
          const sum = c.reduce((s, v) => s + v, 0)
          // Σ γ_j s_{j+1} = s_{k+1} − β Σ_{i≥1} (γ_0 + … + γ_{i−1}) r_i
          let before = 0
          for (let i = 1; i <= k; i++) {
            before += c[i - 1]! / sum
            w[row * (k + 1) + i] = -before
          }
        }
        return tf.tensor2d(w, [batch, k + 1])
      },
    },
    settings,
  )
}
