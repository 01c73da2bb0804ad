import type { Tensor } from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'
import type { Layer } from '../layer.ts'
import { prefixed } from '../parameters/variables.ts'
import { combined, together } from './bounds.ts'

/**
 * One layer after another: `x ↦ fₙ(… f₁(x))`. The Lipschitz bound is the product of the parts', where all have one;
 * variables are named `0.weight`, `1.bias`, … The first layer may take a tree, such as a graph.
 *
 * @cost the sum of the parts
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { activation, compose, dense } from '@equilibria/operators'
 *
 * const net = compose(dense({ inputs: 3, outputs: 8 }), activation('relu'), dense({ inputs: 8, outputs: 3, seed: 1 }))
 * console.log(Object.keys(net.variables)) // 0.weight 0.bias 2.weight 2.bias
 * net.dispose()
 * ```
 */
export function compose(...parts: readonly Layer[]): Layer
export function compose<I extends TensorTree>(first: Layer<I>, ...rest: readonly Layer[]): Layer<I>
export function compose(...parts: readonly Layer[]): Layer {
  return {
    kind: 'layer',
    name: parts.map((part) => part.name).join(' → '),
    variables: prefixed(Object.fromEntries(parts.map((part, i) => [String(i), part]))),
    bind: () => {
      const maps = parts.map((part) => part.bind())
      return (x: Tensor) => maps.reduce((y, map) => map(y), x)
    },
    ...combined(parts, (bounds) => bounds.reduce((a, b) => a * b, 1)),
    ...together(parts),
  }
}
