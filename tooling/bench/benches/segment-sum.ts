/* Adding rows up by segment, what the gradient of `gather` is: a one-hot product, against one pass (ours on wasm). */
import * as tf from '@tensorflow/tfjs-core'
import type { Bench } from '../src/compare.ts'

export function benches(): readonly Bench[] {
  return [
    [2048, 512, 16],
    [10_000, 2000, 32],
    [64, 16, 128],
  ].map(([rows, segments, width]) => {
    const x = tf.randomUniform([rows!, width!], -1, 1, 'float32', 1) as tf.Tensor2D
    const ids = tf.tensor1d(
      Array.from({ length: rows! }, (_, i) => (i * 7919) % segments!),
      'int32',
    )
    const spread = tf.transpose(tf.oneHot(ids, segments!, 1, 0, 'float32')) as tf.Tensor2D
    return {
      name: `${rows} rows of ${width} into ${segments} (one-hot made in advance)`,
      before: () => tf.matMul(spread, x).dispose(),
      after: () => tf.unsortedSegmentSum(x, ids, segments!).dispose(),
    }
  })
}
