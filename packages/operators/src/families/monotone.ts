import * as tf from '@tensorflow/tfjs-core'
import { requireRange } from '@equilibria/core'
import { peacemanRachford } from '@equilibria/solvers'
import type { CertifiedOperator } from '../certificate.ts'
import { spectralBound } from '../parameters/spectral-bound.ts'
import { createVariables } from '../parameters/variables.ts'
import {
  checkMonotone,
  identityMinus,
  injection,
  monotoneBound,
  monotoneMatrix,
  type MonotoneOptions,
} from './monotone-dense.ts'
import { smallestEigenvalueBound } from './monotone-host.ts'

/** Sizes, modulus, start and seed of a `monotone` operator. */
export interface MonotoneNetworkOptions extends MonotoneOptions {
  /** `m` in `(0, 1]`: how strongly monotone `I − W` is, whatever the weights. Default `0.5`. */
  readonly modulus?: number
}

/**
 * Monotone operator equilibrium network: `z = σ(z W + x U + b)`, rows are samples, with
 * `W = (1 − m) I − AᵀA + B − Bᵀ`, `A`, `B` any matrices.
 *
 * The symmetric part of `I − W` is `m I + AᵀA`, and `σ` is a proximal map: there is exactly one equilibrium, whatever
 * `‖W‖` is, and `x ↦ z*` is `‖U‖₂ / m`-Lipschitz. Picard may diverge; `solver()` is `peacemanRachford()`, whose step is
 * `1 / (‖B − Bᵀ‖ + √(m ‖m I + AᵀA‖))`. For gradients use `implicit({ solver: peacemanRachford() })`: the adjoint is solved
 * by splitting as well. `certificate.modulusNow()` is a rigorous lower bound on the smallest eigenvalue of the symmetric part.
 *
 * `x` is `[batch, inputs]`, `z` `[batch, size]`, `A`, `B` `[size, size]`, `U` `[inputs, size]`. Not for states of more than
 * a thousand entries: every change of the weights costs one inverse on the host; for images see `monotoneConvolution`.
 *
 * @cost per bind 1 product of `size × size` matrices; once per change of the weights 7 of them and an inverse on the host;
 * per evaluation 1 product `[batch, size] × [size, size]`; no stored vectors beside the solver's
 * @throws EquilibriaError `option` on sizes below 1, a modulus outside `(0, 1]`, an activation that is not a proximal map;
 * `shape` (from a solve) on an input that is not `[batch, inputs]`
 * @cite winston2020, pabbaraju2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { monotone } from '@equilibria/operators'
 *
 * const operator = monotone({ size: 8, inputs: 3, gain: 3, seed: 1 })
 * const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 500 })
 * console.log(layer.solve(tf.ones([2, 3])).status, operator.certificate.statement) // converged …
 * operator.dispose()
 * ```
 */
export function monotone(options: MonotoneNetworkOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { size, inputs, modulus = 0.5, gain = 1, seed = 0 } = options
  const activation = checkMonotone('monotone', options)
  requireRange('monotone({ modulus })', modulus, Number.MIN_VALUE, 1)
  const deviation = gain / Math.sqrt(size)
  const variables = createVariables(
    {
      A: { shape: [size, size], deviation },
      B: { shape: [size, size], deviation },
      U: { shape: [inputs, size], deviation: 1 / Math.sqrt(inputs) },
      bias: { shape: [size], value: 0 },
    },
    seed,
  )
  const { A, B, U, bias } = variables
  const matrix = monotoneMatrix([A, B], modulus, () => {
    const [a, b] = [A as unknown as tf.Tensor2D, B as unknown as tf.Tensor2D]
    const skew = tf.sub(b, tf.transpose(b))
    return tf.add(tf.sub(skew, tf.matMul(tf.transpose(a), a)), tf.mul(tf.eye(size), 1 - modulus)) as tf.Tensor2D
  })
  const modulusNow = () => smallestEigenvalueBound(identityMinus(matrix.now().weights, size), size)
  return {
    kind: 'operator',
    spec: 1,
    name: 'monotone',
    traits: {},
    bind: (x) => monotoneBound(matrix, injection('monotone', x, U, bias), activation, modulus),
    variables,
    certificate: {
      property: 'monotone',
      norm: '2',
      modulus,
      modulusNow,
      solutionLipschitz: () => (spectralBound(U.dataSync(), inputs, size) / modulusNow()) * (1 + 1e-15),
      statement: `The symmetric part of I − W is at least ${modulus} I for every value of the weights: exactly one equilibrium.`,
      assumptions: ['W is formed in exact arithmetic; modulusNow() is about W as rounded to float32'],
      sources: ['winston2020', 'pabbaraju2021'],
    },
    solver: () => peacemanRachford(),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}
