import * as tf from '@tensorflow/tfjs-core'
import { requireRange } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../layer.ts'
import { createVariables } from '../parameters/variables.ts'
import { requireFeatures, requireSizes } from './checks.ts'

/** Features, guard and gain of a normalisation. */
export interface NormOptions {
  /** Entries of the last axis. */
  readonly features: number
  /** Added to the mean square. Default `1e-5`. The Lipschitz bound is `max|gain| / √ε`: 316 for the default. */
  readonly epsilon?: number
  /** Whether there is a trainable `gain` (1 at the start) and, but for `rmsNorm`, a `bias` (0). Default `true`. */
  readonly affine?: boolean
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0)

type Normalise = (x: tf.Tensor, epsilon: number) => tf.Tensor

/** `x / √(mean(x²) + ε)` over these axes, after `x − mean(x)` when centred. */
const scaled = (x: tf.Tensor, axes: number[], epsilon: number, centred: boolean): tf.Tensor => {
  const y = centred ? tf.sub(x, tf.mean(x, axes, true)) : x
  return tf.mul(y, tf.rsqrt(tf.add(tf.mean(tf.square(y), axes, true), epsilon)))
}

function norm(
  name: string,
  { features, epsilon = 1e-5, affine = true }: NormOptions,
  withBias: boolean,
  normalise: Normalise,
): Layer {
  requireSizes(name, { features })
  requireRange(`${name}({ epsilon })`, epsilon, Number.MIN_VALUE)
  const variables = createVariables(
    {
      ...(affine ? { gain: { shape: [features], value: 1 } } : {}),
      ...(affine && withBias ? { bias: { shape: [features], value: 0 } } : {}),
    },
    0,
  )
  const { gain, bias }: { gain?: tf.Variable; bias?: tf.Variable } = variables
  // Three roundings: the root, the quotient, the product.
  const slope = (most: number): number => (most / Math.sqrt(epsilon)) * (1 + 2 ** -50)
  return {
    kind: 'layer',
    name,
    variables,
    bind: () => (x) => {
      requireFeatures(`${name}()`, x, features)
      const y = normalise(x, epsilon)
      const wide = gain ? tf.mul(y, gain) : y
      return bias ? tf.add(wide, bias) : wide
    },
    lipschitz: () => slope(gain ? largest(gain.dataSync()) : 1),
    ...(gain ? {} : { guaranteed: slope(1) }),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}

/**
 * `y = g · x / rms(x)`, `rms(x) = √(mean(x²) + ε)` over the last axis.
 *
 * Locally its Lipschitz constant is at most `max|g| / rms(x)`: small where `x` is large. Over all `x` it is `max|g| / √ε`,
 * reached at 0; so it is no contraction by itself, and the bound says little of a network that stays away from 0.
 *
 * @cost five operations
 * @throws EquilibriaError `option` on sizes or an epsilon that are not positive; `shape` on another last axis
 * @cite zhang2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { rmsNorm } from '@equilibria/operators'
 *
 * const layer = rmsNorm({ features: 2 })
 * console.log(layer.bind()(tf.tensor([[3, 3]])).dataSync(), layer.lipschitz?.()) // [1, 1], 316.2…
 * layer.dispose()
 * ```
 */
export function rmsNorm(options: NormOptions): Layer {
  return norm('rmsNorm', options, false, (x, epsilon) => scaled(x, [x.rank - 1], epsilon, false))
}

/**
 * `y = g · (x − mean(x)) / √(var(x) + ε) + b` over the last axis: `rmsNorm` after a projection. Locally its Lipschitz
 * constant is at most `max|g| / √(var(x) + ε)`; over all `x`, `max|g| / √ε`.
 *
 * @cost eight operations
 * @throws EquilibriaError `option` on sizes or an epsilon that are not positive; `shape` on another last axis
 * @cite ba2016
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { layerNorm } from '@equilibria/operators'
 *
 * const layer = layerNorm({ features: 2 })
 * console.log(layer.bind()(tf.tensor([[1, 3]])).dataSync()) // [-1, 1]
 * layer.dispose()
 * ```
 */
export function layerNorm(options: NormOptions): Layer {
  return norm('layerNorm', options, true, (x, epsilon) => scaled(x, [x.rank - 1], epsilon, true))
}

/**
 * The mean and variance of each group of neighbouring channels, over all places of a sample: `x` `[batch, …, features]`;
 * `features` must divide into `groups`. Gain and bias are per channel. Lipschitz facts as for `layerNorm`.
 *
 * @cost eight operations and two reshapes
 * @throws EquilibriaError `option` on sizes, groups or an epsilon that do not fit; `shape` on another last axis
 * @cite wu2018
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { groupNorm } from '@equilibria/operators'
 *
 * const layer = groupNorm({ features: 6, groups: 2 })
 * console.log(layer.bind()(tf.ones([1, 4, 4, 6])).shape) // [1, 4, 4, 6]
 * layer.dispose()
 * ```
 */
export function groupNorm({ groups, ...options }: NormOptions & { readonly groups: number }): Layer {
  requireSizes('groupNorm', { groups })
  return grouped('groupNorm', options, groups)
}

/**
 * The mean and variance of each channel over all places of a sample: `groupNorm` with one group per channel. `x` `[batch,
 * …, features]` with at least one axis of places; with one place, everything becomes the bias.
 *
 * @cost eight operations and two reshapes
 * @throws EquilibriaError `option` on sizes or an epsilon that are not positive; `shape` on another last axis
 * @cite ulyanov2016
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { instanceNorm } from '@equilibria/operators'
 *
 * const layer = instanceNorm({ features: 1 })
 * console.log(layer.bind()(tf.tensor([[[1], [3]]])).dataSync()) // [-1, 1]
 * layer.dispose()
 * ```
 */
export function instanceNorm(options: NormOptions): Layer {
  return grouped('instanceNorm', options, options.features)
}

function grouped(name: string, options: NormOptions, groups: number): Layer {
  const { features } = options
  if (features % groups)
    throw new EquilibriaError(
      'option',
      `${name}({ features: ${features}, groups: ${groups} }) does not divide evenly.`,
      'Pass a number of groups that divides the features.',
    )
  return norm(name, options, true, (x, epsilon) => {
    if (x.rank < 2)
      throw new EquilibriaError(
        'shape',
        `${name}() was given a tensor of shape (${x.shape}).`,
        'Pass [batch, …, features].',
      )
    const parts = tf.reshape(x, [x.shape[0]!, -1, groups, features / groups])
    return tf.reshape(scaled(parts, [1, 3], epsilon, true), x.shape)
  })
}
