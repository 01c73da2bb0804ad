import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../../layer.ts'
import { createVariables } from '../../parameters/variables.ts'
import { type ActivationName, pointwise } from '../activation.ts'
import { requireShape, requireSizes } from '../checks.ts'
import { gathered, type PreparedEdges, prepared } from './edges.ts'

/** A graph per sample, or one for all, with features on its nodes. */
export type GraphInput = {
  /** `[batch, nodes, features]` */
  readonly nodes: tf.Tensor
  /** int32 `[batch, edges, 2]` or `[edges, 2]`, or what `prepareEdges` made of them. */
  readonly edges: tf.Tensor | PreparedEdges
  /** `[batch, edges, features]`, where the layer was told of them. */
  readonly edgeFeatures?: tf.Tensor
}

/** Two sets of nodes per sample; edges lead from the first to the second. */
export type BipartiteInput = {
  /** `[batch, senders, features]` */
  readonly senders: tf.Tensor
  /** `[batch, receivers, features]` */
  readonly receivers: tf.Tensor
  /** int32 `[batch, edges, 2]` or `[edges, 2]`, or what `prepareEdges` made of them. */
  readonly edges: tf.Tensor | PreparedEdges
  /** `[batch, edges, features]`, where the layer was told of them. */
  readonly edgeFeatures?: tf.Tensor
}

