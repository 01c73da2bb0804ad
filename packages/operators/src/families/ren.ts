import * as tf from '@tensorflow/tfjs-core'
import { requireRange, requireWhole } from '@equilibria/core'
import { picard } from '@equilibria/solvers'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { createVariables } from '../parameters/variables.ts'
import { injection } from './monotone-dense.ts'
import { invert, whileUnchanged } from './monotone-host.ts'
import { inverse } from './ren-inverse.ts'

/** Sizes, rate, start and seed of a `contractingRen`. */
export interface RenOptions {
  /** Entries of the state. */
  readonly size: number
  /** Entries of the input. */
  readonly inputs: number
  /** Neurons `w`, evaluated one after the other. */
  readonly neurons: number
  /** `ᾱ` in `(0, 1)`: the contraction rate, whatever the weights. Default `0.9`. */
  readonly rate?: number
  /** `ε > 0` in `H = XᵀX + ε I`: keeps the matrices that are inverted away from singular ones. Default `0.05`. */
  readonly margin?: number
  /** Slope in `[0, 1]` in either case. Default `tanh`. */
  readonly activation?: 'tanh' | 'relu'
  /** Standard deviation of `X` and `Y` at the start, times `√(2 size + neurons)`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * Contracting recurrent equilibrium network, iterated under a steady input until it rests:
 *
 * `x⁺ = A x + B₁ w + B₂ u + bₓ`,   `w = σ(C₁ x + D₁₁ w + D₁₂ u + b_w)`,   `D₁₁` strictly lower triangular,
 *
 * so that `w` comes by forward substitution, without a solver. All matrices but `B₂`, `D₁₂` are blocks of
 * `H = XᵀX + ε I`, `[2n + q, 2n + q]`: `P = H₃₃`, `F = H₃₁`, `E = ½(H₁₁ + P/ᾱ² + Y − Yᵀ)`, `Λ = ½ diag H₂₂`,
 * `D₁₁ = −Λ⁻¹ tril(H₂₂, −1)`, `C₁ = −Λ⁻¹H₂₁`, `A = E⁻¹F`, `B₁ = E⁻¹H₃₂`, with `X`, `Y` any matrices.
 *
 * `H ≻ 0` is the linear matrix inequality of contraction: `‖Δx⁺‖ ≤ ᾱ ‖Δx‖` in the metric `EᵀP⁻¹E`, not in the 2-norm,
 * where distances may grow at first. Picard converges with that rate from anywhere.
 *
 * `u` is `[batch, inputs]`, `x` `[batch, size]`. Not for many neurons: they are evaluated in sequence.
 *
 * @cost per bind 1 product of `2n + q` square and 1 inverse on the host; per evaluation 3 products and `4q` small operations
 * in sequence; no stored vectors beside the solver's
 * @throws EquilibriaError `option` on sizes below 1, a rate outside `(0, 1)`, a margin that is not positive, an unknown
 * activation; `shape` (from a solve) on an input that is not `[batch, inputs]`
 * @cite revay2024
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { contractingRen } from '@equilibria/operators'
 *
 * const operator = contractingRen({ size: 4, inputs: 3, neurons: 6, rate: 0.8, seed: 1 })
 * const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 200 })
 * console.log(layer.solve(tf.ones([2, 3])).status, operator.certificate.modulus) // converged 0.8
 * operator.dispose()
 * ```
 */
export function contractingRen(options: RenOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { size: n, inputs, neurons: q, rate = 0.9, margin = 0.05, activation = 'tanh', gain = 1, seed = 0 } = options
  requireWhole('contractingRen({ size })', n, 1)
  requireWhole('contractingRen({ inputs })', inputs, 1)
  requireWhole('contractingRen({ neurons })', q, 1)
  requireRange('contractingRen({ rate })', rate, Number.MIN_VALUE, 1 - 2 ** -24)
  requireRange('contractingRen({ margin })', margin, Number.MIN_VALUE, 1e6)
  requireRange('contractingRen({ gain })', gain, 0, 1e6)
  if (activation !== 'tanh' && activation !== 'relu')
    throw new EquilibriaError(
      'option',
      `contractingRen({ activation: '${String(activation)}' }) is not an activation known here.`,
      "Pass 'tanh' or 'relu': slopes between 0 and 1.",
    )
  const sigma = activation === 'tanh' ? tf.tanh : tf.relu
  const all = 2 * n + q
  const variables = createVariables(
    {
      X: { shape: [all, all], deviation: gain / Math.sqrt(all) },
      Y: { shape: [n, n], deviation: gain / Math.sqrt(all) },
      B2: { shape: [inputs, n], deviation: 1 / Math.sqrt(inputs) },
      D12: { shape: [inputs, q], deviation: 1 / Math.sqrt(inputs) },
      stateBias: { shape: [n], value: 0 },
      neuronBias: { shape: [q], value: 0 },
    },
    seed,
  )
  const { X, Y, B2, D12, stateBias, neuronBias } = variables

  /** The blocks of `H`, columns acting as in the formulas above; on the tape when one is recording. */
  const blocks = () => {
    const x = X as unknown as tf.Tensor2D
    const H = tf.add(tf.matMul(tf.transpose(x), x), tf.mul(tf.eye(all), margin)) as tf.Tensor2D
    const block = (i: number, j: number): tf.Tensor2D => {
      const [starts, sizes] = [
        [0, n, n + q],
        [n, q, n],
      ]
      return tf.slice(H, [starts[i]!, starts[j]!], [sizes[i]!, sizes[j]!])
    }
    const P = block(2, 2)
    const skew = tf.sub(Y, tf.transpose(Y))
    const E = tf.mul(tf.add(tf.add(block(0, 0), tf.div(P, rate ** 2)), skew), 0.5) as tf.Tensor2D
    return { H, E, P, block }
  }
  const below = Float32Array.from({ length: q * q }, (_, k) => Number(k % q < Math.floor(k / q)))

  return {
    kind: 'operator',
    spec: 1,
    name: 'contracting-ren',
    traits: {},
    bind(u) {
      const { E, block } = blocks()
      const H22 = block(1, 1)
      const lambda = tf.mul(tf.sum(tf.mul(H22, tf.eye(q)), 0), 0.5) // ≥ ε/2
      // Rows are samples: everything transposed. `D₁₁ᵀ` has row i, what neuron i adds to the later ones.
      const back = tf.transpose(inverse(E))
      const A = tf.matMul(tf.transpose(block(2, 0)), back)
      const B1 = tf.matMul(tf.transpose(block(2, 1)), back)
      const C1 = tf.neg(tf.div(block(0, 1), lambda)) as tf.Tensor2D
      const D11 = tf.neg(
        tf.transpose(tf.div(tf.mul(H22, tf.tensor2d(below, [q, q])), tf.reshape(lambda, [q, 1]))),
      ) as tf.Tensor2D
      const feeds = q === 1 ? [] : tf.split(D11, q, 0)
      const [intoState, intoNeurons] = [
        injection('contractingRen', u, B2, stateBias),
        injection('contractingRen', u, D12, neuronBias),
      ]
      const substitute = (base: tf.Tensor): tf.Tensor2D => {
        const batch = base.shape[0]!
        const w: tf.Tensor2D[] = []
        for (let i = 0, level = base as tf.Tensor2D; i < q; i++) {
          const one: tf.Tensor2D = sigma(tf.slice(level, [0, i], [batch, 1]))
          w.push(one)
          if (i < q - 1) level = tf.add(level, tf.mul(one, feeds[i]!))
        }
        return q === 1 ? w[0]! : tf.concat(w, 1)
      }
      return {
        initial: () => tf.zerosLike(intoState),
        apply(x) {
          const w = substitute(tf.add(tf.matMul(x, C1), intoNeurons))
          return tf.add(tf.add(tf.matMul(x, A), tf.matMul(w, B1)), intoState)
        },
      }
    },
    variables,
    certificate: {
      property: 'contraction',
      norm: 'metric-2',
      modulus: rate,
      metric: whileUnchanged([X, Y], () =>
        scoped(() => {
          const { E, P } = blocks()
          return metricOf(E.dataSync(), P.dataSync(), n)
        }),
      ),
      statement: `Under a steady input the state contracts by ${rate} per step in the metric EᵀP⁻¹E, for every value of the weights.`,
      assumptions: ['the matrices are formed in exact arithmetic', 'the activation has slopes in [0, 1]'],
      sources: ['revay2024'],
    },
    solver: () => picard(),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}

/** `EᵀP⁻¹E` in float64. */
function metricOf(E: ArrayLike<number>, P: ArrayLike<number>, n: number): Float64Array {
  const inverseP = invert(P, n)
  const product = (entry: (i: number, j: number, k: number) => number): Float64Array =>
    Float64Array.from({ length: n * n }, (_, at) => {
      let sum = 0
      for (let k = 0; k < n; k++) sum += entry(Math.floor(at / n), at % n, k)
      return sum
    })
  const half = product((i, j, k) => inverseP[i * n + k]! * E[k * n + j]!)
  return product((i, j, k) => E[k * n + i]! * half[k * n + j]!)
}
