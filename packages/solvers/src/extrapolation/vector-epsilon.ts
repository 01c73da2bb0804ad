import * as tf from '@tensorflow/tfjs-core'
import type { Solver } from '@equilibria/spec'
import { checkCycle, cycled, type CycleOptions } from './cycle.ts'

/**
 * Wynn's vector epsilon algorithm, cycled: after `2k` steps `s_{j+1} = s_j + β r_j`, jump to `ε_{2k}^{(0)}` of
 *
 * `ε_{−1} = 0`,   `ε_0^{(j)} = s_j`,   `ε_{i+1}^{(j)} = ε_{i−1}^{(j+1)} + (ε_i^{(j+1)} − ε_i^{(j)})⁻¹`,   `v⁻¹ = v / ‖v‖²`.
 *
 * For scalars it is Shanks' transformation (`k = 1`: Aitken's Δ²). Exact on a linear map whose error has `k` modes, for
 * twice the steps of `reducedRank()`, which is the better choice for vectors of a linear or smooth iteration; this one
 * needs no least-squares problem, and often accelerates where the theory of the others says nothing.
 *
 * States are `[batch, size]`; the table is computed per row, in float64 on the host.
 *
 * @cost 1 evaluation per step, `2k` stored vectors; `2k² size` host operations per row every `2k` steps
 * @throws EquilibriaError on modes below 1, a damping outside `(0, 1]` or a cap that is not positive
 * @cite sidi2017, wynn1962
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { vectorEpsilon } from '@equilibria/solvers'
 *
 * const cosine = defineOperator({ name: 'cosine', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z) => tf.cos(z) })
 * const { state, stats } = equilibrium(cosine, { solver: vectorEpsilon({ modes: 1 }) }).solve(tf.ones([1, 1]))
 * console.log(stats.evaluations, state.dataSync()[0]) // fewer than 10; 0.7390…
 * ```
 */
export function vectorEpsilon(options: CycleOptions = {}): Solver {
  const settings = checkCycle('vectorEpsilon', options)
  const count = 2 * settings.modes
  return cycled(
    {
      name: 'vector-epsilon',
      requires: { kernels: ['combine'] },
      length: count,
      weights(_, residuals, z) {
        const [batch, size] = residuals[0]!.shape
        const read = residuals.map((r) => r.dataSync())
        const states = z.dataSync()
        const w = new Float32Array(batch * count)
        for (let row = 0; row < batch; row++) {
          const steps = read.map((r) => Float64Array.from(r.subarray(row * size, (row + 1) * size)))
          const largest = largestOf(Float64Array.from(states.subarray(row * size, (row + 1) * size)))
          epsilon(steps, 4 * 2 ** -24 * largest).forEach((a, i) => (w[row * count + i] = a - 1)) // from s_0 to s_2k every weight is 1
        }
        return tf.tensor2d(w, [batch, count])
      },
    },
    settings,
  )
}

/**
 * `a` with `ε_{2k}^{(0)} = s_0 + Σ aᵢ rᵢ` for the steps `rᵢ = s_{i+1} − s_i`; every entry is such a combination. Where two
 * neighbours of an even column agree within `noise`, they are the limit, and going on would divide by rounding errors.
 */
function epsilon(steps: readonly Float64Array[], noise: number): Float64Array {
  const n = steps.length
  // Scaled to a largest entry of 1: the weights are the same, and no square overflows.
  const top = Math.max(...steps.map(largestOf)) || 1
  let before = Array.from({ length: n + 2 }, () => new Float64Array(n))
  let now = Array.from({ length: n + 1 }, (_, j) => new Float64Array(n).map((_one, i) => (i < j ? 1 : 0)))
  for (let column = 0; column < n; column++) {
    const next: typeof now = []
    for (let j = 0; j < n - column; j++) {
      const gap = now[j + 1]!.map((x, i) => x - now[j]![i]!)
      const v = new Float64Array(steps[0]!.length)
      gap.forEach((g, i) => steps[i]!.forEach((x, at) => (v[at]! += (g * x) / top)))
      if (column % 2 === 0 && largestOf(v) * top <= noise) return now[j + 1]!
      const squared = v.reduce((s, x) => s + x * x, 0)
      // Odd columns hold inverses, in units of 1/top².
      next.push(gap.map((g, i) => g / squared + before[j + 1]![i]!))
    }
    before = now
    now = next
  }
  return now[0]!
}

const largestOf = (v: Float64Array): number => v.reduce((m, x) => Math.max(m, Math.abs(x)), 0)
