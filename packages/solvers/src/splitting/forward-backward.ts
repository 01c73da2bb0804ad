import type { Solver, Splitting, Vector } from '@equilibria/spec'
import { checkStep, explicitStep, missing, type SplittingOptions, splittingSolver } from './parts.ts'

/**
 * Forward–backward splitting on the monotone parts of `G`, `0 ∈ A z + B z + C z`:
 *
 * `z ← (I + αB)⁻¹ (z − α (A z + C z))`.
 *
 * No system to solve: `A` and `C` are only applied. Converges for `0 < α < 2m/L²` when `A` is `m`-strongly monotone and
 * `L`-Lipschitz, at `α = m/L²` with the rate `√(1 − m²/L²)`; for `0 < α < 2β` when `A + C` is `β`-cocoercive, the
 * gradient of a `1/β`-smooth convex function for example (ISTA, projected gradients). Where `L` is many times `m` it is
 * slow: `peacemanRachford()` takes about `L/m` steps where this takes `(L/m)²`.
 *
 * The default step is `m/L²`; with the trait `symmetric` `2/(m + L)`; with a cocoercivity alone `β`; else 1, which for
 * `z = prox_h(W z + b)` is Picard.
 *
 * States are `[batch, size]`; each row moves by itself.
 *
 * @cost 1 evaluation, which only measures the residual, 1 application of `A` and `C` and 1 resolvent of `B` per step; 2
 * stored vectors
 * @throws EquilibriaError `option` on a step that is not positive; `requirement` (from the solve) when the operator has no
 * splitting, or an `A` that can only be inverted
 * @cite lions1979, winston2020
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { forwardBackward, linearProxSplitting, proximal } from '@equilibria/solvers'
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
 *   { solver: forwardBackward(), maxSteps: 200 },
 * )
 * console.log(layer.solve(tf.tensor2d([[1, 1]])).state.dataSync()) // [0, 1]: Picard would run away
 * ```
 */
export function forwardBackward({ step }: SplittingOptions = {}): Solver {
  checkStep('forwardBackward', step)
  return splittingSolver({
    name: 'forward-backward',
    check({ applyA, resolventA, applyC }) {
      if (resolventA && !applyA)
        missing('forwardBackward', 'applies A, and this splitting has only its resolvent', 'Use douglasRachford().')
      if (!applyA && !applyC)
        missing('forwardBackward', 'needs a part to apply, and this splitting has neither A nor C', 'Give it one.')
    },
    alpha: (parts, symmetric) => step ?? explicitStepSize(parts, symmetric),
    move: (parts, { p }, alpha) => explicitStep(parts, p, alpha),
  })
}

function explicitStepSize(parts: Splitting<Vector>, symmetric: boolean): number {
  const { monotonicity: m = 0, lipschitz: L, cocoercivity, applyA, applyC } = parts
  const ofC = applyC ? (cocoercivity ?? 1) : Number.POSITIVE_INFINITY
  if (!applyA || L === undefined || !(L > 0)) return Math.min(ofC, applyA ? 1 : Number.POSITIVE_INFINITY)
  if (symmetric) return Math.min(ofC, 2 / (m + L))
  return Math.min(ofC, m > 0 ? m / L ** 2 : 1)
}
