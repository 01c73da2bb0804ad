import * as tf from '@tensorflow/tfjs-core'
import type { Loose, TensorTree } from '@equilibria/spec'
import { type EquilibriumLayer, requireRange, requireWhole } from '@equilibria/core'
import { EquilibriaError, recordOrForget, scoped } from '@equilibria/tensor'
import { refuseSecondOrder } from './adjoint/second-order.ts'
import { reporting } from './phantom.ts'

/** How states count: `exponential` `γ^(n−1−i)`, `linear` `1 − γ (n−1−i)/n`, `constant` 1, or numbers. */
export type CorrectionWeights = 'exponential' | 'linear' | 'constant' | readonly number[]

export interface FixedPointCorrectionOptions<S extends TensorTree> {
  /** Numbers of solver steps, increasing: the loss looks at the states after each. */
  readonly at: readonly number[]
  /** Default `exponential`. */
  readonly weights?: CorrectionWeights
  /** `γ` in `[0, 1]`. Default `0.8` for `exponential`, `0.9` for `linear`; the other weights have none. */
  readonly decay?: number
  /** Applications of `G` recorded from each state. Default `1`. */
  readonly recorded?: number
  /** Where the solve starts. Borrowed. */
  readonly initial?: S
}

/**
 * Fixed-point correction: a loss on states on the way to the equilibrium as well, so that a model is right early.
 *
 * With `z_i` the state after `at[i]` solver steps, `i = 0 … n−1`, held fixed, this is `Σ wᵢ ℓ(Gᵏ(z_i, x; θ))`,
 * `k = recorded`: differentiable in `θ` and `x` through `k` applications from each state, Jacobian-free style. The weights
 * are not normalised. Include the last step in `at`, or add the loss at the equilibrium with its own gradient mode.
 *
 * The states are those of `layer.trajectory`: nothing is frozen, and the batch is not compacted. As biased as
 * `jacobianFree` at each state; not for sensitivities.
 *
 * @cost `max(at)` solver steps off the tape; `n · recorded` recorded evaluations, whose tensors live until the backward
 * pass; `n` stored states
 * @throws EquilibriaError `gradient` when its gradient is differentiated (the states would move); `option` on steps that do not increase, weights that do not fit `at`, or a decay nobody reads
 * @cite bai2022
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { picard } from '@equilibria/solvers'
 * import { fixedPointCorrection } from '@equilibria/implicit-diff'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const layer = equilibrium(half, { solver: picard() })
 * const loss = (x: tf.Tensor) => fixedPointCorrection(layer, x as tf.Tensor2D, { at: [1, 2], weights: 'constant' }, (z) => tf.sum(z) as tf.Scalar)
 * console.log(loss(tf.ones([1, 1])).dataSync(), tf.grad(loss)(tf.ones([1, 1])).dataSync()) // [3.25] [2]: G(1) + G(1.5)
 * ```
 */
export function fixedPointCorrection<S extends TensorTree, X extends TensorTree>(
  layer: EquilibriumLayer<S, X>,
  input: X,
  { at, weights = 'exponential', decay, recorded = 1, initial }: FixedPointCorrectionOptions<S>,
  loss: (state: Loose<S>, index: number) => tf.Scalar,
): tf.Scalar {
  requireWhole('fixedPointCorrection({ recorded })', recorded, 1)
  const w = correctionWeights(at.length, weights, decay)
  return recordOrForget(() =>
    scoped(() => {
      const states = layer.trajectory(input, at, initial === undefined ? {} : { initial })
      const { apply } = layer.operator.bind(input)
      const terms = states.map(({ state }, i) => {
        let z: S | Loose<S> = state
        for (let k = 0; k < recorded; k++) z = apply(z as S)
        return tf.mul(loss(z as Loose<S>, i), w[i]!)
      })
      return reporting(tf.addN(terms) as tf.Scalar, () => refuseSecondOrder('fixedPointCorrection()'))
    }),
  )
}

function correctionWeights(n: number, weights: CorrectionWeights, decay: number | undefined): readonly number[] {
  if (decay !== undefined) {
    requireRange('fixedPointCorrection({ decay })', decay, 0, 1)
    if (weights !== 'exponential' && weights !== 'linear')
      throw wrong(`was given decay ${decay} with weights that have none`, 'Leave decay out.')
  }
  if (n === 0) throw wrong('was given no steps in "at"', 'Pass at least one number of steps.')
  const later = Array.from({ length: n }, (_, i) => n - 1 - i)
  if (weights === 'exponential') return later.map((left) => (decay ?? 0.8) ** left)
  if (weights === 'linear') return later.map((left) => 1 - ((decay ?? 0.9) * left) / n)
  if (weights === 'constant') return later.map(() => 1)
  if (!Array.isArray(weights) || weights.length !== n || !weights.every((v) => Number.isFinite(v)))
    throw wrong(
      `got weights ${JSON.stringify(weights)} for ${n} states`,
      'Pass "exponential", "linear", "constant", or one finite number per entry of "at".',
    )
  return weights
}

const wrong = (what: string, hint: string): EquilibriaError =>
  new EquilibriaError('option', `fixedPointCorrection() ${what}.`, hint)
