import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'

/** Edges as layers on graphs use them, from `prepareEdges`: rows among all nodes of the batch. */
export type PreparedEdges = {
  /** `[batch · edges]` int32: the sender's row; some row of the sample where there is no edge. */
  readonly from: tf.Tensor
  /** `[batch · edges]` int32: the receiver's row; some row of the sample where there is no edge. */
  readonly at: tf.Tensor
  /** `[batch · edges]` int32: the receiver's row; −1 where there is no edge. */
  readonly to: tf.Tensor
  /** `[batch · receivers, 1]`: one over the number of edges that arrive, or 1. */
  readonly mean: tf.Tensor
  /** `[batch · edges, 1]`: `1/√(edges that leave the sender · edges that arrive at the receiver)`, or 0. */
  readonly symmetric: tf.Tensor
}

/**
 * Check the edges of a graph and lay them out for message passing. `edges` are int32 pairs (sender, receiver): `[batch,
 * edges, 2]`, a graph per sample, or `[edges, 2]`, one for all. A pair with a −1 is no edge: so graphs of different sizes
 * share a batch. Layers take either form; call this once per solve (in the `bind` of an operator), not once per step.
 *
 * @cost reads the edges back; five tensors of their size
 * @throws EquilibriaError `shape` on another shape or dtype; `data` when an edge names a node that is not there
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { prepareEdges } from '@equilibria/operators'
 *
 * const path = tf.tensor2d([[0, 1], [1, 2]], [2, 2], 'int32')
 * console.log(prepareEdges(path, 2, 3, 3).to.dataSync()) // [1, 2, 4, 5]
 * ```
 */
export function prepareEdges(edges: tf.Tensor, batch: number, senders: number, receivers: number): PreparedEdges {
  const shared = edges.rank === 2
  if (
    edges.dtype !== 'int32' ||
    edges.shape.at(-1) !== 2 ||
    !(shared || (edges.rank === 3 && edges.shape[0] === batch))
  )
    throw new EquilibriaError(
      'shape',
      `Edges are ${edges.dtype} of shape (${edges.shape}), nodes come in a batch of ${batch}.`,
      `Pass int32 pairs (sender, receiver) of shape [${batch}, edges, 2] or [edges, 2].`,
    )
  const pairs = edges.dataSync()
  const count = edges.shape.at(-2)!
  const total = batch * count
  const [from, at, to] = [new Int32Array(total), new Int32Array(total), new Int32Array(total)]
  const leaving = new Float64Array(batch * senders)
  const arriving = new Float64Array(batch * receivers)
  for (let b = 0, i = 0; b < batch; b++)
    for (let e = 0; e < count; e++, i++) {
      const place = 2 * ((shared ? 0 : b * count) + e)
      const [s, r] = [pairs[place]!, pairs[place + 1]!]
      const none = s === -1 || r === -1
      if (!none && !(s >= 0 && s < senders && r >= 0 && r < receivers))
        throw new EquilibriaError(
          'data',
          `Edge ${e} of sample ${b} leads from node ${s} to node ${r}; there are ${senders} senders and ${receivers} receivers.`,
          'Number nodes from 0 within each sample; −1 marks a place without an edge.',
        )
      from[i] = b * senders + (none ? 0 : s)
      at[i] = b * receivers + (none ? 0 : r)
      to[i] = none ? -1 : at[i]!
      if (none) continue
      leaving[from[i]!]!++
      arriving[at[i]!]!++
    }
  const symmetric = Float32Array.from(to, (r, i) => (r < 0 ? 0 : 1 / Math.sqrt(leaving[from[i]!]! * arriving[r]!)))
  return {
    from: tf.tensor1d(from, 'int32'),
    at: tf.tensor1d(at, 'int32'),
    to: tf.tensor1d(to, 'int32'),
    mean: tf.tensor2d(
      Float32Array.from(arriving, (n) => 1 / Math.max(1, n)),
      [batch * receivers, 1],
    ),
    symmetric: tf.tensor2d(symmetric, [total, 1]),
  }
}

/** The prepared form of either form. */
export const prepared = (
  edges: tf.Tensor | PreparedEdges,
  batch: number,
  senders: number,
  receivers: number,
): PreparedEdges => ('from' in edges ? edges : prepareEdges(edges, batch, senders, receivers))

/** Row `to[e]` of the answer is the sum of the rows `e` of `messages`. */
export const gathered = (messages: tf.Tensor, { to }: PreparedEdges, rows: number): tf.Tensor =>
  tf.unsortedSegmentSum(messages, to as tf.Tensor1D, rows)
