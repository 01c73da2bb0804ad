import * as tf from '@tensorflow/tfjs-core'
import type { Compute, Dataset, Metric, Model, TensorTree } from '@equilibria/spec'
import { EquilibriaError, leaves, scoped } from '@equilibria/tensor'
import type { Loss } from './options.ts'
import { pause } from './pause.ts'
import type { ValidationRecord } from './progress.ts'

/** Mean loss and metrics over a whole dataset: one prediction per batch, no gradients. */
export async function validate<X extends TensorTree, Y extends TensorTree>(
  model: Model<X, Y>,
  data: Dataset<X, Y>,
  options: {
    readonly loss: Loss<X, Y>
    readonly metrics: readonly Metric<X, Y>[]
    readonly batchSize: number
    readonly compute?: Compute
  },
): Promise<Omit<ValidationRecord, 'step'>> {
  const { loss, metrics, batchSize, compute } = options
  let lossSum = 0
  const sums = metrics.map(() => 0)
  for (let start = 0; start < data.size; start += batchSize) {
    const size = Math.min(batchSize, data.size - start)
    const { x, y } = data.batch(Array.from({ length: size }, (_, i) => start + i))
    try {
      scoped(() => {
        const prediction = model.predict(x, compute)
        lossSum += loss(prediction.y, y, x).dataSync()[0]! * size
        metrics.forEach((metric, m) => {
          const values = metric.measure(prediction.y, y, x)
          if (values.length !== size)
            throw new EquilibriaError(
              'shape',
              `Metric "${metric.name}" gave ${values.length} values for ${size} samples.`,
              'measure() returns one value per sample.',
            )
          for (const value of values) sums[m]! += value
        })
      })
    } finally {
      tf.dispose([...leaves(x), ...leaves(y)])
    }
    await pause()
  }
  return {
    loss: lossSum / data.size,
    metrics: Object.fromEntries(metrics.map((metric, m) => [metric.name, sums[m]! / data.size])),
  }
}
