import * as tf from '@tensorflow/tfjs-core'
import type { Layer } from '../../layer.ts'
import { spectralBound } from '../../parameters/spectral-bound.ts'
import { createVariables } from '../../parameters/variables.ts'
import { requireShape, requireSizes } from '../checks.ts'
import { gathered, prepared } from './edges.ts'
import type { GraphInput } from './message-passing.ts'

/** Features and start of a graph convolution. */
export interface GraphConvolutionOptions {
  /** Features of each node in. */
  readonly inputs: number
  /** Features of each node out. */
  readonly outputs: number
  /** Whether a node also sees itself, through weights of its own. Default `true`. */
  readonly self?: boolean
  /** Default `true`. */
  readonly bias?: boolean
  /** Scale of the weights at the start: standard deviation `gain / √inputs`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * `H ↦ Â H W + H W₀ + b`, `Â = D_in^{−1/2} A D_out^{−1/2}`: a message along each edge, divided by the root of the number of
 * edges that leave its sender times the number that arrive at its receiver.
 *
 * `‖Â‖₂ ≤ 1` on every graph, directed or not, so `‖W‖₂ + ‖W₀‖₂` bounds the Lipschitz constant in the features: the layer to
 * build contractions on graphs from. Equivariant under permutations of the nodes. Edge features are not looked at.
 *
 * @cost two products of nodes and `edges · outputs` additions per sample
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` on other inputs; `data` on edges that
 * lead nowhere
 * @cite kipf2017
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { graphConvolution } from '@equilibria/operators'
 *
 * const layer = graphConvolution({ inputs: 2, outputs: 2 })
 * const path = tf.tensor2d([[0, 1], [1, 0], [1, 2], [2, 1]], [4, 2], 'int32')
 * console.log(layer.bind()({ nodes: tf.ones([1, 3, 2]), edges: path }).shape, layer.lipschitz?.()) // [1, 3, 2], a bound
 * layer.dispose()
 * ```
 */
export function graphConvolution({
  inputs,
  outputs,
  self = true,
  bias = true,
  gain = 1,
  seed = 0,
}: GraphConvolutionOptions): Layer<GraphInput> {
  requireSizes('graphConvolution', { inputs, outputs })
  const matrix = { shape: [inputs, outputs], deviation: gain / Math.sqrt(inputs) }
  const variables = createVariables(
    {
      weight: matrix,
      ...(self ? { self: matrix } : {}),
      ...(bias ? { bias: { shape: [outputs], value: 0 } } : {}),
    },
    seed,
  )
  const { weight, self: own, bias: offset }: { weight: tf.Variable; self?: tf.Variable; bias?: tf.Variable } = variables
  return {
    kind: 'layer',
    name: 'graphConvolution',
    variables,
    bind:
      () =>
      ({ nodes, edges }) => {
        requireShape('graphConvolution() nodes', nodes, ['batch', 'nodes', 'features'], inputs)
        const [batch, count] = nodes.shape as [number, number]
        const graph = prepared(edges, batch, count, count)
        const flat = tf.reshape(nodes, [-1, inputs]) as tf.Tensor2D
        const sent = tf.gather(tf.matMul(flat, weight as unknown as tf.Tensor2D), graph.from as tf.Tensor1D)
        let next: tf.Tensor = gathered(tf.mul(sent, graph.symmetric), graph, batch * count)
        if (own) next = tf.add(next, tf.matMul(flat, own as unknown as tf.Tensor2D))
        return tf.reshape(offset ? tf.add(next, offset) : next, [batch, count, outputs])
      },
    lipschitz: () =>
      (spectralBound(weight.dataSync(), inputs, outputs) + (own ? spectralBound(own.dataSync(), inputs, outputs) : 0)) *
      (1 + 2 ** -52),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}
