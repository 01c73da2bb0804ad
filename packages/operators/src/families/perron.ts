import type * as tf from '@tensorflow/tfjs-core'
import { picard } from '@equilibria/solvers'
import type { CertifiedOperator } from '../certificate.ts'
import { componentwise } from '../parameters/activations.ts'
import { affineFamily, weightedSolution } from '../parameters/affine-family.ts'
import { perronMeasure } from '../parameters/perron.ts'
import { remembered } from '../parameters/remembered.ts'
import { scaledBelow } from '../parameters/scaled-below.ts'
import { requireBetween } from '../parameters/validate.ts'
import type { RowSumOptions } from './row-sum.ts'

/**
 * `G(z, x) = σ(z W + x U + b)` with `W = V · c / max(c, λ)`, `c = κ / Lip(σ)`, where `λ` is the Perron root of `|V|`: a
 * `κ`-contraction in a weighted maximum norm, whatever `V`, `U` and `b` are. This is El Ghaoui's well-posedness,
 * `λ_pf(|A|) < 1`, for every `σ` that acts on single entries.
 *
 * `λ` is `maxᵢ (|V|ᵀv)ᵢ / vᵢ` for a `v > 0`, which bounds the Perron root from above and equals it at the Perron vector; the norm
 * is `maxᵢ |zᵢ| / vᵢ`, and `certificate.weights()` says `1/v` for the weights of now. Any norm of `W` is allowed: its largest
 * entry may be far above 1. Where `|V|` is reducible, `v` is that of a matrix with `1e-4/size` of the largest entry added
 * everywhere, and `λ` is somewhat above the root.
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. The rate holds in the weighted norm: in others the distance may first grow, by
 * the ratio of the weights. When not to use it: for wide states, as `spectral`.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` per evaluation; per change of the weights 17 products of `size × size`
 * matrices in float64 on the host
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a modulus outside `(0, 1)`, a negative gain, an
 * activation that mixes entries; `shape` when the input is not `[batch, inputs]`
 * @cite elghaoui2021, horn2013
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { perron } from '@equilibria/operators'
 *
 * const family = perron({ size: 2, inputs: 2, activation: 'relu' })
 * family.variables['weight']!.assign(tf.tensor2d([[0.1, 0.2], [2, 0.1]])) // ‖W‖₂ > 2
 * const { status } = equilibrium(family, { solver: family.solver(), maxSteps: 200 }).solve(tf.ones([1, 2]))
 * console.log(status, family.certificate.modulusNow?.()) // converged, 0.7326: the Perron root is 0.7325
 * family.dispose()
 * ```
 */
export function perron(options: RowSumOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { modulus = 0.9, size } = options
  requireBetween('perron', 0, 1, { modulus })
  const activation = componentwise('perron', options.activation ?? 'tanh')
  const limit = modulus / activation.lipschitz
  const measured = remembered((values) => perronMeasure(values, size))
  return affineFamily({
    name: 'perron',
    options,
    // Rounding changes each entry by 2⁻²⁴ of itself, and so the norm: `scaledBelow` has room for that.
    matrix: ({ weight }) => scaledBelow(weight, limit, measured(weight.dataSync()), 0) as tf.Tensor2D,
    finish: (sum) => activation.apply(sum),
    certificate: ({ weight, input }) => {
      const now = () => Math.min(modulus, activation.lipschitz * measured(weight.dataSync()).bound * (1 + 2 ** -51))
      const weights = () => measured(weight.dataSync()).vector.map((v) => 1 / v)
      return {
        property: 'contraction',
        norm: 'weighted-inf',
        modulus,
        modulusNow: now,
        weights,
        solutionLipschitz: () => weightedSolution(input, activation.lipschitz, now(), weights()),
        statement: `G(·, x) contracts by ${modulus} in a weighted maximum norm for all weights, states and inputs: the Perron root of |W| is below it.`,
        assumptions: [
          `${activation.name} is ${activation.lipschitz}-Lipschitz in each entry`,
          'the weights are finite',
        ],
        sources: ['elghaoui2021', 'horn2013'],
      }
    },
    solver: () => picard(),
  })
}
