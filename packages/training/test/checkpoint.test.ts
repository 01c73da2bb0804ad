import fc from 'fast-check'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { version } from '../src/version.ts'
import { EquilibriaError } from '@equilibria/tensor'
import {
  checkpointOf,
  type CheckpointStore,
  fit,
  type FitOptions,
  readCheckpoint,
  readSafetensors,
  restoreWeights,
  sgd,
  writeCheckpoint,
  writeSafetensors,
} from '@equilibria/training'
import { bits, curveFit, curveModel, squaredError } from './curve.ts'

type Options = FitOptions<tf.Tensor2D, tf.Tensor2D>
type Change = (options: Options) => Partial<Options>

/** A store that keeps everything it was ever given. */
const memoryStore = (first?: Uint8Array) => {
  const saved: Uint8Array[] = first ? [first] : []
  const store: CheckpointStore = {
    name: 'memory',
    load: async () => saved.at(-1),
    save: async (bytes) => void saved.push(bytes.slice()),
  }
  return { store, saved }
}

async function train(change: Change = () => ({}), steps?: number) {
  const model = curveModel()
  try {
    const options = curveFit(model, steps)
    const result = await fit({ ...options, ...change(options) })
    return { ...result, weights: bits(model) }
  } finally {
    model.dispose()
  }
}
const settings = (bytes: Uint8Array) => {
  const { training, ...rest } = readCheckpoint(bytes)
  return { ...rest, training: { ...training, elapsedMs: 0 } }
}

describe('resume', () => {
  test('from the checkpoint of any step, equals never having stopped, to the bit', async () => {
    const whole = memoryStore()
    const reference = await train(() => ({ checkpoint: { store: whole.store, every: 1 } }))
    expect(whole.saved).toHaveLength(40)
    // Inside an epoch, at its end (7, 14), before and after validations (6, 12), at the very end.
    for (const stop of [1, 5, 6, 7, 12, 14, 27, 39, 40]) {
      const before = tf.memory().numTensors
      const later = memoryStore(whole.saved[stop - 1])
      const seen: number[] = []
      const resumed = await train(() => ({
        checkpoint: { store: later.store, every: 1000, resume: true },
        onProgress: ({ step }) => seen.push(step),
      }))
      expect(seen[0] ?? 41).toBe(stop + 1)
      expect(resumed.weights).toEqual(reference.weights)
      expect(resumed.history).toEqual(reference.history)
      expect(resumed.best).toEqual(reference.best)
      expect(resumed.status).toBe(reference.status)
      expect(settings(later.saved.at(-1)!)).toEqual(settings(whole.saved.at(-1)!))
      expect(tf.memory().numTensors).toBe(before)
    }
  })

  test('after an abort, and after an early stop', async () => {
    const planted =
      (calls: number): Change =>
      () => ({
        metrics: [
          {
            name: 'planted',
            summary: '',
            better: 'less',
            measure: (p) => new Float32Array(p.shape[0]).fill(Math.abs(calls++ - 2)),
          },
        ],
        validation: { every: 4, batchSize: 30, monitor: 'planted' },
      })
    const reference = await train(planted(0))
    expect([reference.status, reference.steps, reference.best?.step]).toEqual(['stopped-early', 24, 12])
    const controller = new AbortController()
    const { store } = memoryStore()
    const first = await train((o) => ({
      ...planted(0)(o),
      checkpoint: { store },
      signal: controller.signal,
      onProgress: ({ step }) => void (step === 17 && controller.abort()),
    }))
    expect([first.status, first.steps]).toEqual(['aborted', 17])
    // Four validations are behind us at step 17; the patience already used up must not be forgotten.
    const second = await train((o) => ({ ...planted(4)(o), checkpoint: { store, resume: true } }))
    expect([second.status, second.steps, second.best]).toEqual(['stopped-early', 24, reference.best])
    expect(second.weights).toEqual(reference.weights)
    const third = await train((o) => ({ ...planted(0)(o), checkpoint: { store, resume: true } }))
    expect([third.status, third.steps]).toEqual(['stopped-early', 24])
    expect(third.weights).toEqual(reference.weights)
  })

  test('remembers how many steps in a row were not finite, and an endless patience', async () => {
    const broken = (from: number): Partial<Options> => {
      let step = 0
      return {
        loss: (p, y) => tf.mul(squaredError(p, y), ++step >= from ? NaN : 1) as tf.Scalar,
        validation: { every: 1e6 },
        earlyStopping: { patience: Infinity },
        nonFiniteLimit: 4,
      }
    }
    const controller = new AbortController()
    const { store } = memoryStore()
    const first = await train(() => ({
      ...broken(4),
      checkpoint: { store },
      signal: controller.signal,
      onProgress: ({ step }) => void (step === 5 && controller.abort()),
    }))
    expect([first.status, first.steps, first.skippedSteps]).toEqual(['aborted', 5, 2])
    const second = await train(() => ({ ...broken(1), checkpoint: { store, resume: true } }))
    expect([second.status, second.steps, second.skippedSteps]).toEqual(['non-finite', 7, 4])
    expect(second.history.steps.map(({ skipped }) => skipped)).toEqual([0, 0, 0, 1, 1, 1, 1])
    expect(second.history.steps[4]!.loss).toBe(NaN)
  })

  test('asks for the same settings, and names the first that differs', async () => {
    const { store, saved } = memoryStore()
    await train(() => ({ checkpoint: { store } }), 10)
    const resume = (change: Change) => train((o) => ({ checkpoint: { store, resume: true }, ...change(o) }))
    await expect(resume(() => ({ seed: 9 }))).rejects.toThrow(
      'memory: the training settings differ: seed is 9 here, 3 there',
    )
    await expect(resume(() => ({ batchSize: 8 }))).rejects.toThrow('batchSize is 8 here, 16 there')
    await expect(resume(() => ({ optimiser: sgd() }))).rejects.toThrow('optimiser is "sgd" here, "adamW" there')
    await expect(resume(() => ({ clip: {} }))).rejects.toThrow('clip.norm is absent here, 0.5 there')
    await expect(resume(() => ({ steps: 5 }))).rejects.toThrow('more than the 5 asked for')
    expect(saved).toHaveLength(2) // step 7 (an epoch) and the end: refused resumes wrote nothing
    const longer = await resume(() => ({ steps: 12 }))
    expect(longer.steps).toBe(12)
  })

  test('starts anew where there is nothing, or unless asked', async () => {
    const { store } = memoryStore()
    const first = await train(() => ({ checkpoint: { store, resume: true } }), 9)
    const second = await train(() => ({ checkpoint: { store } }), 9)
    expect(second.weights).toEqual(first.weights)
  })
})

