import type { Variable } from '@tensorflow/tfjs-core'
import type { Loose, Operator, TensorTree, Traits } from '@equilibria/spec'
import { prefixed } from '../parameters/variables.ts'
import { type SomeLayer, together } from './bounds.ts'

/** An operator made of layers: its variables are theirs, the names prefixed. */
export interface LayerOperator<S extends TensorTree = TensorTree, X extends TensorTree = TensorTree> extends Operator<
  S,
  X
> {
  /** Trainable. */
  readonly variables: Readonly<Record<string, Variable>>
  /** Frees the variables. */
  dispose(): void
}

/** Each layer, bound to its weights. */
export type Maps<L extends Readonly<Record<string, SomeLayer>>> = {
  readonly [K in keyof L]: ReturnType<L[K]['bind']>
}

/**
 * An operator from named layers and two functions: where to start, and how the bound layers make `z ↦ G(z)` from an input.
 * `bind` runs once per solve, so what does not depend on `z` (injections, prepared edges) is computed once. For the common
 * case, `core(z) + inject(x)`, there is `recall`.
 *
 * Traits are what you declare, and `rowwise: false` when a layer mixes rows. Declare only what holds whatever the weights
 * become: `lipschitz()` of a layer is about the present ones, `guaranteed` about all.
 *
 * @cost what `bind` makes of the layers
 * @cite none
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { graphConvolution, operatorOf, prepareEdges } from '@equilibria/operators'
 * import { picard } from '@equilibria/solvers'
 *
 * type Graph = { readonly nodes: tf.Tensor; readonly edges: tf.Tensor }
 * const diffusion = operatorOf({
 *   name: 'diffusion',
 *   layers: { spread: graphConvolution({ inputs: 2, outputs: 2, self: false, gain: 0.3 }) },
 *   initial: (x: Graph) => tf.zerosLike(x.nodes),
 *   bind: ({ spread }, x) => {
 *     const [batch, nodes] = x.nodes.shape as [number, number]
 *     const edges = prepareEdges(x.edges, batch, nodes, nodes)
 *     return (z) => tf.tanh(tf.add(spread({ nodes: z, edges }), x.nodes))
 *   },
 * })
 * const edges = tf.tensor3d([[[0, 1], [1, 2], [2, 0]]], [1, 3, 2], 'int32')
 * console.log(equilibrium(diffusion, { solver: picard() }).solve({ nodes: tf.ones([1, 3, 2]), edges }).status)
 * diffusion.dispose()
 * ```
 */
export function operatorOf<
  S extends TensorTree,
  X extends TensorTree,
  const L extends Readonly<Record<string, SomeLayer>>,
>(parts: {
  readonly name: string
  readonly layers: L
  readonly traits?: Traits
  initial(input: X): S
  bind(maps: Maps<L>, input: X): (state: S) => Loose<S>
}): LayerOperator<S, X> {
  const { name, layers, traits = {} } = parts
  const { rowwise, dispose } = together(Object.values(layers))
  return {
    kind: 'operator',
    spec: 1,
    name,
    traits: { ...traits, ...(rowwise ? {} : { rowwise: false }) },
    variables: prefixed(layers),
    bind: (input) => {
      const bound = Object.fromEntries(Object.entries(layers).map(([key, layer]) => [key, layer.bind()]))
      return { initial: () => parts.initial(input), apply: parts.bind(bound as Maps<L>, input) }
    },
    dispose,
  }
}
