import type { Solver } from '@equilibria/spec'
import {
  checkReflection,
  checkStep,
  reflectedStep,
  resolventStep,
  type SplittingOptions,
  splittingSolver,
} from './parts.ts'

/**
 * Peaceman–Rachford splitting on the monotone parts of `G`, `0 ∈ A z + B z`:
 *
 * `y = (I + αA)⁻¹ (2z − x)`,   `x ← 2y − (2z − x)`,   `z ← (I + αB)⁻¹ x`.
 *
 * Converges linearly for every `α > 0` when `A` is strongly monotone and Lipschitz, whatever the norm of `∂G/∂z`; at
 * `α = 1/L` with the rate `√((L − m)/(L + m))`. Without strong monotonicity it may circle for ever (two lines through one
 * point: the iterates keep their norm): use `douglasRachford()` there. Works as an adjoint solver,
 * `implicit({ solver: peacemanRachford() })`, where the splitting has an adjoint.
 *
 * States are `[batch, size]`; each row moves by itself. The auxiliary point `x` is memory; the state is always
 * `(I + αB)⁻¹ x`, so that it keeps its constraints (signs, boxes, sparsity) exactly.
 *
 * @cost 1 evaluation, which only measures the residual, and 1 resolvent of each part per step; 2 stored vectors
 * @throws EquilibriaError `option` on a step that is not positive; `requirement` (from the solve) when the operator has no
 * splitting, no resolvent of `A`, or a part `C`
 * @cite lions1979, peaceman1955, winston2020
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { peacemanRachford, linearProxSplitting, proximal } from '@equilibria/solvers'
 *
 * // z = relu(z W + x), rows are samples; I − W has the symmetric part I, however large the skew part is
 * const W = tf.tensor2d([[0, 3], [-3, 0]])
 * const layer = equilibrium(
 *   {
 *     kind: 'operator', spec: 1, name: 'skew', traits: {},
 *     bind: (x: tf.Tensor2D) => ({
 *       initial: () => tf.zerosLike(x),
 *       apply: (z: tf.Tensor2D) => tf.relu(tf.add(tf.matMul(z, W), x)),
 *       splitting: linearProxSplitting({ weights: W, bias: x, proximal: proximal.relu, monotonicity: 1, lipschitz: Math.sqrt(10) }),
 *     }),
 *   },
 *   { solver: peacemanRachford(), maxSteps: 200 },
 * )
 * console.log(layer.solve(tf.tensor2d([[1, 1]])).state.dataSync()) // [0, 1]: Picard would run away
 * ```
 */
export function peacemanRachford({ step }: SplittingOptions = {}): Solver {
  checkStep('peacemanRachford', step)
  return splittingSolver({
    name: 'peaceman-rachford',
    check: (parts) => checkReflection('peacemanRachford', parts),
    alpha: (parts, symmetric) => step ?? resolventStep(parts, symmetric),
    move: (parts, at, alpha) => reflectedStep(parts, at, alpha, 2),
  })
}
