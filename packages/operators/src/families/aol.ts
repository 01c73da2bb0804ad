import type * as tf from '@tensorflow/tfjs-core'
import type { CertifiedOperator } from '../certificate.ts'
import { contraction, type ContractionOptions } from './contraction.ts'

/**
 * `G(z, x) = σ(z W + x U + b)` with almost orthogonal columns, `W = c V diag(Σₖ |VᵀV|ⱼₖ)^{−1/2}`, `c = κ / Lip(σ)`: a
 * `κ`-contraction in the 2-norm, whatever `V`, `U` and `b` are.
 *
 * No iteration and no estimate: `‖V D‖₂ ≤ 1` because `D⁻² − VᵀV` is diagonally dominant. Columns that are not orthogonal are
 * over-divided, so the norm reached is between `c/√size` and `c`; training moves them apart. The scale of `V` does not
 * matter; zero columns stay zero.
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. When not to use it: where the full norm is wanted from the start
 * (`cayley`), or matrices of small norm (`spectral`): this one has no small members but zero columns.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` per evaluation; per solve one more of `size × size` matrices, and
 * per change of the weights a check of the result in float64 on the host, 11 such products
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a modulus outside `(0, 1)`, a negative gain, an
 * unknown activation; `shape` when the input is not `[batch, inputs]`
 * @cite prach2022
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { aol } from '@equilibria/operators'
 *
 * const family = aol({ size: 8, inputs: 2 })
 * const { status } = equilibrium(family, { solver: family.solver() }).solve(tf.ones([4, 2]))
 * console.log(status, family.certificate.modulusNow?.()) // converged …, at most 0.9
 * family.dispose()
 * ```
 */
export function aol(options: ContractionOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  return contraction('aol', options, 'the columns of the weight are divided by the root of their row sums in |VᵀV|', [
    'banach1922',
    'prach2022',
  ])
}
