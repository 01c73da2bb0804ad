import * as tf from '@tensorflow/tfjs-core'
import type { Compute, Dataset, Model, ModelOptions, Task } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'

type X = tf.Tensor2D
const rows = (indices: readonly number[], seed: number): tf.Tensor2D =>
  tf.tensor2d(indices.map((i) => [0, 1, 2].map((j) => Math.sin(1 + i * 3 + j + 10 * seed))))

const dataset = (seed: number, size: number): Dataset<X, X> => ({
  size,
  batch: (indices) => {
    const x = rows(indices, seed)
    return { x, y: tf.tidy(() => tf.mul(x, 2)) }
  },
})

function model(depth: 'implicit' | 'explicit', { seed = 0 }: ModelOptions = {}): Model<X, X> {
  const w = tf.tidy(() => tf.variable(tf.randomNormal([3, 3], 0, 0.2, 'float32', seed + 1) as X))
  const operator = defineOperator<X, X>({
    name: 'toy',
    initial: (x) => tf.zerosLike(x),
    apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, w), x)),
  })
  const layer = equilibrium(operator, { solver: anderson(), gradient: implicit({ solver: gmres() }) })
  return {
    kind: 'model',
    spec: 1,
    name: depth,
    depth,
    variables: { w },
    parameterCount: 9,
    predict: (x, compute: Compute = {}) => {
      if (depth === 'explicit') return { y: tf.matMul(x, w) }
      const { state, status, stats } = layer.solve(x, compute as Compute<X>)
      return { y: state, status, stats }
    },
    trajectory: (x, steps) =>
      depth === 'explicit'
        ? steps.map((t) => ({ steps: t, y: tf.matMul(x, w) as X, residual: new Float32Array(0), evaluations: 0 }))
        : layer
            .trajectory(x, steps)
            .map((p) => ({ steps: p.steps, y: p.state, residual: p.residual, evaluations: p.steps })),
    manifest: { solver: 'anderson', tolerance: 1e-4 },
    dispose: () => w.dispose(),
  }
}

/** The smallest task that passes every check: learn `y = 2x`. */
export const toyTask = (): Task<X, X> => ({
  kind: 'task',
  spec: 1,
  name: 'toy',
  summary: 'Learn y = 2x.',
  data: ({ seed = 0, limit } = {}) =>
    Promise.resolve({
      train: dataset(seed, Math.min(20, limit?.train ?? 20)),
      validation: dataset(seed + 100, Math.min(20, limit?.validation ?? 20)),
      test: dataset(seed + 200, Math.min(20, limit?.test ?? 20)),
      source: 'sines',
    }),
  models: {
    implicit: (options?: ModelOptions) => model('implicit', options),
    explicit: (options?: ModelOptions) => model('explicit', options),
  },
  loss: (prediction, target) => tf.mean(tf.squaredDifference(prediction, target)),
  metrics: [
    {
      name: 'error',
      summary: '‖y − t‖₂',
      better: 'less',
      measure: (p, t) => tf.tidy(() => tf.norm(tf.sub(p, t), 2, 1).dataSync() as Float32Array),
    },
  ],
  perturbations: [
    {
      name: 'input',
      apply: (x, { seed, radius }) =>
        tf.tidy(() => {
          const d = tf.randomNormal(x.shape, 0, 1, 'float32', seed)
          return tf.add(x, tf.mul(d, tf.div(radius, tf.norm(d, 2, 1, true)))) as X
        }),
    },
  ],
})
