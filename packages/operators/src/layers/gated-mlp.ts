import * as tf from '@tensorflow/tfjs-core'
import type { Layer } from '../layer.ts'
import { createVariables } from '../parameters/variables.ts'
import { type ActivationName, pointwise } from './activation.ts'
import { requireFeatures, requireSizes } from './checks.ts'

/** Sizes, gate and start of a gated multilayer perceptron. */
export interface GatedMlpOptions {
  readonly inputs: number
  /** Width of the gate and of what it gates. */
  readonly hidden: number
  /** Default: `inputs`. */
  readonly outputs?: number
  /** The gate: `silu` makes it SwiGLU, `gelu` GEGLU, `sigmoid` GLU. Default `'silu'`. */
  readonly activation?: ActivationName
  /** Scale of the weights at the start: standard deviation `gain / √(entries in)`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * `x ↦ (σ(x W_g) ⊙ x W_u) W_d` on the last axis, no biases.
 *
 * Quadratic in `x`, so there is no Lipschitz bound over all `x`: put a norm before it, and expect no guarantee.
 *
 * @cost three products; two vectors of `hidden` entries
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` on another last axis
 * @cite shazeer2020
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { gatedMlp } from '@equilibria/operators'
 *
 * const swiglu = gatedMlp({ inputs: 8, hidden: 16 })
 * console.log(swiglu.bind()(tf.ones([2, 5, 8])).shape) // [2, 5, 8]
 * swiglu.dispose()
 * ```
 */
export function gatedMlp({
  inputs,
  hidden,
  outputs = inputs,
  activation = 'silu',
  gain = 1,
  seed = 0,
}: GatedMlpOptions): Layer {
  requireSizes('gatedMlp', { inputs, hidden, outputs })
  const gate = pointwise(activation)
  const variables = createVariables(
    {
      gate: { shape: [inputs, hidden], deviation: gain / Math.sqrt(inputs) },
      up: { shape: [inputs, hidden], deviation: gain / Math.sqrt(inputs) },
      down: { shape: [hidden, outputs], deviation: gain / Math.sqrt(hidden) },
    },
    seed,
  )
  const product = (x: tf.Tensor, w: tf.Variable): tf.Tensor => tf.matMul(x as tf.Tensor2D, w as unknown as tf.Tensor2D)
  return {
    kind: 'layer',
    name: 'gatedMlp',
    variables,
    bind: () => (x) => {
      requireFeatures('gatedMlp()', x, inputs)
      const flat = tf.reshape(x, [-1, inputs])
      const opened = tf.mul(gate(product(flat, variables.gate)), product(flat, variables.up))
      return tf.reshape(product(opened, variables.down), [...x.shape.slice(0, -1), outputs])
    },
    dispose: () => tf.dispose(Object.values(variables)),
  }
}
