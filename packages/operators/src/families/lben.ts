import * as tf from '@tensorflow/tfjs-core'
import { requireRange, requireWhole } from '@equilibria/core'
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

/** Sizes, constants, start and seed of an `lben` operator. */
export interface LbenOptions extends MonotoneOptions {
  /** `ε > 0`: `½ (Λ(I − W) + (I − W)ᵀΛ) ⪰ ε I`. Default `0.5`. */
  readonly margin?: number
  /** The weights `Ψ = Λ⁻¹` stay within `[1/spread, spread]`. Default `4`. */
  readonly spread?: number
  /** `γ > 0`: makes `x ↦ readout(z*)` `γ`-Lipschitz. Default: no bound is imposed. */
  readonly lipschitz?: number
  /** Entries of the readout `z ↦ z C`. Default: the state itself is read out. */
  readonly outputs?: number
}

/** An LBEN, with the map that its Lipschitz bound is about. */
export interface LbenOperator extends CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  /** `z ↦ z C`, `[batch, outputs]`, or `z` itself without `outputs`. */
  readout(z: tf.Tensor2D): tf.Tensor2D
  /** Upper bound on the Lipschitz constant of `x ↦ readout(z*(x))`, 2-norms, when `lipschitz` was asked for. */
  readonly readoutLipschitz: number | undefined
}

/**
 * Lipschitz-bounded equilibrium network: `z = σ(z W + x U + b)`, rows are samples, with `W = I − M Ψ`,
 * `M = VᵀV + ε I + S − Sᵀ`, `Ψ = diag e^{s tanh ψ}`, `s = ln spread`; `V`, `S`, `ψ` free.
 *
 * In the metric `Λ = Ψ⁻¹`, `I − W` is strongly monotone with modulus `ε min Ψ ≥ ε / spread`, and `σ`, which acts entry by
 * entry, is a proximal map there too: exactly one equilibrium, and `peacemanRachford()` converges in that metric. A larger
 * family than `monotone`, which is `Ψ = I`. (`ψ` is bounded, other than in the literature, so that the modulus is.)
 *
 * `certificate.modulusNow()` is a rigorous lower bound on the modulus at the present weights.
 *
 * With `lipschitz: γ`, `(1/2γ)(C Cᵀ + Ψ⁻¹ UᵀU Ψ⁻¹)` is added to `M`, and `x ↦ z* C` is `γ`-Lipschitz for every
 * value of the weights. Small `γ` means large `M`, and many steps of the solver.
 *
 * `x` is `[batch, inputs]`, `z` `[batch, size]`. Not for states of more than a thousand entries: an inverse on the host per
 * change of the weights.
 *
 * @cost per bind 1 to 3 products of `size × size` matrices; once per change of the weights 7 of them and an inverse on the
 * host; per evaluation 1 product `[batch, size] × [size, size]`; no stored vectors beside the solver's
 * @throws EquilibriaError `option` on sizes below 1, a margin or `lipschitz` that is not positive, a spread below 1, an
 * activation that is not a proximal map; `shape` (from a solve) on an input that is not `[batch, inputs]`
 * @cite revay2020, havens2023
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { lben } from '@equilibria/operators'
 *
 * const operator = lben({ size: 8, inputs: 3, lipschitz: 1, seed: 1 })
 * const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 500 })
 * console.log(layer.solve(tf.ones([2, 3])).status, operator.readoutLipschitz) // converged, at most 1
 * operator.dispose()
 * ```
 */
