import * as tf from '@tensorflow/tfjs-core'
import type { AnyTask, Compute, Dataset, Model, TensorTree } from '@equilibria/spec'
import { leaves } from '@equilibria/tensor'

/**
 * Mean of the task's headline metric over (at most `limit` samples of) a data set, at the model's own depth unless told.
 * Between two batches the event loop has its turn.
 */
export async function headline(
  task: AnyTask,
  model: Model,
  data: Dataset<TensorTree, TensorTree>,
  {
    limit = data.size,
    batchSize = 100,
    compute,
    signal,
  }: {
    readonly limit?: number
    readonly batchSize?: number
    readonly compute?: Compute
    readonly signal?: AbortSignal
  } = {},
): Promise<number> {
  const metric = task.metrics[0]!
  const size = Math.min(limit, data.size)
  let sum = 0
  for (let from = 0; from < size; from += batchSize) {
    const { x, y } = data.batch(Array.from({ length: Math.min(batchSize, size - from) }, (_, i) => from + i))
    const prediction = model.predict(x, compute).y
    for (const v of metric.measure(prediction, y, x)) sum += v
    tf.dispose([...leaves(x), ...leaves(y), ...leaves(prediction)])
    await new Promise((resolve) => setTimeout(resolve, 0))
    signal?.throwIfAborted()
  }
  return sum / size
}
