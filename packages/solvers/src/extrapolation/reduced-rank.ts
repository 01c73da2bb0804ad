import * as tf from '@tensorflow/tfjs-core'
import { sub } from '@equilibria/tensor'
import type { Solver, Vector } from '@equilibria/spec'
import { checkCycle, cycled, type CycleOptions } from './cycle.ts'

/**
 * Reduced rank extrapolation, cycled: after `k + 1` steps `s_{j+1} = s_j + β r_j`, jump to `Σ γ_j s_{j+1}` with
 *
 * `γ = argmin ‖Σ γ_j r_j‖₂`,   `Σ γ_j = 1`.
 *
 * The vector extrapolation method to start with: a least-squares problem that always has an answer. Exact on a linear
 * map once `k` reaches the degree of the minimal polynomial of `J` with respect to the first residual. One cycle is
 * `anderson()` from scratch, but the states in between are plain Picard states: use it where `G` must not be fed mixed
 * states at every step, or to extrapolate a sequence that is expensive to leave. Otherwise `anderson()` takes fewer
 * evaluations. For maps that expand strongly choose a `damping` that tames them.
 *
 * States are `[batch, size]`; coefficients are per row, from float64 least squares on the host.
 *
 * @cost 1 evaluation per step, `k + 1` stored vectors; one `k × k` system per row every `k + 1` steps
 * @throws EquilibriaError on modes below 1, a damping outside `(0, 1]` or a cap that is not positive
 * @cite mesina1977, sidi2017
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { reducedRank } from '@equilibria/solvers'
 *
 * const two = defineOperator({
 *   name: 'two',
 *   initial: (x: tf.Tensor2D) => tf.zerosLike(x),
 *   apply: (z, x) => tf.add(tf.matMul(z, [[0.9, 0.1], [0, -0.7]]), x),
 * })
 * const { stats } = equilibrium(two, { solver: reducedRank({ modes: 2 }) }).solve(tf.tensor2d([[1, 2]]))
 * console.log(stats.evaluations) // 4: three steps, and one look at the answer; more only if rounding asks for it
 * ```
 */
export function reducedRank(options: CycleOptions = {}): Solver {
  const settings = checkCycle('reducedRank', options)
  return cycled(
    {
      name: 'reduced-rank',
      requires: { kernels: ['leastSquares', 'combine'] },
      length: settings.modes + 1,
      weights(problem, residuals) {
        const last = residuals.at(-1)!
        // r_k − Σ θᵢ (rᵢ − rᵢ₋₁), newest difference first; the jump is −Σ θᵢ β rᵢ, i = 1 … k.
        const newest = [...residuals].reverse()
        const differences: Vector[] = newest.slice(0, -1).map((r, i) => sub(r, newest[i + 1]!))
        const theta = problem.kernels.leastSquares(last, differences, {
          regularization: 0,
          cap: Number.POSITIVE_INFINITY,
        })
        return tf.concat([tf.zeros([last.shape[0], 1]), tf.neg(tf.reverse(theta, 1))], 1) as tf.Tensor2D
      },
    },
    settings,
  )
}
