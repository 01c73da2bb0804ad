import * as tf from '@tensorflow/tfjs-core'
import { repair, zeros, type Repair } from './repair.ts'

const product = (numbers: readonly number[]): number => numbers.reduce((a, b) => a * b, 1)

/**
 * Rows picked are rows added up again: a segment sum. The stock gradient calls chained methods that tfjs-core alone
 * does not have when `batchDims` is 1, knows no other `batchDims`, and answers with integers for the indices, which
 * kills a backward pass where they depend on `x` (`gather(x, argMax(x))`).
 */
export const gather: Repair = repair<{ axis: number; batchDims?: number }>(
  'GatherV2',
  { inputs: ['x', 'indices'] },
  (dy, [x, indices], { axis, batchDims = 0 }) => ({
    x: () => {
      const at = axis < 0 ? axis + x!.rank : axis
      const length = x!.shape[at]!
      const batch = product(x!.shape.slice(0, batchDims))
      const outer = product(x!.shape.slice(batchDims, at))
      const inner = product(x!.shape.slice(at + 1))
      const picked = product(indices!.shape.slice(batchDims))
      const wide = tf.reshape(dy, [batch, outer, picked, inner])
      const rows = tf.reshape(outer === 1 ? wide : tf.transpose(wide, [0, 2, 1, 3]), [batch * picked, outer * inner])
      const offset = tf.mul(tf.range(0, batch, 1, 'int32'), tf.scalar(length, 'int32'))
      const segments =
        batch === 1 ? indices! : tf.add(tf.reshape(indices!, [batch, picked]), tf.reshape(offset, [batch, 1]))
      const flat = tf.reshape(segments, [batch * picked]) as tf.Tensor1D
      const sums = tf.reshape(tf.unsortedSegmentSum(rows, flat, batch * length), [batch, length, outer, inner])
      return tf.reshape(outer === 1 ? sums : tf.transpose(sums, [0, 2, 1, 3]), x!.shape)
    },
    indices: zeros(indices!),
  }),
)
