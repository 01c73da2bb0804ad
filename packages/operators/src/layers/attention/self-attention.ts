import * as tf from '@tensorflow/tfjs-core'
import { requireRange } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../../layer.ts'
import { createVariables } from '../../parameters/variables.ts'
import { requireShape, requireSizes } from '../checks.ts'
import { rotary } from './rotary.ts'

/** Sizes, heads, places and start of a self-attention layer. */
export interface SelfAttentionOptions {
  readonly features: number
  /** Divides `features`. Default `1`. */
  readonly heads?: number
  /** Whether a place sees only itself and those before it. Default `false`. */
  readonly causal?: boolean
  /** Base of the rotary position embedding of queries and keys; `false`: no positions at all. Default `10000`. */
  readonly rotary?: number | false
  /** Scale of the weights at the start: standard deviation `gain / √features`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * Multi-head dot-product self-attention on `[batch, places, features]`: `softmax(Q Kᵀ / √d) V`, heads joined by `W_o`; no
 * biases. Samples do not see each other. Without `rotary` and `causal` it commutes with permutations of the places.
 *
 * It is not Lipschitz over all inputs, so there is no bound; bounded inputs (a norm before it) give a finite constant, not
 * a small one.
 *
 * @cost four products of features, two of places: `batch · heads · places²` scores are stored
 * @throws EquilibriaError `option` on sizes that do not fit; `shape` on other inputs
 * @cite vaswani2017, su2024, kim2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { selfAttention } from '@equilibria/operators'
 *
 * const layer = selfAttention({ features: 8, heads: 2, causal: true })
 * console.log(layer.bind()(tf.ones([2, 5, 8])).shape) // [2, 5, 8]
 * layer.dispose()
 * ```
 */
export function selfAttention({
  features,
  heads = 1,
  causal = false,
  rotary: base = 10000,
  gain = 1,
  seed = 0,
}: SelfAttentionOptions): Layer {
  requireSizes('selfAttention', { features, heads })
  const size = features / heads
  if (!Number.isInteger(size) || (base !== false && size % 2))
    throw new EquilibriaError(
      'option',
      `selfAttention({ features: ${features}, heads: ${heads} }) gives heads of ${size} entries.`,
      base === false
        ? 'Pass a number of heads that divides the features.'
        : 'Rotary positions need a whole, even number.',
    )
  if (base !== false) requireRange('selfAttention({ rotary })', base, 1)
  const square = { shape: [features, features], deviation: gain / Math.sqrt(features) }
  const variables = createVariables({ query: square, key: square, value: square, output: square }, seed)
  return {
    kind: 'layer',
    name: 'selfAttention',
    variables,
    bind: () => {
      // one product instead of three; 1/√d goes into the queries
      const joint = tf.concat([tf.mul(variables.query, 1 / Math.sqrt(size)), variables.key, variables.value], 1)
      return (x) => {
        requireShape('selfAttention()', x, ['batch', 'places', 'features'], features)
        const [batch, places] = x.shape as [number, number]
        const all = tf.matMul(tf.reshape(x, [-1, features]), joint as tf.Tensor2D)
        // [batch · heads, places, size] each: rank 3 products are faster than rank 4 ones
        const [q, k, v] = tf
          .split(all, 3, 1)
          .map((t) =>
            tf.reshape(tf.transpose(tf.reshape(t, [batch, places, heads, size]), [0, 2, 1, 3]), [
              batch * heads,
              places,
              size,
            ]),
          ) as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D]
        const [turnedQ, turnedK] = base === false ? [q, k] : [rotary(q, base), rotary(k, base)]
        const scores = tf.matMul(turnedQ as tf.Tensor3D, tf.transpose(turnedK, [0, 2, 1]) as tf.Tensor3D)
        const seen = causal ? tf.add(scores, future(places)) : scores
        const mixed = tf.matMul(tf.softmax(seen) as tf.Tensor3D, v)
        const joined = tf.reshape(tf.transpose(tf.reshape(mixed, [batch, heads, places, size]), [0, 2, 1, 3]), [
          -1,
          features,
        ])
        return tf.reshape(tf.matMul(joined as tf.Tensor2D, variables.output as unknown as tf.Tensor2D), [
          batch,
          places,
          features,
        ])
      }
    },
    dispose: () => tf.dispose(Object.values(variables)),
  }
}

/** `[places, places]`: enough to silence what lies ahead, finite so that a gradient times it is 0 and not NaN. */
const future = (places: number): tf.Tensor =>
  tf.tensor2d(
    Float32Array.from({ length: places * places }, (_, i) => (i % places > Math.floor(i / places) ? -1e30 : 0)),
    [places, places],
  )
