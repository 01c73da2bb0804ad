import * as tf from '@tensorflow/tfjs-core'
import { requireRange } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../layer.ts'

/** Functions of one variable, applied entry by entry. */
export type ActivationName =
  | 'elu'
  | 'gelu'
  | 'leakyRelu'
  | 'relu'
  | 'sigmoid'
  | 'silu'
  | 'sin'
  | 'softplus'
  | 'softsign'
  | 'tanh'

/** Slopes are the largest |σ′|, rounded up. */
const activations: Readonly<Record<ActivationName, { map(x: tf.Tensor): tf.Tensor; readonly slope: number }>> = {
  elu: { map: tf.elu, slope: 1 },
  // Φ(√2) + √2 φ(√2), where σ″ vanishes
  gelu: { map: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)), slope: 1.128904145185155 },
  leakyRelu: { map: (x) => tf.leakyRelu(x, 0.2), slope: 1 },
  relu: { map: tf.relu, slope: 1 },
  sigmoid: { map: tf.sigmoid, slope: 0.25 },
  // at the root of x tanh(x/2) = 2
  silu: { map: (x) => tf.mul(x, tf.sigmoid(x)), slope: 1.099839320128868 },
  sin: { map: tf.sin, slope: 1 },
  softplus: { map: tf.softplus, slope: 1 },
  softsign: { map: (x) => tf.div(x, tf.add(tf.abs(x), 1)), slope: 1 },
  tanh: { map: tf.tanh, slope: 1 },
}

/** The function behind a name. @throws EquilibriaError `option` on a name that is not there */
export function pointwise(name: ActivationName): (x: tf.Tensor) => tf.Tensor {
  if (!Object.hasOwn(activations, name))
    throw new EquilibriaError(
      'option',
      `There is no activation "${name}".`,
      `Pass one of ${Object.keys(activations).join(', ')}.`,
    )
  return activations[name].map
}

/**
 * A function of one variable on every entry, as a layer. Its Lipschitz constant is its largest slope: 1 for `relu`,
 * `leakyRelu` (0.2 to the left), `elu`, `tanh`, `softplus`, `softsign`, `sin`; ¼ for `sigmoid`; 1.12890… for `gelu` (with
 * the error function); 1.09984… for `silu`.
 *
 * `gelu` and `silu` are not 1-Lipschitz: they can spoil a contraction that `relu` keeps.
 *
 * @cost one to four operations per entry
 * @throws EquilibriaError `option` on a name that is not there
 * @cite hendrycks2016
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { activation } from '@equilibria/operators'
 *
 * const gelu = activation('gelu')
 * console.log(gelu.bind()(tf.tensor([-1, 0, 1])).dataSync(), gelu.guaranteed) // [-0.159, 0, 0.841], 1.1289…
 * ```
 */
export function activation(name: ActivationName): Layer {
  const map = pointwise(name)
  const { slope } = activations[name]
  return {
    kind: 'layer',
    name,
    variables: {},
    bind: () => map,
    lipschitz: () => slope,
    guaranteed: slope,
    dispose: () => {},
  }
}

/**
 * `softmax(x / T)` over the last axis. Its Lipschitz constant is `1/(2T)`.
 *
 * @cost one softmax
 * @throws EquilibriaError `option` on a temperature that is not positive
 * @cite gao2017
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { softmax } from '@equilibria/operators'
 *
 * console.log(softmax({ temperature: 2 }).bind()(tf.tensor([[0, 0]])).dataSync()) // [0.5, 0.5]
 * ```
 */
export function softmax({ temperature = 1 }: { readonly temperature?: number } = {}): Layer {
  requireRange('softmax({ temperature })', temperature, Number.MIN_VALUE)
  const slope = (1 + 2 ** -52) / (2 * temperature)
  return {
    kind: 'layer',
    name: 'softmax',
    variables: {},
    bind: () => (x) => tf.softmax(tf.div(x, temperature)),
    lipschitz: () => slope,
    guaranteed: slope,
    dispose: () => {},
  }
}
