import type * as tf from '@tensorflow/tfjs-core'
import { picard } from '@equilibria/solvers'
import type { CertifiedOperator } from '../certificate.ts'
import { boundedMatrix, type NormaliserName } from '../normalise/matrices.ts'
import { type FamilyActivation, type FamilyActivationName, activationOf } from '../parameters/activations.ts'
import { affineFamily, type AffineOptions, spectralSolution } from '../parameters/affine-family.ts'
import { spectralBound } from '../parameters/spectral-bound.ts'
import { requireBetween } from '../parameters/validate.ts'

/** Sizes, modulus and activation of a family that contracts in the 2-norm. */
export interface ContractionOptions extends AffineOptions {
  /** `κ` in `(0, 1)`: `G` contracts by at least this factor. Default `0.9`. */
  readonly modulus?: number
  /** `σ`, whose slope is taken off the norm of `W`. Default `'tanh'`. */
  readonly activation?: FamilyActivationName | FamilyActivation
}

/** What the families that keep `‖W‖₂ ≤ κ / Lip(σ)` share; they differ in how the free weight becomes `W`. */
export function contraction(
  name: NormaliserName,
  options: ContractionOptions,
  how: string,
  sources: readonly string[],
): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { modulus = 0.9, size } = options
  const activation = activationOf(options.activation ?? 'tanh')
  requireBetween(name, 0, 1, { modulus })
  const matrix = boundedMatrix(name, size, modulus / activation.lipschitz)
  return affineFamily({
    name,
    options,
    traits: { lipschitz: modulus, monotone: 1 - modulus },
    matrix: ({ weight }) => matrix(weight as unknown as tf.Tensor2D),
    finish: (sum) => activation.apply(sum),
    certificate: ({ input }, used) => {
      // Rounded up; the matrix is at most `modulus / lipschitz`, and its bound may be a little above that.
      const now = () => Math.min(modulus, activation.lipschitz * spectralBound(used(), size, size) * (1 + 2 ** -51))
      return {
        property: 'contraction',
        norm: '2',
        modulus,
        modulusNow: now,
        solutionLipschitz: () => spectralSolution(input, activation.lipschitz, now()),
        statement: `‖G(a, x) − G(b, x)‖₂ ≤ ${modulus} ‖a − b‖₂ for all weights, states and inputs: ${how}.`,
        assumptions: [
          `${activation.name} is ${activation.lipschitz}-Lipschitz in the 2-norm`,
          'the weights are finite',
        ],
        sources,
      }
    },
    solver: () => picard(),
  })
}
