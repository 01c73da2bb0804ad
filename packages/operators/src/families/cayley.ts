import type * as tf from '@tensorflow/tfjs-core'
import type { CertifiedOperator } from '../certificate.ts'
import { contraction, type ContractionOptions } from './contraction.ts'

/**
 * `G(z, x) = σ(z W + x U + b)` with `W = c (I − A)(I + A)⁻¹`, `A = V − Vᵀ`, `c = κ / Lip(σ)`: `c` times an orthogonal matrix,
 * so a `κ`-contraction in the 2-norm that shrinks no direction more than another, whatever `V`, `U` and `b` are.
 *
 * The Cayley transform reaches every orthogonal matrix without the eigenvalue −1; `V = 0` is the identity. The inverse is
 * solved in float64 on the host and differentiated exactly. `I + A` is never singular; with entries of `V` above `1e7` its
 * inverse loses the digits that float32 would show, and the matrix is pulled below `c` by what it is off.
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. When not to use it: for wide states (the inverse is `size³` in every solve and
 * backward pass); where the operator should be free to forget.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` per evaluation; per solve an inverse of `size × size` in float64 on the
 * host, and again in the backward pass
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a modulus outside `(0, 1)`, a negative gain, an
 * unknown activation; `shape` when the input is not `[batch, inputs]`
 * @cite trockman2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { cayley } from '@equilibria/operators'
 *
 * const family = cayley({ size: 8, inputs: 2, modulus: 0.7 })
 * const { status } = equilibrium(family, { solver: family.solver() }).solve(tf.ones([4, 2]))
 * console.log(status, family.certificate.modulusNow?.()) // converged …, 0.7
 * family.dispose()
 * ```
 */
export function cayley(options: ContractionOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  return contraction('cayley', options, 'the weight is an orthogonal matrix, scaled', ['banach1922', 'trockman2021'])
}
