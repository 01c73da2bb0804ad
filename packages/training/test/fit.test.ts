import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fit, type FitOptions, type FitProgress, sgd } from '@equilibria/training'
import { bits, curveData, curveFit, curveModel, squaredError } from './curve.ts'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => {
  const left = tf.memory().numTensors - before
  if (left !== 0) throw new Error(`${left} tensors were left behind`)
})

type Options = FitOptions<tf.Tensor2D, tf.Tensor2D>
/** Train a fresh model; what is returned holds no tensor. */
async function train(change: (options: Options) => Partial<Options> = () => ({}), steps?: number) {
  const model = curveModel()
  try {
    const options = curveFit(model, steps)
    const result = await fit({ ...options, ...change(options) })
    return { ...result, weights: bits(model) }
  } finally {
    model.dispose()
  }
}

test('learns, and records what happened', async () => {
  const { status, steps, history, best, restoredBest } = await train()
  expect(status).toBe('completed')
  expect(steps).toBe(40)
  expect(history.steps.map(({ step }) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
  expect(history.validations.map(({ step }) => step)).toEqual([6, 12, 18, 24, 30, 36, 40])
  const [first, last] = [history.validations[0]!, history.validations.at(-1)!]
  expect(last.loss).toBeLessThan(0.5 * first.loss)
  expect(last.metrics['error']).toBeLessThan(first.metrics['error']!)
  expect(best!.value).toBe(Math.min(...history.validations.map(({ loss }) => loss)))
  expect(restoredBest).toBe(true)
})

test('the same seed gives the same bits; another seed does not', async () => {
  const [a, b, c] = [await train(), await train(), await train(() => ({ seed: 4 }))]
  expect(b.weights).toEqual(a.weights)
  expect(b.history).toEqual(a.history)
  expect(c.weights).not.toEqual(a.weights)
})

test('live tensors stay the same over 50 steps', async () => {
  const counts: number[] = []
  await train(() => ({ onProgress: () => counts.push(tf.memory().numTensors), earlyStopping: undefined as never }), 50)
  expect(counts).toHaveLength(50)
  expect(new Set(counts).size).toBe(1)
})

test('aborts between steps, and tells so', async () => {
  const controller = new AbortController()
  const { status, steps } = await train(() => ({
    signal: controller.signal,
    onProgress: ({ step }) => void (step === 5 && controller.abort()),
  }))
  expect([status, steps]).toEqual(['aborted', 5])
})

test('timers fire while it trains: the event loop is not starved', async () => {
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const controller = new AbortController()
  const stop = setTimeout(() => controller.abort(), 30)
  const { status } = await train(() => ({ signal: controller.signal, validation: { every: 1e6 } }), 1_000_000)
  clearInterval(timer)
  clearTimeout(stop)
  expect(status).toBe('aborted')
  expect(ticks).toBeGreaterThan(0)
})

describe('an exception leaves no tensor behind', () => {
  const boom = () => {
    throw new Error('boom')
  }
  test.each([
    ['in the callback', () => ({ onProgress: boom })],
    [
      'in the loss, with a tape half written',
      () => ({ loss: (p: tf.Tensor2D, y: tf.Tensor2D) => (squaredError(p, y), boom()) }),
    ],
    ['in the data', ({ data }: Options) => ({ data: { train: { ...data.train, batch: boom } } })],
    ['in a metric', () => ({ metrics: [{ name: 'm', summary: '', better: 'less' as const, measure: boom }] })],
    ['in the store', () => ({ checkpoint: { store: { name: 's', load: boom, save: boom }, every: 1 } })],
  ] as [string, (o: Options) => Partial<Options>][])('%s', async (_, change) => {
    const strip = (o: Options): Partial<Options> => ({
      validation: undefined as never,
      earlyStopping: undefined as never,
      ...change(o),
    })
    await expect(train(strip)).rejects.toThrow('boom')
  })
  test('and the next gradient works', async () => {
    const g = tf.grad((x) => tf.sum(tf.square(x)))(tf.scalar(3))
    expect(g.dataSync()[0]).toBe(6)
    tf.disposeVariables()
    tf.dispose(g)
    before = tf.memory().numTensors
  })
})

describe('numbers that are not finite', () => {
  const broken = (when: (step: number) => boolean) => (): Partial<Options> => {
    let step = 0
    return {
      loss: (p, y) => tf.mul(squaredError(p, y), when(++step) ? NaN : 1) as tf.Scalar,
      validation: { every: 1e6 },
      earlyStopping: undefined as never,
    }
  }
  test('one step is skipped, counted, and changes nothing', async () => {
    const seen: number[] = []
    const { status, skippedSteps, history, notes, weights } = await train(
      (o) => ({
        ...broken((s) => s === 3)(),
        onProgress: ({ skippedSteps: s }) => seen.push(s),
        data: { train: o.data.train },
        validation: undefined as never,
      }),
      3,
    )
    expect([status, skippedSteps, seen]).toEqual(['completed', 1, [0, 0, 1]])
    expect(history.steps[2]).toMatchObject({ skipped: 1, loss: NaN })
    expect(notes.join()).toContain('1 of 3 steps were skipped as not finite; last, the loss: NaN')
    const two = await train(
      (o) => ({ data: { train: o.data.train }, validation: undefined as never, earlyStopping: undefined as never }),
      2,
    )
    expect(weights).toEqual(two.weights)
  })
  test('many in a row end training with a status', async () => {
    const { status, steps, skippedSteps } = await train((o) => ({
      ...broken((s) => s >= 4)(),
      validation: undefined as never,
      data: { train: o.data.train },
      nonFiniteLimit: 4,
    }))
    expect([status, steps, skippedSteps]).toEqual(['non-finite', 7, 4])
  })
  test('the variable whose gradient is not finite is named', async () => {
    const { status, notes } = await train((o) => ({
      data: { train: o.data.train },
      validation: undefined as never,
      earlyStopping: undefined as never,
      // d√u/du is infinite at 0, where the square root itself is finite.
      loss: (p, y) => tf.add(squaredError(p, y), tf.mul(0, tf.sqrt(tf.mul(0, tf.sum(p))))) as tf.Scalar,
    }))
    expect([status, notes]).toEqual([
      'non-finite',
      ['5 of 5 steps were skipped as not finite; last, the gradient of "in".'],
    ])
  })
  test('an update that overflows is not made', async () => {
    const { status, weights } = await train((o) => ({
      data: { train: o.data.train },
      validation: undefined as never,
      earlyStopping: undefined as never,
      optimiser: sgd({ learningRate: 1e300 }),
      clip: {},
    }))
    expect(status).toBe('non-finite')
    const untouched = curveModel()
    expect(weights).toEqual(bits(untouched))
    untouched.dispose()
  })
})

describe('early stopping', () => {
  const rising = (): Partial<Options> => {
    // The monitored metric gets worse after the third validation, whatever the weights are.
    let calls = 0
    return {
      metrics: [
        {
          name: 'planted',
          summary: '',
          better: 'more',
          measure: (p) => new Float32Array(p.shape[0]).fill(calls++ < 3 ? calls : -calls),
        },
      ],
      validation: { every: 2, batchSize: 30, monitor: 'planted' },
    }
  }
  test('stops after `patience` validations without a new best, with the best weights', async () => {
    const stopped = await train(() => ({ ...rising(), earlyStopping: { patience: 2 } }))
    expect([stopped.status, stopped.steps, stopped.best]).toEqual([
      'stopped-early',
      10,
      { step: 6, value: 3, monitor: 'planted' },
    ])
    const six = await train(() => ({ ...rising(), earlyStopping: { patience: 9 } }), 6)
    expect(stopped.weights).toEqual(six.weights)
  })
  test('keeps the last weights where asked', async () => {
    const stopped = await train(() => ({ ...rising(), earlyStopping: { patience: 2, restoreBest: false } }))
    const ten = await train(() => ({ ...rising(), earlyStopping: { patience: 9, restoreBest: false } }), 10)
    expect(stopped.restoredBest).toBe(false)
    expect(stopped.weights).toEqual(ten.weights)
  })
  test('a gain below the least one does not count', async () => {
    const { status, best } = await train(() => ({ ...rising(), earlyStopping: { patience: 2, gain: 1.5 } }))
    expect([status, best?.step]).toEqual(['stopped-early', 2 + 4])
  })
})

test('gradients are those of the loss: one SGD step in closed form', async () => {
  const [w, unused] = tf.tidy(() => [tf.variable(tf.tensor1d([1, -2])), tf.variable(tf.tensor1d([7]))] as const)
  let progress: FitProgress | undefined
  const result = await fit({
    model: {
      kind: 'model',
      spec: 1,
      name: 'dot',
      depth: 'implicit',
      variables: { w, unused },
      parameterCount: 3,
      manifest: {},
      predict: (x: tf.Tensor2D) => ({ y: tf.sum(tf.mul(x, w), 1) as tf.Tensor1D, status: 'max-steps' }),
      trajectory: () => [],
      dispose: () => tf.dispose([w, unused]),
    },
    loss: (p, y) => tf.mean(tf.squaredDifference(p, y)),
    data: { train: { size: 1, batch: () => ({ x: tf.tensor2d([[3, 1]]), y: tf.tensor1d([0]) }) } },
    optimiser: sgd({ learningRate: 0.5, weightDecay: 0.1 }),
    schedule: (steps) => ({ kind: 'schedule', name: 'own', options: {}, rate: () => 0.25 * steps }),
    steps: 1,
    onProgress: (p) => (progress = p),
  })
  // y = 1, so g = 2·y·x = (6, 2), plus 0.1 w = (6.1, 1.8); w − 0.25 g.
  expect([...w.dataSync()]).toEqual([1 - 0.25 * 6.1, -2 - 0.25 * 1.8].map(Math.fround))
  expect(unused.dataSync()[0]).toBe(7)
  expect(result.history.steps[0]).toMatchObject({
    loss: 1,
    learningRate: 0.25,
    gradientMax: 6,
    gradientNorm: Math.sqrt(40),
  })
  expect(progress).toMatchObject({ step: 1, steps: 1, epoch: 1, epochs: 1, status: 'max-steps', remainingMs: 0 })
  tf.dispose([w, unused])
})

describe('bad options are one clear error each, before anything happens', () => {
  test.each([
    [{ loss: undefined }, 'no loss'],
    [{ epochs: 3 }, 'not both'],
    [{ steps: 0 }, 'steps is 0'],
    [{ batchSize: 1.5 }, 'batchSize is 1.5'],
    [{ seed: -1 }, 'seed is -1'],
    [{ clip: { norm: 0 } }, 'clip.norm is 0'],
    [{ learningRate: 1 }, 'unknown option "learningRate"'],
    [{ data: { train: { size: 0, batch: () => ({}) } } }, 'empty'],
    [{ data: { train: curveData(4, 1) } }, 'validation'],
    [{ validation: { monitor: 'accuracy' } }, 'unknown metric "accuracy"'],
    [{ earlyStopping: { patience: 0 } }, 'patience is 0'],
    [{ loss: () => tf.tensor1d([1, 2]) }, 'must be a scalar'],
    [{ loss: () => tf.scalar(1) }, 'none of the variables'],
  ])('%o', async (change, message) => {
    await expect(train(() => change as never)).rejects.toThrow(message)
  })
})
