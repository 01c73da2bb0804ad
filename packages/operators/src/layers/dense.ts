import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../layer.ts'
import { spectralBound, spectralMeasure } from '../parameters/spectral-bound.ts'
import { createVariables } from '../parameters/variables.ts'

/** Sizes, start and seed of a `dense` layer. */
export interface DenseOptions {
  readonly inputs: number
  readonly outputs: number
  /** Default `true`. */
  readonly bias?: boolean
  /** Scale of the weights at the start: standard deviation `gain / √inputs`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * `x ↦ x W + b`, `W` `[inputs, outputs]`; `x` is `[…, inputs]`, every leading axis kept.
 *
 * Its Lipschitz bound is `‖W‖₂` at the present weights; nothing keeps it below 1: for that, see the families.
 *
 * @cost one product; no stored vectors
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` when the last axis is not `inputs`
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { dense } from '@equilibria/operators'
 *
 * const layer = dense({ inputs: 3, outputs: 2, seed: 1 })
 * console.log(layer.bind()(tf.ones([4, 3])).shape, layer.lipschitz?.()) // [4, 2], ‖W‖₂
 * layer.dispose()
 * ```
 */
export function dense({ inputs, outputs, bias = true, gain = 1, seed = 0 }: DenseOptions): Layer {
  for (const [name, value] of Object.entries({ inputs, outputs }))
    if (!Number.isInteger(value) || value < 1)
      throw new EquilibriaError('option', `dense({ ${name}: ${value} }) is not a size.`, 'Pass a whole number ≥ 1.')
  const variables = createVariables(
    {
      weight: { shape: [inputs, outputs], deviation: gain / Math.sqrt(inputs) },
      ...(bias ? { bias: { shape: [outputs], value: 0 } } : {}),
    },
    seed,
  )
  const { weight, bias: offset }: { weight: tf.Variable; bias?: tf.Variable } = variables
  return {
    kind: 'layer',
    name: 'dense',
    variables,
    bind: (replaced) => (x) => {
      if (x.shape.at(-1) !== inputs)
        throw new EquilibriaError(
          'shape',
          `dense() of ${inputs} inputs was given a tensor (${x.shape}).`,
          `Its last axis must have ${inputs} entries.`,
        )
      const flat = tf.matMul(tf.reshape(x, [-1, inputs]), (replaced?.['weight'] ?? weight) as tf.Tensor2D)
      return tf.reshape(offset ? tf.add(flat, offset) : flat, [...x.shape.slice(0, -1), outputs])
    },
    lipschitz: () => spectralBound(weight.dataSync(), inputs, outputs),
    linear: {
      weight: 'weight',
      measure: (values) => spectralMeasure(values, inputs, outputs),
      frobenius: 1,
    },
    dispose: () => tf.dispose(Object.values(variables)),
  }
}
