import * as tf from '@tensorflow/tfjs-core'
import { picard } from '@equilibria/solvers'
import { EquilibriaError } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { boundedMatrix, type NormaliserName } from '../normalise/matrices.ts'
import { type FamilyActivation, type FamilyActivationName, activationOf } from '../parameters/activations.ts'
import { affineFamily, type AffineOptions } from '../parameters/affine-family.ts'
import { spectralBound } from '../parameters/spectral-bound.ts'

export interface FirmlyNonexpansiveOptions extends AffineOptions {
  /** `σ`, whose slope is taken off the norm of `W`. Default `'tanh'`, which is bounded: there is always an equilibrium. */
  readonly activation?: FamilyActivationName | FamilyActivation
  /** How `‖W‖₂ ≤ 1 / Lip(σ)` is kept. Default `'aol'`. */
  readonly matrix?: NormaliserName
}

/**
 * `G(z, x) = ½ (z + N(z, x))`, `N = σ(z W + x U + b)` nonexpansive: firmly nonexpansive in the 2-norm, whatever the weights are,
 *
 * `‖G(a) − G(b)‖² + ‖(a − G(a)) − (b − G(b))‖² ≤ ‖a − b‖²`,
 *
 * as resolvents and projections are. Its equilibria are those of `N`, a convex set: more than one is allowed, and none too,
 * unless `σ` is bounded (`'tanh'`, `'sigmoid'`). Where there is one, Picard converges to one, monotonically, and the residual
 * falls at least as `1/√k`; `halpern()` has `1/k`.
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. When not to use it: where the gradient of the answer is needed and equilibria are
 * not isolated (`I − J` is singular there); where a rate is needed, take a contraction.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` per evaluation; per solve what `matrix` costs (`spectral`, `aol`,
 * `cayley`)
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a negative gain, an unknown activation or matrix;
 * `shape` when the input is not `[batch, inputs]`
 * @cite bauschke2011
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { firmlyNonexpansive } from '@equilibria/operators'
 *
 * const family = firmlyNonexpansive({ size: 8, inputs: 2, matrix: 'cayley' })
 * const { status } = equilibrium(family, { solver: family.solver(), maxSteps: 500 }).solve(tf.ones([4, 2]))
 * console.log(status) // converged …
 * family.dispose()
 * ```
 */
export function firmlyNonexpansive(options: FirmlyNonexpansiveOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { matrix: kind = 'aol', size } = options
  const activation = activationOf(options.activation ?? 'tanh')
  if (!['aol', 'cayley', 'spectral'].includes(kind))
    throw new EquilibriaError(
      'option',
      `firmlyNonexpansive({ matrix: '${String(kind)}' }) is not known.`,
      "Pass 'aol', 'cayley' or 'spectral'.",
    )
  const matrix = boundedMatrix(kind, size, 1 / activation.lipschitz)
  return affineFamily({
    name: 'firmlyNonexpansive',
    options,
    traits: { lipschitz: 1 },
    matrix: ({ weight }) => matrix(weight as unknown as tf.Tensor2D),
    finish: (sum, z) => tf.mul(tf.add(activation.apply(sum), z), 0.5),
    certificate: (_, used) => ({
      property: 'averaged',
      norm: '2',
      modulus: 1,
      modulusNow: () =>
        Math.min(1, (1 + activation.lipschitz * spectralBound(used(), size, size)) * 0.5 * (1 + 2 ** -51)),
      statement:
        'G(·, x) is firmly nonexpansive for all weights and inputs: it is half the identity, half a nonexpansive map.',
      assumptions: [`${activation.name} is ${activation.lipschitz}-Lipschitz in the 2-norm`, 'the weights are finite'],
      sources: ['bauschke2011'],
    }),
    solver: () => picard(),
  })
}
