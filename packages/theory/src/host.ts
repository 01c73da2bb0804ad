import type * as tf from '@tensorflow/tfjs-core'
import type { TensorTree, Vector } from '@equilibria/spec'
import { EquilibriaError, leaves, shapeOf } from '@equilibria/tensor'

/** Batch of a tree whose leaves are `[batch, …]`. */
export function batchOf(tree: TensorTree): number {
  const all = leaves(tree)
  const batch = all[0]?.shape[0]
  if (batch === undefined || all.some((t) => t.shape[0] !== batch))
    throw new EquilibriaError(
      'shape',
      `Expected leaves [batch, …] that share one batch; got ${shapeOf(tree) || 'no tensor at all'}.`,
      'Give every leaf a leading batch axis, of length 1 for a single sample.',
    )
  return batch
}

/** The values of every leaf on the host. */
export const download = (tree: TensorTree): Float32Array[] =>
  leaves(tree).map((t: tf.Tensor) => t.dataSync() as Float32Array)

/** `‖a − b‖₂` per sample over all leaves, in float64; `‖a‖₂` when `b` is left out. */
export function distances(batch: number, a: readonly Float32Array[], b?: readonly Float32Array[]): Float64Array {
  const squares = new Float64Array(batch)
  a.forEach((values, leaf) => {
    const other = b?.[leaf]
    const size = values.length / batch
    for (let i = 0; i < values.length; i++)
      squares[Math.floor(i / size)]! += (values[i]! - (other === undefined ? 0 : other[i]!)) ** 2
  })
  return squares.map(Math.sqrt)
}

/** `‖v‖₂` per row of `[batch, size]`, in float64. */
export const rowNorms = (v: Vector): Float64Array => distances(v.shape[0], [v.dataSync() as Float32Array])
