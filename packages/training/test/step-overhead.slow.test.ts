import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import type { Model } from '@equilibria/spec'
import { adamW, fit, type Optimiser, randomStream } from '@equilibria/training'

/* 40 variables of 64 to 1024 entries, as a graph network has; a loss that costs almost nothing. */
const sizes = Array.from({ length: 40 }, (_, i) => [64, 128, 256, 1024][i % 4]!)

function model(): Model<tf.Tensor1D, tf.Tensor1D> {
  const random = randomStream(1)
  const variables = Object.fromEntries(
    sizes.map((n, i) => {
      const values = Float32Array.from({ length: n }, random.uniform)
      return [`v${i}`, tf.tidy(() => tf.variable(tf.tensor1d(values)))]
    }),
  )
  return {
    kind: 'model',
    spec: 1,
    name: 'many',
    depth: 'explicit',
    variables,
    parameterCount: sizes.reduce((a, b) => a + b, 0),
    predict: (x) => ({
      y: tf.mul(x, tf.addN(Object.values(variables).map((v) => tf.sum(v)))) as tf.Tensor1D,
    }),
    trajectory: () => [],
    manifest: {},
    dispose: () => tf.dispose(variables),
  }
}
const data = { size: 1, batch: () => ({ x: tf.ones([1]) as tf.Tensor1D, y: tf.zeros([1]) as tf.Tensor1D }) }
const loss = (p: tf.Tensor1D, y: tf.Tensor1D) => tf.mean(tf.squaredDifference(p, y)) as tf.Scalar

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!

/** The same update with one tfjs operation after the other, as tf.train does it. */
function updateWithOperations(variables: readonly tf.Variable[], moments: tf.Variable[][], gradients: tf.Tensor[]) {
  variables.forEach((v, i) =>
    tf.tidy(() => {
      const [m, s] = [moments[0]![i]!, moments[1]![i]!]
      const g = gradients[i]!
      m.assign(tf.add(tf.mul(m, 0.9), tf.mul(g, 0.1)))
      s.assign(tf.add(tf.mul(s, 0.999), tf.mul(tf.square(g), 0.001)))
      v.assign(tf.sub(tf.mul(v, 0.99999), tf.div(tf.mul(m, 0.001), tf.add(tf.sqrt(s), 1e-8))))
    }),
  )
}

test('what a step costs apart from the model', { timeout: 120_000 }, async () => {
  const m = model()
  const variables = Object.values(m.variables)
  const [evaluation, step, operations]: [number[], number[], number[]] = [[], [], []]

  const { x, y } = data.batch()
  const moments = [0, 1].map(() => variables.map((v) => tf.tidy(() => tf.variable(tf.zerosLike(v)))))
  const gradients = variables.map((v) => tf.onesLike(v))
  let last = 0
  const optimiser: Optimiser = adamW({ learningRate: 1e-6 })
  // The three are interleaved in blocks, so that other load on the machine meets all of them.
  for (let block = 0; block < 10; block++) {
    last = 0
    await fit({
      model: m,
      loss,
      data: { train: data },
      optimiser,
      clip: { norm: 1 },
      steps: 30,
      onProgress: () => {
        const now = performance.now()
        if (last > 0 && block > 0) step.push(now - last)
        last = now
      },
    })
    for (let i = 0; i < 30; i++) {
      const started = performance.now()
      const { value, grads } = tf.variableGrads(() => loss(m.predict(x).y, y), variables)
      value.dataSync()
      if (block > 0) evaluation.push(performance.now() - started)
      tf.dispose([value, grads])
      const then = performance.now()
      updateWithOperations(variables, moments, gradients)
      if (block > 0) operations.push(performance.now() - then)
    }
  }
  tf.dispose([x, y, ...moments.flat(), ...gradients])
  m.dispose()
  const overhead = median(step) - median(evaluation)
  const shown = [median(step), median(evaluation), overhead, median(operations)].map((ms) => ms.toFixed(2))
  console.log(
    `${tf.getBackend()}: step ${shown[0]} ms, of which evaluation ${shown[1]} ms; overhead ${shown[2]} ms; an update by operations alone ${shown[3]} ms`,
  )
  // Measured 4 times and more; 1.3 is the least difference a timing can show reliably.
  expect(median(operations)).toBeGreaterThan(1.3 * overhead)
})