export function lben(options: LbenOptions): LbenOperator {
  const { size, inputs, margin = 0.5, spread = 4, lipschitz: gamma, outputs, gain = 1, seed = 0 } = options
  const activation = checkMonotone('lben', options)
  requireRange('lben({ margin })', margin, Number.MIN_VALUE, 1e6)
  requireRange('lben({ spread })', spread, 1, 1e6)
  if (gamma !== undefined) requireRange('lben({ lipschitz })', gamma, Number.MIN_VALUE, 1e30)
  if (outputs !== undefined) requireWhole('lben({ outputs })', outputs, 1)
  const deviation = gain / Math.sqrt(size)
  const variables = createVariables(
    {
      V: { shape: [size, size], deviation },
      S: { shape: [size, size], deviation },
      psi: { shape: [size], deviation: Math.min(0.5, gain) },
      U: { shape: [inputs, size], deviation: 1 / Math.sqrt(inputs) },
      bias: { shape: [size], value: 0 },
      ...(outputs === undefined ? {} : { C: { shape: [size, outputs], deviation: 1 / Math.sqrt(size) } }),
    },
    seed,
  )
  const {
    V,
    S,
    psi,
    U,
    bias,
    C,
  }: { V: tf.Variable; S: tf.Variable; psi: tf.Variable; U: tf.Variable; bias: tf.Variable; C?: tf.Variable } =
    variables
  const modulus = margin / spread
  const scales = () => tf.exp(tf.mul(tf.tanh(psi), Math.log(spread)))
  const scalesNow = (): Float32Array => tf.tidy(() => scales().dataSync() as Float32Array)
  const build = (): tf.Tensor2D => {
    const gram = (t: tf.Tensor) => tf.matMul(tf.transpose(t as tf.Tensor2D), t as tf.Tensor2D)
    const weights = scales()
    let M = tf.add(tf.add(gram(V), tf.mul(tf.eye(size), margin)), tf.sub(S, tf.transpose(S)))
    if (gamma !== undefined) {
      const read = C ? gram(tf.transpose(C)) : tf.eye(size)
      M = tf.add(M, tf.mul(tf.add(read, gram(tf.div(U, weights))), 1 / (2 * gamma)))
    }
    return tf.sub(tf.eye(size), tf.mul(M, weights)) as tf.Tensor2D
  }
  /** `Ψ^{1/2} M Ψ^{1/2}`: `I − W` in coordinates in which `Λ` is the identity. */
  const weigh = (w: ArrayLike<number>, n: number): Float64Array => {
    const root = Float64Array.from(scalesNow(), Math.sqrt)
    return identityMinus(w, n).map((x, k) => (x * root[Math.floor(k / n)]!) / root[k % n]!)
  }
  // With a bound γ, W depends on U and C as well.
  const matrix = monotoneMatrix(
    [V, S, psi, ...(gamma === undefined ? [] : [U, ...(C ? [C] : [])])],
    modulus,
    build,
    weigh,
  )
  const modulusNow = () => smallestEigenvalueBound(weigh(matrix.now().weights, size), size)
  return {
    kind: 'operator',
    spec: 1,
    name: 'lben',
    traits: {},
    // The bounds of the splitting hold in the metric Λ; every formula of the methods is the same in it.
    bind: (x) => monotoneBound(matrix, injection('lben', x, U, bias), activation, modulus),
    variables,
    readout: (z) => (C ? tf.matMul(z, C as unknown as tf.Tensor2D) : z),
    // ‖Δz C‖² + 2γε‖Δz‖² ≤ γ²‖Δx‖²: without C that is (1 + 2γε)‖Δz‖².
    readoutLipschitz: gamma === undefined || C ? gamma : gamma / Math.sqrt(1 + 2 * gamma * margin),
    certificate: {
      property: 'monotone',
      norm: 'weighted-2',
      modulus,
      modulusNow,
      weights: () => Float64Array.from(scalesNow(), (s) => 1 / Math.sqrt(s)),
      solutionLipschitz() {
        const root = Float64Array.from(scalesNow(), Math.sqrt)
        const weighed = Float64Array.from(U.dataSync(), (x, k) => x / root[k % size]!)
        return (spectralBound(weighed, inputs, size) / modulusNow()) * (1 + 1e-14)
      },
      statement: `In the metric Λ, I − W is strongly monotone with modulus at least ${modulus} for every value of the weights${gamma === undefined ? '' : `, and the readout is ${gamma}-Lipschitz`}: exactly one equilibrium.`,
      assumptions: ['W is formed in exact arithmetic; modulusNow() is about W as rounded to float32'],
      sources: ['revay2020', 'havens2023'],
    },
    solver: () => peacemanRachford(),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}
