import type * as tf from '@tensorflow/tfjs-core'
import type { CertifiedOperator } from '../certificate.ts'
import { contraction, type ContractionOptions } from './contraction.ts'

/**
 * `G(z, x) = σ(z W + x U + b)` with `W = V · c / max(c, ‖V‖₂)`, `c = κ / Lip(σ)`: a `κ`-contraction in the 2-norm, whatever
 * `V`, `U` and `b` are.
 *
 * `‖V‖₂` is bounded from above by a Schatten norm in float64 (not by a power iteration, which is below the truth), so that
 * the float32 matrix that is used has norm at most `c`: matrices below the limit are used as they are. The gradient of the norm
 * is taken along its top singular vectors.
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. Picard converges at rate `κ`; `anderson()` usually sooner. When not to use
 * it: where the target is steep, since `‖∂z* / ∂x‖ ≤ Lip(σ) ‖U‖₂ / (1 − κ)` for all `x`; for wide states (above some
 * hundred entries), where the norm costs more than the solve.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` per evaluation; per change of the weights 11 products of `size × size`
 * matrices in float64 on the host
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a modulus outside `(0, 1)`, a negative gain, an
 * unknown activation; `shape` when the input is not `[batch, inputs]`
 * @cite miyato2018
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { spectral } from '@equilibria/operators'
 *
 * const family = spectral({ size: 8, inputs: 2, modulus: 0.8 })
 * const { status } = equilibrium(family, { solver: family.solver() }).solve(tf.ones([4, 2]))
 * console.log(status, family.certificate.modulusNow?.()) // converged …, at most 0.8
 * family.dispose()
 * ```
 */
export function spectral(options: ContractionOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  return contraction('spectral', options, 'the weight is divided by an upper bound on its norm', [
    'banach1922',
    'miyato2018',
  ])
}
