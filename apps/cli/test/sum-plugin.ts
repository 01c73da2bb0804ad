import * as tf from '@tensorflow/tfjs-core'
import type { Dataset, Model, ModelOptions, Task } from '@equilibria/spec'
import { defineOperator } from '@equilibria/core'
import { definePlugin } from '@equilibria/plugin'

type Row = tf.Tensor2D

/** Learn 2a + b from pairs (a, b). */
const pairs = (size: number, shift: number): Dataset<Row, Row> => {
  const at = (i: number): [number, number] => [Math.sin(7 * i + shift), Math.cos(3 * i + shift)]
  return {
    size,
    batch: (indices) => ({
      x: tf.tensor2d(indices.map(at)),
      y: tf.tensor2d(indices.map((i) => [2 * at(i)[0] + at(i)[1]])),
    }),
  }
}
const variable = (tensor: tf.Tensor): tf.Variable => {
  const made = tf.variable(tensor)
  tensor.dispose() // tf.variable does not own it
  return made
}
const weights = (seed: number): tf.Variable => variable(tf.tensor2d([[0.1 + 0.01 * seed], [-0.1]]))

/** z = z tanh(a) + x w. */
function looping({ seed = 0 }: ModelOptions = {}): Model<Row, Row> {
  const [a, w] = [variable(tf.scalar(0.3)), weights(seed)]
  const apply = (z: Row, x: Row): Row => tf.add(tf.mul(z, tf.tanh(a)), tf.matMul(x, w as unknown as Row))
  const initial = (x: Row): Row => tf.zeros([x.shape[0], 1])
  const after = (x: Row, steps: number): Row =>
    tf.tidy(() => {
      let z = initial(x)
      for (let t = 0; t < steps; t++) z = apply(z, x)
      return z
    })
  return {
    kind: 'model',
    spec: 1,
    name: 'looping',
    depth: 'implicit',
    variables: { a, w },
    parameterCount: 3,
    manifest: {},
    predict: (x, compute) => ({ y: after(x, compute?.steps ?? 12) }),
    trajectory: (x, depths) =>
      depths.map((steps) => {
        const y = after(x, steps)
        const residual = tf.tidy(() => tf.abs(tf.sub(apply(y, x), y)).dataSync() as Float32Array)
        return { steps, y, residual, evaluations: steps }
      }),
    dispose: () => tf.dispose([a, w]),
  }
}

/** tanh(x w) + b. */
function flat({ seed = 0 }: ModelOptions = {}): Model<Row, Row> {
  const [b, w] = [variable(tf.scalar(0)), weights(seed)]
  const predict = (x: Row): { y: Row } => ({ y: tf.tidy(() => tf.add(tf.tanh(tf.matMul(x, w as unknown as Row)), b)) })
  return {
    kind: 'model',
    spec: 1,
    name: 'flat',
    depth: 'explicit',
    variables: { b, w },
    parameterCount: 3,
    manifest: {},
    predict,
    trajectory: (x, depths) =>
      depths.map((steps) => ({ steps, ...predict(x), residual: new Float32Array(), evaluations: 1 })),
    dispose: () => tf.dispose([b, w]),
  }
}

const task = (): Task<Row, Row> => ({
  kind: 'task',
  spec: 1,
  name: 'pairs',
  summary: 'Learn 2a + b.',
  data: ({ limit = {} } = {}) =>
    Promise.resolve({
      train: pairs(Math.min(limit.train ?? 100, 100), 1),
      validation: pairs(Math.min(limit.validation ?? 20, 20), 2),
      test: pairs(Math.min(limit.test ?? 30, 30), 3),
      source: 'made up',
    }),
  models: { implicit: looping, explicit: flat },
  loss: (prediction, target) => tf.tidy(() => tf.mean(tf.squaredDifference(prediction, target)) as tf.Scalar),
  metrics: [
    {
      name: 'distance',
      summary: '|ŷ − y|.',
      better: 'less',
      measure: (p, y) => tf.tidy(() => tf.abs(tf.sub(p, y)).dataSync() as Float32Array),
    },
  ],
  perturbations: [],
})

/** What a third party writes: one task; training, studies, the command line and the report come with it. */
export default definePlugin({
  name: 'sum',
  version: '1.0.0',
  summary: 'A task of a third party, for tests.',
  parts: { tasks: { pairs: task, bare: () => ({ ...task(), name: 'bare', metrics: [] }) } },
  samples: {
    half: {
      summary: 'z = z/2 + x',
      operator: () =>
        defineOperator({
          name: 'half',
          initial: (x: Row) => tf.zerosLike(x),
          apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
        }),
      input: () => tf.tensor2d([[1, 2]]),
    },
  },
})
