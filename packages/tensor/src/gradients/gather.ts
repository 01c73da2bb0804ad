import * as tf from '@tensorflow/tfjs-core'
import { kernel, repair, zeros, type Repair } from './repair.ts'

const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1)

/**
 * The adjoint of `x ↦ gather(x, indices, axis, batchDims)`: entries picked are added up again where they came from, a
 * segment sum. `shape` is that of `x`.
 */
export function addUp(
  dy: tf.Tensor,
  shape: readonly number[],
  indices: tf.Tensor,
  axis: number,
  batchDims = 0,
): tf.Tensor {
  const length = shape[axis]!
  const batch = product(shape.slice(0, batchDims))
  const outer = product(shape.slice(batchDims, axis))
  const inner = product(shape.slice(axis + 1))
  const picked = product(indices.shape.slice(batchDims))
  const wide = tf.reshape(dy, [batch, outer, picked, inner])
  const rows = tf.reshape(outer === 1 ? wide : tf.transpose(wide, [0, 2, 1, 3]), [batch * picked, outer * inner])
  const offset = () => tf.mul(tf.reshape(tf.range(0, batch, 1, 'int32'), [batch, 1]), tf.scalar(length, 'int32'))
  const segments = batch === 1 ? indices : tf.add(tf.reshape(indices, [batch, picked]), offset())
  const flat = tf.reshape(segments, [batch * picked]) as tf.Tensor1D
  const sums = tf.reshape(tf.unsortedSegmentSum(rows, flat, batch * length), [batch, length, outer, inner])
  return tf.reshape(outer === 1 ? sums : tf.transpose(sums, [0, 2, 1, 3]), [...shape])
}

/**
 * The stock gradient calls chained methods that tfjs-core alone does not have when `batchDims` is 1, knows no other
 * `batchDims`, and answers with integers for the indices, which kills a backward pass where they depend on `x`
 * (`gather(x, argMax(x))`).
 */
const gather: Repair = repair<{ axis: number; batchDims?: number }>(
  'GatherV2',
  { inputs: ['x', 'indices'] },
  (dy, [x, indices], { axis, batchDims }) => ({
    x: () => addUp(dy, x!.shape, indices!, axis < 0 ? axis + x!.rank : axis, batchDims),
    indices: zeros(indices!),
  }),
)

/**
 * An op that only moves entries of `x`: apply it to their positions, and add up by those. Positions as floats, exact up
 * to 2²⁴ entries: the wasm kernels of these ops label whatever they get as float32.
 */
const moves = (name: string): Repair =>
  repair(name, { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => {
      const from = tf.cast(kernel(name, { x: tf.reshape(tf.range(0, x!.size), x!.shape) }, attrs), 'int32')
      return tf.reshape(addUp(dy, [x!.size], tf.reshape(from, [-1]), 0), x!.shape)
    },
  }))

/** The stock gradient has none for the ids, which kills a backward pass where they depend on `x`. */
const segmentSum: Repair = repair('UnsortedSegmentSum', { inputs: ['x', 'segmentIds'] }, (dy, [x, ids]) => ({
  x: () => {
    const last = tf.scalar(dy.shape[0]! - 1, 'int32')
    const row = tf.minimum(tf.maximum(ids!, tf.scalar(0, 'int32')), last)
    const counted = tf.cast(tf.equal(row, ids!), 'float32') // ids outside the segments were dropped
    return tf.mul(tf.gather(dy, row), tf.reshape(counted, [...ids!.shape, ...x!.shape.slice(1).map(() => 1)]))
  },
  segmentIds: zeros(ids!),
}))

/** The values found by topk; the positions are integers and have no gradient. */
const topk: Repair = {
  kernelName: 'TopK',
  inputsToSave: ['x'],
  outputsToSave: [false, true],
  gradFunc: (dys, [x, indices]) => ({
    x: () => {
      const [last] = x!.shape.slice(-1)
      const flat = tf.reshape(indices!, [-1, indices!.shape.at(-1)!])
      return tf.reshape(addUp((dys as tf.Tensor[])[0]!, [flat.shape[0]!, last!], flat, 1, 1), x!.shape)
    },
  }),
}

/** Each is the adjoint of the other. */
const nd: readonly Repair[] = [
  repair('GatherNd', { inputs: ['params', 'indices'] }, (dy, [params, indices]) => ({
    params: () => tf.scatterND(indices!, dy, params!.shape),
    indices: zeros(indices!),
  })),
  repair('ScatterNd', { inputs: ['indices'] }, (dy, [indices]) => ({
    updates: () => tf.gatherND(dy, indices!),
    indices: zeros(indices!),
  })),
]

/** Gradients of what picks entries; those of the last five are missing in tfjs. */
export const gathers: readonly Repair[] = [
  gather,
  segmentSum,
  topk,
  ...nd,
  moves('StridedSlice'),
  moves('DepthToSpace'),
]
