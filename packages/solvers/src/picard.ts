import { add, EquilibriaError, scale, sub } from '@equilibria/tensor'
import type { Solver } from '@equilibria/spec'

export interface PicardOptions {
  /** `β` in `(0, 1]`: how far to move along the residual. Default `1`. */
  readonly damping?: number
}

/**
 * Picard iteration, damped (Krasnosel'skii–Mann): `z ← z + β (G(z) − z)`.
 *
 * Converges linearly, at rate `1 − β + βμ`, when `G` is a `μ`-contraction; with a symmetric Jacobian of spectrum
 * `[a, b]`, `b < 1`, the best `β` is `2 / (2 − a − b)`. The cheapest step there is, and for `μ` near 1 the slowest
 * method here: prefer `anderson()`. Does not converge for expansive maps, whatever their fixed points.
 *
 * States are `[batch, size]`; each row moves by itself.
 *
 * @cost 1 evaluation, no stored vectors
 * @throws EquilibriaError when `damping` is outside `(0, 1]`
 * @cite banach1922
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { picard } from '@equilibria/solvers'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const { state } = equilibrium(half, { solver: picard() }).solve(tf.tensor2d([[1, 2]]))
 * console.log(state.dataSync()) // about [2, 4]
 * ```
 */
export function picard({ damping = 1 }: PicardOptions = {}): Solver<null> {
  if (!(damping > 0 && damping <= 1))
    throw new EquilibriaError('option', `picard({ damping: ${damping} }) is not a step.`, 'Pass 0 < damping ≤ 1.')
  return {
    kind: 'solver',
    spec: 1,
    name: 'picard',
    exactOnTape: true,
    init: () => null,
    step(problem, z) {
      const residual = sub(problem.apply(z), z)
      return { next: damping === 1 ? add(z, residual) : add(z, scale(residual, damping)), residual, memory: null }
    },
  }
}
