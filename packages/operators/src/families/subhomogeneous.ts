import * as tf from '@tensorflow/tfjs-core'
import { picard } from '@equilibria/solvers'
import { EquilibriaError } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { affineFamily, type AffineOptions } from '../parameters/affine-family.ts'
import { requireBetween } from '../parameters/validate.ts'

export interface SubhomogeneousOptions extends AffineOptions {
  /** `p` in `(0, 1)`: the degree, and the modulus. Default `0.5`. */
  readonly degree?: number
  /** Added to the input; `0` is allowed where weights and states are known to be positive. Default `0.01`. */
  readonly floor?: number
}

/**
 * `G(z, x) = (z⁺ W + softplus(x U + b) + floor)ᵖ` with `W = softplus(V) ≥ 0` of any size: subhomogeneous of degree `p < 1`,
 * `G(λz) ≥ λᵖ G(z)` for `0 < λ ≤ 1`, and increasing. So it contracts by `p` in the Thompson metric `maxᵢ |log aᵢ − log bᵢ|`: one
 * equilibrium, positive, whatever the weights are.
 *
 * States are not bounded as those of `positiveConcave` are: they grow as `‖W‖^{p/(1−p)}`. Only the positive part `z⁺` of a state
 * is read, so that any start will do; the first step makes it positive. A solve starts above the equilibrium, from where it goes
 * down all the way; from far below, the residual first grows, which a rule may take for divergence.
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. When not to use it: where states need a sign; with `p` near 1 and large weights,
 * whose equilibrium float32 cannot hold.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` and a power per evaluation; one pass over the weight per solve
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a degree outside `(0, 1)`, a negative floor or gain;
 * `shape` when the input is not `[batch, inputs]`
 * @cite sittoni2024, thompson1963
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { subhomogeneous } from '@equilibria/operators'
 *
 * const family = subhomogeneous({ size: 8, inputs: 2 })
 * const { status } = equilibrium(family, { solver: family.solver() }).solve(tf.ones([4, 2]))
 * console.log(status, family.certificate.modulus) // converged …, 0.5
 * family.dispose()
 * ```
 */
export function subhomogeneous(options: SubhomogeneousOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { degree = 0.5, floor = 0.01 } = options
  requireBetween('subhomogeneous', 0, 1, { degree })
  if (!(floor >= 0 && floor < Number.POSITIVE_INFINITY))
    throw new EquilibriaError('option', `subhomogeneous({ floor: ${floor} }) is out of range.`, 'Pass floor ≥ 0.')
  return affineFamily({
    name: 'subhomogeneous',
    options,
    // S with G(S) ≤ S in every entry: both (2wS)ᵖ and (2u)ᵖ are at most S. Down from there the residual falls.
    initial: (matrix, injection) => {
      const most = tf.max(tf.sum(matrix, 0))
      const start = tf.maximum(
        tf.pow(tf.mul(most, 2), degree / (1 - degree)),
        tf.pow(tf.mul(tf.max(injection, 1, true), 2), degree),
      )
      return tf.mul(tf.onesLike(injection), start)
    },
    matrix: ({ weight }) => tf.softplus(weight) as tf.Tensor2D,
    inject: (raw) => tf.add(tf.softplus(raw), floor),
    read: (z) => tf.relu(z),
    finish: (sum) => tf.pow(sum, degree),
    certificate: () => ({
      property: 'contraction',
      norm: 'thompson',
      modulus: degree,
      statement: `G(·, x) contracts by ${degree} in the Thompson metric for all weights and inputs: it is increasing and subhomogeneous of degree ${degree}.`,
      assumptions: [
        'the weights are finite, and the equilibrium is within the range of float32',
        ...(floor === 0 ? ['states start positive, and no entry of them is without a positive weight or input'] : []),
      ],
      sources: ['sittoni2024', 'thompson1963'],
    }),
    solver: () => picard(),
  })
}
