import type { Tensor } from '@tensorflow/tfjs-core'
import type { Layer } from '../layer.ts'
import { prefixed } from '../parameters/variables.ts'

/**
 * One layer after another: `x ↦ fₙ(… f₁(x))`. The Lipschitz bound is the product of the parts', where all have one;
 * variables are named `0.weight`, `1.bias`, …
 *
 * @cost the sum of the parts
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { compose, dense } from '@equilibria/operators'
 *
 * const net = compose(dense({ inputs: 3, outputs: 8 }), dense({ inputs: 8, outputs: 3, seed: 1 }))
 * console.log(Object.keys(net.variables)) // 0.weight 0.bias 1.weight 1.bias
 * net.dispose()
 * ```
 */
export function compose(...parts: readonly Layer[]): Layer {
  const bounded = parts.every((part) => part.lipschitz)
  return {
    kind: 'layer',
    name: parts.map((part) => part.name).join(' → '),
    variables: prefixed(Object.fromEntries(parts.map((part, i) => [String(i), part]))),
    bind: () => {
      const maps = parts.map((part) => part.bind())
      return (x: Tensor) => maps.reduce((y, map) => map(y), x)
    },
    // A product of n factors, each rounded up: one more rounding each.
    ...(bounded
      ? { lipschitz: () => parts.reduce((product, part) => product * part.lipschitz!() * (1 + 2 ** -52), 1) }
      : {}),
    rowwise: parts.every((part) => part.rowwise !== false),
    dispose: () => parts.forEach((part) => part.dispose()),
  }
}
