import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'
import type { Layer } from '../layer.ts'
import { remembered } from '../parameters/remembered.ts'
import { frobenius, heldBelow } from '../parameters/scaled-below.ts'
import { linearWeight, type NormLimitOptions, withWeight } from './linear-weight.ts'

/** Squared lengths below this, of a weight whose largest entry is 1, are not divided by. */
const LEAST = 1e-8

/**
 * A linear layer whose outputs all have a weight vector of the same fixed length, `wⱼ ↦ c vⱼ / ‖vⱼ‖₂`, and whose norm is at most
 * `limit`, whatever its weight is: weight normalisation with a bound.
 *
 * `c = limit / (f √outputs)`, so that `‖W‖₂ ≤ f ‖W‖_F ≤ limit`, `f = 1` for a matrix. The usual form learns each length `g`, after
 * which nothing bounds `W`: here it is fixed, and asking for a learnt scale is an error. The scale of the weights does not
 * matter; zero vectors stay zero. A bias is left alone. Variables stay those of the layer.
 *
 * When not to use it: where the limit should be reached, since a matrix of full rank stays below it, down to
 * `limit / √outputs` when its columns are orthogonal; `spectralNorm` uses all of it.
 *
 * @cost that of the layer; one pass over the weight per solve, and per change of the weight its `linear.measure`, a check
 * @throws EquilibriaError `option` on `learnScale`, a limit that is not a positive number, a layer that is not linear in one weight
 * @cite salimans2016
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { dense, weightNorm } from '@equilibria/operators'
 *
 * const layer = weightNorm(dense({ inputs: 3, outputs: 5, gain: 10 }), { limit: 0.9 })
 * console.log(layer.lipschitz?.(), layer.bind()(tf.ones([2, 3])).shape) // at most 0.9, [2, 5]
 * layer.dispose()
 * ```
 */
export function weightNorm<I extends TensorTree, O extends TensorTree>(
  layer: Layer<I, O>,
  options: NormLimitOptions = {},
): Layer<I, O> {
  const { linear, weight, limit } = linearWeight('weightNorm', layer, options)
  const outputs = weight.shape.at(-1)!
  const length = limit / (linear.frobenius * Math.sqrt(outputs))
  const bound = remembered((values) => linear.measure(values, weight.shape).bound)
  return withWeight('weightNorm', layer, limit, () => {
    const largest = weight.dataSync<'float32'>().reduce((a, b) => Math.max(a, Math.abs(b)), 0)
    const v = tf.reshape(tf.div(weight, largest > 0 ? largest : 1), [-1, outputs])
    const unit = tf.mul(v, tf.rsqrt(tf.maximum(tf.sum(tf.square(v), 0), LEAST)))
    const normalised = tf.reshape(tf.mul(unit, length), weight.shape)
    const values = normalised.dataSync()
    return heldBelow(normalised, limit, bound(values), linear.frobenius * frobenius(values))
  })
}