describe('a checkpoint', () => {
  const make = async () => {
    const { store, saved } = memoryStore()
    await train(() => ({ checkpoint: { store, every: 100 } }), 9)
    return saved.at(-1)!
  }

  test('is one safetensors file with everything inside, the same bytes after reading and writing', async () => {
    const bytes = await make()
    const { tensors, metadata } = readSafetensors(bytes)
    expect(Object.keys(tensors).sort()).toEqual(
      ['best', 'optimiser/first', 'optimiser/second', 'weights']
        .flatMap((part) => ['bias', 'in', 'out'].map((name) => `${part}/${name}`))
        .concat('history/steps', 'history/validations')
        .sort(),
    )
    expect(JSON.parse(metadata['manifest']!)).toMatchObject({
      kind: 'equilibria-checkpoint',
      version: 1,
      model: { name: 'curve', manifest: { width: 8 }, parameterCount: 40 },
      versions: { equilibria: version, tfjs: tf.version_core, backend: tf.getBackend() },
      training: {
        step: 9,
        settings: { seed: 3, optimiser: 'adamW', optimiserOptions: { beta1: 0.9 } },
        best: { monitor: 'loss' },
      },
    })
    expect(writeCheckpoint(readCheckpoint(bytes))).toEqual(bytes)
  })

  test('restores best or last weights into a model', async () => {
    const bytes = await make()
    const checkpoint = readCheckpoint(bytes)
    const model = curveModel({ seed: 8 })
    const before = tf.memory().numTensors
    restoreWeights(model, checkpoint, { use: 'last' })
    expect([...model.variables['in']!.dataSync()]).toEqual([...checkpoint.weights['in']!])
    restoreWeights(model, checkpoint)
    expect([...model.variables['in']!.dataSync()]).toEqual([...checkpoint.training!.bestWeights!['in']!])
    const only = readCheckpoint(writeCheckpoint(checkpointOf(model)))
    expect(only.training).toBeUndefined()
    expect(only.weights).toEqual(checkpoint.training!.bestWeights)
    expect(tf.memory().numTensors).toBe(before)
    model.dispose()
  })

  test('cut short anywhere, or with damaged bytes, is an error and nothing else', async () => {
    const bytes = await make()
    const attempt = (damaged: Uint8Array) => {
      try {
        return readCheckpoint(damaged, 'c.safetensors')
      } catch (e) {
        if (!EquilibriaError.is(e) || !e.message.startsWith('c.safetensors: ')) throw e
        return undefined
      }
    }
    const model = curveModel({ seed: 8 })
    const untouched = bits(model)
    for (let n = 0; n < bytes.length; n += 7) expect(attempt(bytes.slice(0, n))).toBeUndefined()
    const { length } = bytes
    const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, by, inHeader) => {
        const damaged = bytes.slice()
        damaged[at % (inHeader ? header : length)]! ^= by
        const read = attempt(damaged)
        for (const w of Object.values(read?.weights ?? {})) expect(w.every(Number.isFinite)).toBe(true)
      }),
      { numRuns: 400 },
    )
    expect(bits(model)).toEqual(untouched)
    model.dispose()
  })

  type Edit = (p: ReturnType<typeof parts>) => void
  const parts = (bytes: Uint8Array) => {
    const { tensors, metadata } = readSafetensors(bytes)
    return {
      tensors: { ...tensors } as Record<string, Parameters<typeof writeSafetensors>[0][string]>,
      metadata: { ...metadata },
      manifest: JSON.parse(metadata['manifest']!) as Record<string, any>,
    }
  }
  test.each([
    ['no manifest', (p) => void (p.manifest = undefined as never), 'c: there is no manifest'],
    ['another kind', (p) => void (p.manifest['kind'] = 'zip'), 'kind "zip"'],
    ['a later version', (p) => void (p.manifest['version'] = 2), 'version 2; this program reads version 1'],
    ['a missing field', (p) => void delete p.manifest['training'].step, 'training.step must be a whole number'],
    ['a wrong field', (p) => void (p.manifest['training'].step = 8), '"history/steps" has 9 rows for 8 steps'],
    ['a missing tensor', (p) => void delete p.tensors['optimiser/first/in'], '"optimiser/first/in" is missing'],
    [
      'a stray tensor',
      (p) => void (p.tensors['x'] = { shape: [], data: new Float32Array(1) }),
      '"x" belongs to nothing',
    ],
    [
      'a wrong shape',
      (p) => void (p.tensors['best/in'] = { shape: [8, 3], data: new Float32Array(24) }),
      '"best/in" has shape [8,3], its weight [3,8]',
    ],
    [
      'a wrong element type',
      (p) => void (p.tensors['weights/bias'] = { shape: [8], data: new Float64Array(8) }),
      '"weights/bias" is F64',
    ],
    [
      'a NaN',
      (p) => void (p.tensors['weights/bias'] = { shape: [8], data: new Float32Array(8).fill(NaN, 5) }),
      '"weights/bias" holds NaN at element 5',
    ],
  ] as [string, Edit, string][])('with %s is refused', async (_, edit, message) => {
    const p = parts(await make())
    edit(p)
    const metadata = p.manifest ? { ...p.metadata, manifest: JSON.stringify(p.manifest) } : {}
    expect(() => readCheckpoint(writeSafetensors(p.tensors, metadata), 'c')).toThrow(message)
  })

  test('of another model changes nothing', async () => {
    const checkpoint = readCheckpoint(await make())
    const wide = curveModel({ width: 9 })
    const same = curveModel({ seed: 4 })
    const attempt = (model: Parameters<typeof restoreWeights>[0], message: string) => {
      const before = bits(model)
      expect(() => restoreWeights(model, checkpoint, { file: 'c' })).toThrow(message)
      expect(bits(model)).toEqual(before)
    }
    attempt(wide, 'c: tensor "weights/in" has shape [3,8]; the model\'s is [3,9]')
    attempt({ ...same, name: 'line' }, 'a checkpoint of "curve", not of "line"')
    attempt({ ...same, manifest: { width: 8, tolerance: 1e-3 } }, 'tolerance is 0.001 here, absent there')
    attempt({ ...same, variables: { ...same.variables, extra: same.variables['in']! } }, '"weights/extra" is missing')
    attempt(
      { ...same, variables: { in: same.variables['in']!, out: same.variables['out']! } },
      '"weights/bias" is none',
    )
    restoreWeights({ ...same, manifest: {} }, checkpoint, { sameManifest: false })
    wide.dispose()
    same.dispose()
  })

  test('that does not fit stops fit before anything is changed or written', async () => {
    const bytes = (await make()).slice(0, -4)
    const { store, saved } = memoryStore(bytes)
    const model = curveModel()
    const before = bits(model)
    await expect(fit({ ...curveFit(model), checkpoint: { store, resume: true } })).rejects.toThrow('memory: tensor')
    expect(bits(model)).toEqual(before)
    expect(saved).toHaveLength(1)
    model.dispose()
  })
})
