import type { TensorTree } from '@equilibria/spec'
import type { Layer } from '../layer.ts'
import { remembered } from '../parameters/remembered.ts'
import { frobenius, scaledBelow } from '../parameters/scaled-below.ts'
import { linearWeight, type NormLimitOptions, withWeight } from './linear-weight.ts'

/**
 * A linear layer whose norm is at most `limit`, whatever its weight is: `W ↦ W · limit / max(limit, ‖W‖₂)`, at every `bind`.
 *
 * `‖W‖₂` is a rigorous upper bound, in float64, not a power iteration: the layer's `lipschitz()` is a real bound and at most
 * `limit`. Weights below the limit are used as they are; a bias is left alone. There is no learnt scale (as other libraries have
 * by default): it would undo the bound, and asking for one is an error. Variables stay those of the layer.
 *
 * When not to use it: for wide layers, where the bound (some products of the smaller of both sides on the host, whenever
 * the weight has changed) costs more than the layer; `weightNorm` has a cheaper, coarser one.
 *
 * @cost that of the layer; per change of the weight its `linear.measure`
 * @throws EquilibriaError `option` on `learnScale`, a limit that is not a positive number, a layer that is not linear in one weight
 * @cite miyato2018
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { dense, spectralNorm } from '@equilibria/operators'
 *
 * const layer = spectralNorm(dense({ inputs: 3, outputs: 5, gain: 10 }), { limit: 0.9 })
 * console.log(layer.lipschitz?.(), layer.bind()(tf.ones([2, 3])).shape) // at most 0.9, [2, 5]
 * layer.dispose()
 * ```
 */
export function spectralNorm<I extends TensorTree, O extends TensorTree>(
  layer: Layer<I, O>,
  options: NormLimitOptions = {},
): Layer<I, O> {
  const { linear, weight, limit } = linearWeight('spectralNorm', layer, options)
  const measured = remembered((values) => ({
    measure: linear.measure(values, weight.shape),
    size: linear.frobenius * frobenius(values),
  }))
  return withWeight('spectralNorm', layer, limit, () => {
    const { measure, size } = measured(weight.dataSync())
    return scaledBelow(weight, limit, measure, size)
  })
}
