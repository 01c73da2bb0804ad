import * as tf from '@tensorflow/tfjs-core'
import type { Dataset, Model, Task, View } from '@equilibria/spec'
import { uniform } from '@equilibria/theory'

type Row = tf.Tensor2D

/** `y = 1/x` on `[0.1, 1]`; with `η = ½` Picard gives `y_t = (1 − q^t)/x`, `q = 1 − x/2`: every figure has a closed form. */
export const ETA = 0.5
export const inputs = (size: number): number[] => {
  const next = uniform(3)
  return Array.from({ length: size }, () => 0.1 + 0.9 * next())
}

export const dataset = (size: number): Dataset<Row, Row> => {
  const all = inputs(size)
  return {
    size,
    batch: (indices) => ({
      x: tf.tensor2d(indices.map((i) => [all[i]!])),
      y: tf.tensor2d(indices.map((i) => [1 / all[i]!])),
    }),
  }
}

/** Counts its calls, so that a test can see that the data went through in batches. */
export function implicit(): Model<Row, Row> & { readonly largest: () => number } {
  let largest = 0
  const step = (y: Row, x: Row): Row => tf.sub(y, tf.mul(ETA, tf.sub(tf.mul(x, y), 1)))
  const iterate = (x: Row, steps: number): Row => {
    let y: Row = tf.zerosLike(x)
    for (let t = 0; t < steps; t++) y = step(y, x)
    return y
  }
  return {
    ...shared,
    name: 'reciprocal',
    depth: 'implicit',
    largest: () => largest,
    predict: (x, compute) => ({ y: tf.tidy(() => iterate(x, compute?.steps ?? 10)) }),
    trajectory: (x, steps) => {
      largest = Math.max(largest, x.shape[0])
      return steps.map((t) => {
        const y = tf.tidy(() => iterate(x, t))
        const residual = tf.tidy(
          () => tf.div(tf.abs(tf.sub(step(y, x), y)), tf.maximum(tf.abs(y), 1)).dataSync() as Float32Array,
        )
        return { steps: t, y, residual, evaluations: t }
      })
    },
  }
}

export const explicit = (): Model<Row, Row> => ({
  ...shared,
  name: 'line',
  depth: 'explicit',
  predict: (x) => ({ y: tf.tidy(() => tf.sub(6, tf.mul(x, 5.5)) as Row) }),
  trajectory: (x, steps) =>
    steps.map((t) => ({
      steps: t,
      y: tf.tidy(() => tf.sub(6, tf.mul(x, 5.5)) as Row),
      residual: new Float32Array(),
      evaluations: 1,
    })),
})

const shared = {
  kind: 'model',
  spec: 1,
  variables: {},
  parameterCount: 2,
  manifest: {},
  dispose: () => undefined,
} as const

export const task = (view?: (x: number, y: number, truth: number) => View): Task<Row, Row> => ({
  kind: 'task',
  spec: 1,
  name: 'reciprocal',
  summary: 'Learn y = 1/x on [0.1, 1].',
  data: () => Promise.resolve({ train: dataset(8), validation: dataset(8), test: dataset(8), source: 'closed form' }),
  models: { implicit, explicit },
  loss: (prediction, target) => tf.tidy(() => tf.mean(tf.squaredDifference(prediction, target)) as tf.Scalar),
  metrics: [
    {
      name: 'relative error',
      summary: '|ŷ − y| / |y|.',
      better: 'less',
      measure: (prediction, target) => {
        const [a, b] = [prediction.dataSync(), target.dataSync()]
        return Float32Array.from(a, (value, i) => Math.abs(value - b[i]!) / Math.abs(b[i]!))
      },
    },
    {
      name: 'output',
      summary: 'ŷ.',
      better: 'more',
      unit: 'm',
      measure: (prediction) => prediction.dataSync() as Float32Array,
    },
  ],
  perturbations: [
    {
      name: 'x',
      apply: (x, { seed, radius }) =>
        tf.tidy(() => {
          const next = uniform(seed)
          return tf.add(x, tf.tensor2d(Array.from({ length: x.shape[0] }, () => [next() < 0.5 ? -radius : radius])))
        }),
    },
  ],
  ...(view
    ? {
        view: (x: Row, y: Row, i: number, target?: Row) =>
          view(x.dataSync()[i]!, y.dataSync()[i]!, target?.dataSync()[i] ?? Number.NaN),
      }
    : {}),
})

export const dot = (x: number, t: number): number => (1 - ETA * x) ** t
