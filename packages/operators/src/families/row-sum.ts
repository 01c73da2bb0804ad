import * as tf from '@tensorflow/tfjs-core'
import { picard } from '@equilibria/solvers'
import type { CertifiedOperator } from '../certificate.ts'
import { type FamilyActivation, type FamilyActivationName, componentwise } from '../parameters/activations.ts'
import { affineFamily, type AffineOptions, weightedSolution } from '../parameters/affine-family.ts'
import { requireBetween } from '../parameters/validate.ts'

export interface RowSumOptions extends AffineOptions {
  /** `κ` in `(0, 1)`. Default `0.9`. */
  readonly modulus?: number
  /** `σ`, acting on each entry by itself. Default `'tanh'`. */
  readonly activation?: FamilyActivationName | FamilyActivation
}

/**
 * `G(z, x) = σ(z W + x U + b)` with the weights into each entry scaled to an absolute sum of at most `c = κ / Lip(σ)`:
 * `Wⱼᵢ = Vⱼᵢ · c / max(c, Σₖ |Vₖᵢ|)`. A `κ`-contraction in the maximum norm, whatever `V`, `U` and `b` are.
 *
 * With `A = Wᵀ` this is `‖A‖_∞ ≤ c`, a set that the map from `V` covers exactly. Nothing is estimated; the gradient is exact.
 * Not a contraction in the 2-norm, where the norm of `W` may reach `c √size`.
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. When not to use it: where entries need to work on different scales, for which
 * `perron` has room.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` per evaluation; one pass over the weight per solve
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a modulus outside `(0, 1)`, a negative gain, an
 * activation that mixes entries; `shape` when the input is not `[batch, inputs]`
 * @cite elghaoui2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { rowSum } from '@equilibria/operators'
 *
 * const family = rowSum({ size: 8, inputs: 2, activation: 'relu' })
 * const { status } = equilibrium(family, { solver: family.solver(), maxSteps: 200 }).solve(tf.ones([4, 2]))
 * console.log(status, family.certificate.modulusNow?.()) // converged …, at most 0.9
 * family.dispose()
 * ```
 */
export function rowSum(options: RowSumOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { modulus = 0.9, size } = options
  requireBetween('rowSum', 0, 1, { modulus })
  const activation = componentwise('rowSum', options.activation ?? 'tanh')
  // A float32 sum of n terms, a quotient and two products are off by less than (n + 8) 2⁻²⁴; this is twice that.
  const limit = (modulus / activation.lipschitz) * (1 - (size + 8) * 2 ** -23)
  return affineFamily({
    name: 'rowSum',
    options,
    matrix: ({ weight }) => {
      const sums = tf.sum(tf.abs(weight), 0, true)
      return tf.mul(weight, tf.div(limit, tf.maximum(sums, limit)))
    },
    finish: (sum) => activation.apply(sum),
    certificate: ({ input }, used) => {
      const now = () => Math.min(modulus, activation.lipschitz * largestSum(used(), size) * (1 + 2 ** -51))
      return {
        property: 'contraction',
        norm: 'inf',
        modulus,
        modulusNow: now,
        solutionLipschitz: () => weightedSolution(input, activation.lipschitz, now(), new Float64Array(size).fill(1)),
        statement: `‖G(a, x) − G(b, x)‖_∞ ≤ ${modulus} ‖a − b‖_∞ for all weights, states and inputs: absolute row sums are scaled below it.`,
        assumptions: [
          `${activation.name} is ${activation.lipschitz}-Lipschitz in each entry`,
          'the weights are finite',
        ],
        sources: ['banach1922', 'elghaoui2021'],
      }
    },
    solver: () => picard(),
  })
}

/** `maxᵢ Σⱼ |Wⱼᵢ|`, rounded up. */
function largestSum(values: Float32Array, n: number): number {
  let largest = 0
  for (let i = 0; i < n; i++) {
    let sum = 0
    for (let j = 0; j < n; j++) sum += Math.abs(values[j * n + i]!)
    if (!(sum <= largest)) largest = sum
  }
  return largest * (1 + n * 2 ** -52)
}
