import * as tf from '@tensorflow/tfjs-core'
import type { Dataset, Metric, Model } from '@equilibria/spec'
import { adamW, cosine, type FitOptions, randomStream } from '@equilibria/training'

/** A small regression of our own: y = sin(x·(1, 2, −1)), a two-layer network, nothing hidden. */
type X = tf.Tensor2D
type Y = tf.Tensor2D

const numbers = (count: number, seed: number, scale: number): Float32Array => {
  const random = randomStream(seed)
  return Float32Array.from({ length: count }, () => (2 * random.uniform() - 1) * scale)
}

export function curveData(size: number, seed: number): Dataset<X, Y> {
  const inputs = numbers(3 * size, seed, 1)
  const row = (i: number) => [...inputs.subarray(3 * i, 3 * i + 3)]
  return {
    size,
    batch: (indices) => ({
      x: tf.tensor2d(indices.flatMap(row), [indices.length, 3]),
      y: tf.tensor2d(
        indices.map((i) => Math.sin(row(i)[0]! + 2 * row(i)[1]! - row(i)[2]!)),
        [indices.length, 1],
      ),
    }),
  }
}

export function curveModel({ width = 8, seed = 1 } = {}): Model<X, Y> {
  const make = (shape: number[], stream: number) =>
    tf.tidy(() =>
      tf.variable(
        tf.tensor(
          numbers(
            shape.reduce((a, b) => a * b, 1),
            seed * 10 + stream,
            0.5,
          ),
          shape,
        ),
      ),
    )
  const variables = { in: make([3, width], 1), bias: make([width], 2), out: make([width, 1], 3) }
  return {
    kind: 'model',
    spec: 1,
    name: 'curve',
    depth: 'explicit',
    variables,
    parameterCount: 5 * width,
    predict: (x) => ({
      y: tf.matMul(tf.tanh(tf.add(tf.matMul(x, variables.in), variables.bias)), variables.out as tf.Tensor2D) as Y,
    }),
    trajectory: () => [],
    manifest: { width },
    dispose: () => tf.dispose(variables),
  }
}

export const squaredError = (prediction: Y, target: Y): tf.Scalar => tf.mean(tf.squaredDifference(prediction, target))

export const error: Metric<X, Y> = {
  name: 'error',
  summary: '|ŷ − y|',
  better: 'less',
  measure: (prediction, target) =>
    tf.tidy(() => tf.reshape(tf.abs(tf.sub(prediction, target)), [-1]).dataSync() as Float32Array),
}

/** 100 samples in batches of 16: 7 steps an epoch, the last one smaller. */
export const curveFit = (model: Model<X, Y>, steps = 40): FitOptions<X, Y> => ({
  model,
  loss: squaredError,
  metrics: [error],
  data: { train: curveData(100, 5), validation: curveData(30, 6) },
  optimiser: adamW({ learningRate: cosine({ peak: 0.03, steps: 40, warmup: 5 }), weightDecay: 0.01 }),
  steps,
  batchSize: 16,
  seed: 3,
  clip: { norm: 0.5 },
  validation: { every: 6 },
  earlyStopping: { patience: 3 },
})

/** The bits of every weight. */
export const bits = (model: Pick<Model, 'variables'>): string[] =>
  Object.entries(model.variables).map(
    ([name, v]) => `${name} ${Buffer.from(Float32Array.from(v.dataSync()).buffer).toString('hex')}`,
  )
