import * as tf from '@tensorflow/tfjs-core'
import { picard } from '@equilibria/solvers'
import { EquilibriaError } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { positivePart } from '../parameters/activations.ts'
import { affineFamily, type AffineOptions } from '../parameters/affine-family.ts'

export interface PositiveConcaveOptions extends AffineOptions {
  /**
   * Concave and increasing on `[0, ∞)`. `'tanh'` (default), `'softsign'`, `'relu6'`: pcDEQ-1, the input positive; `'sigmoid'`:
   * pcDEQ-2, the input only non-negative.
   */
  readonly activation?: 'tanh' | 'softsign' | 'relu6' | 'sigmoid'
  /** Added to the input of pcDEQ-1, positive: bounds the modulus away from 1. Default `0.1`. */
  readonly floor?: number
}

const activations = {
  tanh: { apply: (x: tf.Tensor) => tf.tanh(x), at: Math.tanh, top: 1 },
  softsign: { apply: (x: tf.Tensor) => tf.div(x, tf.add(x, 1)), at: (x: number) => x / (1 + x), top: 1 },
  // on wasm, `tf.relu6` makes a number of NaN
  relu6: { apply: (x: tf.Tensor) => tf.add(tf.minimum(x, 6), tf.mul(x, 0)), at: (x: number) => Math.min(x, 6), top: 6 },
  sigmoid: { apply: (x: tf.Tensor) => tf.sigmoid(x), at: (x: number) => 1 / (1 + Math.exp(-x)), top: 1 },
}

/**
 * Positive concave maps (pcDEQ): `G(z, x) = σ(z⁺ W + u(x))` with `W = softplus(V) ≥ 0` of any size. One equilibrium, positive,
 * whatever the weights are: `G` contracts in the Thompson metric `maxᵢ |log aᵢ − log bᵢ|`.
 *
 * pcDEQ-1: `σ` is tanh, softsign or relu6 and `u = floor + softplus₅(x U + b)`; pcDEQ-2: the sigmoid and `u = relu(x U + b)`. A
 * concave positive `G` with `G(0) ≥ c sup G` entry by entry has modulus `1 − c`: here `c = minᵢ σ(uᵢ) / sup σ`, at least
 * `σ(floor) / sup σ` for every input (`certificate.modulusAt` is sharper), and ½ for the sigmoid. Only the positive part `z⁺` of a
 * state is read, so that any start will do.
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. When not to use it: where states need a sign; large `W` saturates `σ`, and
 * the answer hardly depends on the input any more.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` per evaluation; one pass over the weight per solve
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a floor that is not positive, a negative gain, an
 * unknown activation; `shape` when the input is not `[batch, inputs]`
 * @cite gabor2024
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { positiveConcave } from '@equilibria/operators'
 *
 * const family = positiveConcave({ size: 8, inputs: 2 })
 * const { status } = equilibrium(family, { solver: family.solver() }).solve(tf.ones([4, 2]))
 * console.log(status, family.certificate.modulusAt?.(tf.ones([4, 2]))) // converged …, one modulus per sample
 * family.dispose()
 * ```
 */
export function positiveConcave(options: PositiveConcaveOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { activation: name = 'tanh', floor = 0.1, inputs } = options
  const activation = Object.hasOwn(activations, name) ? activations[name] : undefined
  if (!activation)
    throw new EquilibriaError(
      'option',
      `positiveConcave() has no activation "${String(name)}".`,
      `Pass one of ${Object.keys(activations).join(', ')}: concave and increasing where it is positive.`,
    )
  if (!(floor > 0 && floor < Number.POSITIVE_INFINITY))
    throw new EquilibriaError('option', `positiveConcave({ floor: ${floor} }) is out of range.`, 'Pass floor > 0.')
  const { apply, at, top } = activation
  const second = name === 'sigmoid'
  const inject = (raw: tf.Tensor): tf.Tensor =>
    second ? positivePart(raw) : tf.add(tf.div(tf.softplus(tf.mul(raw, 5)), 5), floor)
  // float32: the floor, and what is added to it, may each be rounded down by 2⁻²⁴ of itself.
  const modulusOf = (least: number): number => Math.min(1, 1 - (at(least) / top) * (1 - 2 ** -21))
  const modulus = modulusOf(second ? 0 : floor)
  return affineFamily({
    name: 'positiveConcave',
    options,
    matrix: ({ weight }) => tf.softplus(weight) as tf.Tensor2D,
    inject,
    read: (z) => tf.relu(z),
    finish: (sum) => apply(sum),
    certificate: (variables) => ({
      property: 'contraction',
      norm: 'thompson',
      modulus,
      modulusAt: (x) => {
        const raw = tf.tidy(() => {
          const map = tf.add(tf.matMul(x, variables.input as unknown as tf.Tensor2D), variables.bias)
          return tf.min(inject(map), 1).dataSync<'float32'>().slice()
        })
        return Float64Array.from(raw, modulusOf)
      },
      statement: `G(·, x) contracts by ${modulus.toPrecision(3)} in the Thompson metric for all weights and inputs: it is positive, concave, and bounded by a multiple of its value at 0.`,
      assumptions: [`the weights are finite`, `x has ${inputs} finite entries`],
      sources: ['gabor2024', 'thompson1963'],
    }),
    solver: () => picard(),
  })
}
