import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'
import type { Layer } from '../layer.ts'
import { prefixed } from '../parameters/variables.ts'
import { combined, together } from './bounds.ts'

/**
 * Layers side by side: `x ↦ f₁(x) + … + fₙ(x)`. The Lipschitz bound is the sum of the parts', where all have one;
 * variables are named `0.weight`, `1.bias`, …
 *
 * @cost the sum of the parts
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { convolution1d, spectralConvolution1d, sum } from '@equilibria/operators'
 *
 * const fourier = sum(
 *   spectralConvolution1d({ inputs: 2, outputs: 2, modes: 4 }),
 *   convolution1d({ inputs: 2, outputs: 2, kernel: 1, seed: 1 }),
 * )
 * console.log(fourier.bind()(tf.ones([1, 16, 2])).shape) // [1, 16, 2]
 * fourier.dispose()
 * ```
 */
export function sum<I extends TensorTree = tf.Tensor>(first: Layer<I>, ...rest: readonly Layer<I>[]): Layer<I> {
  const parts = [first, ...rest]
  return {
    kind: 'layer',
    name: parts.map((part) => part.name).join(' + '),
    variables: prefixed(Object.fromEntries(parts.map((part, i) => [String(i), part]))),
    bind: () => {
      const maps = parts.map((part) => part.bind())
      return (x) => maps.map((map) => map(x)).reduce((a, b) => tf.add(a, b))
    },
    ...combined(parts, (bounds) => bounds.reduce((a, b) => a + b, 0)),
    ...together(parts),
  }
}
