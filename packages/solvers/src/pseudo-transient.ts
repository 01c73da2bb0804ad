import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, onTape, scale, sub } from '@equilibria/tensor'
import type { Solver } from '@equilibria/spec'
import { gmres } from './linear/gmres.ts'
import { rowFill, rowNorm, rowScale, TINY } from './rows.ts'

/** Each row's time step, and the residual norm that it was chosen at. */
export interface PseudoTransientMemory {
  readonly [key: string]: tf.Tensor2D
  readonly dt: tf.Tensor2D
  readonly norm: tf.Tensor2D
}
export interface PseudoTransientOptions {
  /** `Δτ₀`: the first time step. Default `1`. */
  readonly first?: number
  /** Every `Δτ` is this much larger than the ratio of residuals alone would make it. Default `2`; `1` is the plain rule. */
  readonly growth?: number
  /** Largest `Δτ`. Default `1e6`, practically Newton's method; the larger `‖∂G/∂z‖`, the sooner `Δτ` is large. */
  readonly largest?: number
  /** Relative tolerance of the linear systems. Default `1e-2`. */
  readonly forcing?: number
  /** Most products with the Jacobian per step. Default `30`. */
  readonly products?: number
}

/**
 * Pseudo-transient continuation: linearly implicit Euler steps on `dz/dτ = G(z) − z`, whose rest points are the fixed
 * points, with time steps that grow as the residual falls (switched evolution relaxation),
 *
 * `(I/Δτ + I − J) d = r`,   `z ← z + d`,   `Δτ_k = growth · Δτ_{k−1} ‖r_{k−1}‖ / ‖r_k‖`.
 *
 * Small `Δτ` follows the flow, which is safe far from the answer; large `Δτ` is Newton's method, which is fast near it.
 * Converges to stable rest points of the flow (`I − J` with eigenvalues in the right half-plane), also where Picard
 * diverges, and prefers them where there are several. With inexact systems the end is linear, about `forcing` per step.
 *
 * Needs products with `J`: every op of `G` needs a gradient that has a gradient itself. Not for cheap contractions, where one step
 * costs as much as a whole solve by `anderson()`, and not under `unrolled()`: use `implicit()`.
 *
 * States are `[batch, size]`; time steps are per row. The systems are solved by GMRES, row by row.
 *
 * @cost 1 linearisation and up to `products` products with `J` per step; `products + 2` stored vectors within a step, none
 * between steps
 * @throws EquilibriaError on a `first` or `largest` that is not positive, `first > largest`, a `growth` outside `[1, 10]`, a `forcing` outside `(0, 1)`,
 * fewer than 2 `products`; `gradient` while the solve itself is recorded
 * @cite kelley1998
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { pseudoTransient } from '@equilibria/solvers'
 *
 * // z = −10 z³ + x: stiff for large z.
 * const cubic = defineOperator({ name: 'cubic', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.sub(x, tf.mul(10, tf.mul(z, tf.square(z)))) })
 * const { state, stats } = equilibrium(cubic, { solver: pseudoTransient() }).solve(tf.tensor2d([[11]]))
 * console.log(stats.steps, state.dataSync()) // about a dozen steps, [1]
 * ```
 */
export function pseudoTransient({
  first = 1,
  growth = 2,
  largest = 1e6,
  forcing = 1e-2,
  products = 30,
}: PseudoTransientOptions = {}): Solver {
  if (!(first > 0 && first <= largest && largest < Number.POSITIVE_INFINITY) || !(growth >= 1 && growth <= 10))
    throw new EquilibriaError(
      'option',
      `pseudoTransient({ first: ${first}, growth: ${growth}, largest: ${largest} }) are not time steps.`,
      'Pass 0 < first ≤ largest, both finite, and a growth from 1 to 10.',
    )
  if (!(forcing > 0 && forcing < 1) || !Number.isInteger(products) || products < 2)
    throw new EquilibriaError(
      'option',
      `pseudoTransient({ forcing: ${forcing}, products: ${products} }) cannot solve a system.`,
      'Pass a forcing in (0, 1) and a whole number of products ≥ 2.',
    )
  const inner = gmres({ restart: products })
  const solver: Solver<PseudoTransientMemory> = {
    kind: 'solver',
    spec: 1,
    name: 'pseudo-transient',
    init: ({ batch }) => ({ dt: rowFill(batch, first), norm: rowFill(batch, 0) }),
    step(problem, z, past) {
      if (onTape())
        throw new EquilibriaError(
          'gradient',
          'pseudoTransient() cannot be recorded step by step: its systems are solved off the tape.',
          'Use implicit(), phantom() or another mode that differentiates at the solution.',
        )
      const frozen = problem.linearize(z)
      try {
        const r = sub(frozen.value, z)
        const norm = rowNorm(r)
        const grown = tf.mul(tf.mul(past.dt, growth), tf.div(past.norm, tf.maximum(norm, TINY)))
        // `past.norm` is 0 before the first step.
        const dt = tf.where(tf.greater(past.norm, 0), tf.clipByValue(grown, TINY, largest), past.dt) as tf.Tensor2D
        // Times Δτ/(1 + Δτ), the system reads d − σ J d = σ r with σ in (0, 1).
        const sigma = tf.div(dt, tf.add(dt, 1)) as tf.Tensor2D
        // Of size 1, whatever the size of the residual: its squares are safe in float32.
        const size = rowScale(r)
        const { u } = inner.solve((d) => scale(frozen.jvp(d), sigma), scale(tf.div(r, size), sigma), {
          tolerance: forcing,
          maxSteps: products,
        })
        return { next: add(z, scale(u, size)), residual: r, memory: { dt, norm } }
      } finally {
        frozen.dispose()
      }
    },
  }
  return solver as unknown as Solver
}
