import type { Solver } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import {
  checkReflection,
  checkStep,
  reflectedStep,
  resolventStep,
  type SplittingOptions,
  splittingSolver,
} from './parts.ts'

export interface RelaxedSplittingOptions extends SplittingOptions {
  /** `λ` in `(0, 2)`. Default `1`. */
  readonly relaxation?: number
}

/** @throws EquilibriaError `option` unless `λ` is in `(0, 2)` */
export function checkRelaxation(call: string, relaxation: number): void {
  if (!(relaxation > 0 && relaxation < 2))
    throw new EquilibriaError(
      'option',
      `${call}({ relaxation: ${relaxation} }) is not a relaxation.`,
      'Pass 0 < relaxation < 2; relaxation 2 is peacemanRachford().',
    )
}

/**
 * Douglas–Rachford splitting on the monotone parts of `G`, `0 ∈ A z + B z`; the average of `peacemanRachford()` and
 * standing still:
 *
 * `y = (I + αA)⁻¹ (2z − x)`,   `x ← x + λ (y − z)`,   `z ← (I + αB)⁻¹ x`.
 *
 * Converges for every `α > 0` and `0 < λ < 2` when there is a solution, strongly monotone or not; on two lines at an angle
 * `θ` at the rate `cos θ`. Where `A` is strongly monotone and Lipschitz, Peaceman–Rachford is the faster one.
 *
 * States are `[batch, size]`; each row moves by itself. The auxiliary point `x` is memory.
 *
 * @cost 1 evaluation, which only measures the residual, and 1 resolvent of each part per step; 2 stored vectors
 * @throws EquilibriaError `option` on a step that is not positive or a relaxation outside `(0, 2)`; `requirement` (from the
 * solve) when the operator has no splitting, no resolvent of `A`, or a part `C`
 * @cite bauschke2014, lions1979
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { douglasRachford, linearProxSplitting, proximal } from '@equilibria/solvers'
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
 *   { solver: douglasRachford(), maxSteps: 200 },
 * )
 * console.log(layer.solve(tf.tensor2d([[1, 1]])).state.dataSync()) // [0, 1]: Picard would run away
 * ```
 */
export function douglasRachford({ step, relaxation = 1 }: RelaxedSplittingOptions = {}): Solver {
  checkStep('douglasRachford', step)
  checkRelaxation('douglasRachford', relaxation)
  return splittingSolver({
    name: 'douglas-rachford',
    check: (parts) => checkReflection('douglasRachford', parts),
    alpha: (parts, symmetric) => step ?? resolventStep(parts, symmetric),
    move: (parts, at, alpha) => reflectedStep(parts, at, alpha, relaxation),
  })
}