interface Common {
  /** Features of each node out. */
  readonly outputs: number
  /** Features of a message. Default: `outputs`. */
  readonly messages?: number
  /** Features of each edge. Default `0`: edges have none. */
  readonly edgeFeatures?: number
  /** How messages that arrive at one node are combined. Default `'sum'`. */
  readonly aggregate?: 'mean' | 'sum'
  /** Between the linear map that makes a message and its sending. Default `'relu'`. */
  readonly activation?: ActivationName
  /** Scale of the weights at the start: standard deviation `gain / √(entries in)`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/** Features, messages and start of message passing on one set of nodes. */
export interface MessagePassingOptions extends Common {
  /** Features of each node in. */
  readonly nodes: number
}

/** Features, messages and start of message passing between two sets of nodes. */
export interface BipartiteMessagePassingOptions extends Common {
  /** Features of each sender. */
  readonly senders: number
  /** Features of each receiver, in. */
  readonly receivers: number
}

/**
 * Message passing from one set of nodes to another, a half-convolution: with `s → r` an edge and `a` its features,
 *
 * `m = σ(h_s W_s + h_r W_r + a W_a + c)`,   `h'_r = h_r U + (Σ or mean of m over the edges that arrive) V + b`.
 *
 * A graph per sample or one for all; samples of different sizes are padded by edges `(−1, −1)`. Equivariant under
 * permutations of senders and of receivers. Two of these, there and back, make a layer on constraints and variables.
 *
 * The sum grows with the number of edges, and the Lipschitz constant in the features with it: for a guarantee use
 * `graphConvolution`. Node-side products are done before they are spread over the edges.
 *
 * @cost `messages · (senders · W_s + receivers · W_r)` and `edges · messages` additions per sample; the messages are stored
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` on other inputs; `data` on edges that
 * lead nowhere
 * @cite gilmer2017, gasse2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { bipartiteMessagePassing } from '@equilibria/operators'
 *
 * const layer = bipartiteMessagePassing({ senders: 2, receivers: 3, outputs: 4 })
 * const edges = tf.tensor2d([[0, 0], [1, 0], [4, 1]], [3, 2], 'int32')
 * const y = layer.bind()({ senders: tf.ones([1, 5, 2]), receivers: tf.ones([1, 2, 3]), edges })
 * console.log(y.shape) // [1, 2, 4]
 * layer.dispose()
 * ```
 */
export function bipartiteMessagePassing(options: BipartiteMessagePassingOptions): Layer<BipartiteInput> {
  return passing('bipartiteMessagePassing', options)
}

/**
 * Message passing on one set of nodes: `bipartiteMessagePassing` from the nodes to themselves. An undirected graph has both
 * `(i, j)` and `(j, i)` among its edges. Equivariant under permutations of the nodes.
 *
 * @cost two products of nodes and `edges · messages` additions per sample; the messages are stored
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` on other inputs; `data` on edges that
 * lead nowhere
 * @cite gilmer2017
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { messagePassing } from '@equilibria/operators'
 *
 * const layer = messagePassing({ nodes: 2, outputs: 2, aggregate: 'mean', activation: 'tanh' })
 * const ring = tf.tensor2d([[0, 1], [1, 2], [2, 0]], [3, 2], 'int32')
 * console.log(layer.bind()({ nodes: tf.ones([4, 3, 2]), edges: ring }).shape) // [4, 3, 2]
 * layer.dispose()
 * ```
 */
export function messagePassing({ nodes: features, ...options }: MessagePassingOptions): Layer<GraphInput> {
  const layer = passing('messagePassing', { ...options, senders: features, receivers: features })
  return {
    ...layer,
    bind: () => {
      const map = layer.bind()
      return ({ nodes, ...rest }) => map({ senders: nodes, receivers: nodes, ...rest })
    },
  }
}

function passing(
  name: string,
  {
    senders,
    receivers,
    outputs,
    messages = outputs,
    edgeFeatures = 0,
    aggregate = 'sum',
    activation = 'relu',
    gain = 1,
    seed = 0,
  }: BipartiteMessagePassingOptions,
): Layer<BipartiteInput> {
  requireSizes(name, { senders, receivers, outputs, messages, 'edgeFeatures + 1': edgeFeatures + 1 })
  if (aggregate !== 'sum' && aggregate !== 'mean')
    throw new EquilibriaError('option', `${name}({ aggregate: ${String(aggregate)} })`, 'Pass "sum" or "mean".')
  const send = pointwise(activation)
  const weight = (rows: number, columns: number) => ({ shape: [rows, columns], deviation: gain / Math.sqrt(rows) })
  const variables = createVariables(
    {
      sender: weight(senders, messages),
      receiver: weight(receivers, messages),
      ...(edgeFeatures ? { edge: weight(edgeFeatures, messages) } : {}),
      offset: { shape: [messages], value: 0 },
      keep: weight(receivers, outputs),
      message: weight(messages, outputs),
      bias: { shape: [outputs], value: 0 },
    },
    seed,
  )
  const { edge }: { edge?: tf.Variable } = variables
  const product = (x: tf.Tensor, w: tf.Variable): tf.Tensor =>
    tf.matMul(tf.reshape(x, [-1, x.shape.at(-1)!]), w as unknown as tf.Tensor2D)
  return {
    kind: 'layer',
    name,
    variables,
    bind: () => (input) => {
      requireShape(`${name}() senders`, input.senders, ['batch', 'senders', 'features'], senders)
      requireShape(`${name}() receivers`, input.receivers, ['batch', 'receivers', 'features'], receivers)
      const [batch, count] = input.receivers.shape as [number, number]
      if (input.senders.shape[0] !== batch)
        throw new EquilibriaError(
          'shape',
          `${name}() was given ${input.senders.shape[0]} samples of senders and ${batch} of receivers.`,
          'Pass both for the same samples.',
        )
      const edges = prepared(input.edges, batch, input.senders.shape[1]!, count)
      const here = tf.add(product(input.receivers, variables.receiver), variables.offset)
      let sent = tf.add(tf.gather(product(input.senders, variables.sender), edges.from), tf.gather(here, edges.at))
      if (edge) sent = tf.add(sent, product(featuresOf(name, input, batch, edgeFeatures), edge))
      const sum = gathered(send(sent), edges, batch * count)
      const arrived = aggregate === 'mean' ? tf.mul(sum, edges.mean) : sum
      const next = tf.add(product(input.receivers, variables.keep), product(arrived, variables.message))
      return tf.reshape(tf.add(next, variables.bias), [batch, count, outputs])
    },
    dispose: () => tf.dispose(Object.values(variables)),
  }
}

/** @throws EquilibriaError `shape` when there are none, or others than the layer was told of */
function featuresOf(name: string, { edgeFeatures: given }: BipartiteInput, batch: number, features: number): tf.Tensor {
  if (!given || given.rank !== 3 || given.shape[0] !== batch || given.shape[2] !== features)
    throw new EquilibriaError(
      'shape',
      `${name}({ edgeFeatures: ${features} }) was given ${given ? `edge features of shape (${given.shape})` : 'no edge features'}.`,
      `Pass edgeFeatures of shape [${batch}, edges, ${features}].`,
    )
  return given
}
