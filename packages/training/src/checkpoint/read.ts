import { EquilibriaError } from '@equilibria/tensor'
import type { Best, History, StepRecord } from '../fit/progress.ts'
import type { Vectors } from '../optimisers/optimiser.ts'
import { readSafetensors, type Safetensors } from '../safetensors/read.ts'
import { type Checkpoint, checkpointKind, checkpointVersion, type TrainingState } from './checkpoint.ts'
import { canonical, isRecord } from './json.ts'
import { stepColumns } from './write.ts'

/** Typed reading of untrusted JSON: every getter names the field it dislikes. */
interface Reader {
  count(key: string): number
  number(key: string): number
  text(key: string): string
  flag(key: string): boolean
  object(key: string): Record<string, unknown>
  texts(key: string): string[]
}

type Fail = (message: string) => never

function reader(value: unknown, path: string, fail: Fail): Reader {
  if (!isRecord(value)) return fail(`the manifest's ${path} must be an object.`)
  const get = <T>(key: string, legal: (v: unknown) => v is T, what: string): T => {
    const found = Object.hasOwn(value, key) ? value[key] : undefined
    return legal(found) ? found : fail(`the manifest's ${path}.${key} must be ${what}.`)
  }
  const isCount = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0
  const isText = (v: unknown): v is string => typeof v === 'string'
  return {
    count: (key) => get(key, isCount, 'a whole number'),
    number: (key) => get(key, (v): v is number => typeof v === 'number' && Number.isFinite(v), 'a finite number'),
    text: (key) => get(key, isText, 'text'),
    flag: (key) => get(key, (v): v is boolean => typeof v === 'boolean', 'true or false'),
    object: (key) => get(key, isRecord, 'an object'),
    texts: (key) => get(key, (v): v is string[] => Array.isArray(v) && v.every(isText), 'a list of texts'),
  }
}

/**
 * Parse and check a checkpoint. Everything is checked against the file itself: kind and version, that every vector has
 * its tensor with the shape and element type of its weight, that all of them are finite, and that nothing is left over.
 * Whether it fits a model is checked by `restoreWeights` and by `fit`.
 *
 * @param file What error messages call the bytes: usually the path.
 * @throws EquilibriaError `file`, naming the file and the tensor or field.
 */
export function readCheckpoint(bytes: Uint8Array, file = 'checkpoint'): Checkpoint {
  const fail: Fail = (message) => {
    throw new EquilibriaError('file', `${file}: ${message}`, 'Use a checkpoint that this version wrote in full.')
  }
  const { tensors, metadata } = readSafetensors(bytes, file)
  let parsed: unknown
  try {
    parsed = JSON.parse(metadata['manifest'] ?? fail('there is no manifest: this is no checkpoint.'))
    canonical(parsed) // what it cannot write, for depth, nothing below can compare
  } catch (error) {
    if (EquilibriaError.is(error)) throw error
    fail(`the manifest is not JSON: ${(error as Error).message}`)
  }
  const root = reader(parsed, 'root', fail)
  if (root.text('kind') !== checkpointKind) fail(`kind "${root.text('kind')}" is not "${checkpointKind}".`)
  const version = root.count('version')
  if (version !== checkpointVersion) fail(`version ${version}; this program reads version ${checkpointVersion}.`)

  const left = new Set(Object.keys(tensors))
  const shapes: Record<string, readonly number[]> = {}
  for (const [key, tensor] of Object.entries(tensors))
    if (key.startsWith('weights/')) {
      const name = key.slice('weights/'.length)
      Object.defineProperty(shapes, name, { value: tensor.shape, enumerable: true })
    }
  const take = (prefix: string): Vectors => vectors(tensors, shapes, prefix, left, fail)
  const weights = take('weights/')
  const model = reader(root.object('model'), 'model', fail)
  const depth = model.text('depth')
  if (depth !== 'implicit' && depth !== 'explicit') return fail(`the manifest's model.depth is "${depth}".`)
  const made = reader(root.object('versions'), 'versions', fail)
  const hasTraining = isRecord(parsed) && parsed['training'] !== undefined
  const training = hasTraining ? readTraining(root.object('training'), tensors, take, left, fail) : undefined
  const [stray] = left
  if (stray !== undefined) fail(`tensor "${stray}" belongs to nothing in the manifest.`)
  return {
    model: {
      name: model.text('name'),
      depth,
      parameterCount: model.count('parameterCount'),
      manifest: model.object('manifest'),
    },
    versions: { equilibria: made.text('equilibria'), tfjs: made.text('tfjs'), backend: made.text('backend') },
    shapes,
    weights,
    ...(training ? { training } : {}),
  }
}

/** One finite F32 vector per weight, of the shape of that weight. Copies: the file's bytes are not kept alive. */
function vectors(
  tensors: Safetensors['tensors'],
  shapes: Checkpoint['shapes'],
  prefix: string,
  left: Set<string>,
  fail: Fail,
): Vectors {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]): [string, Float32Array] => {
      const key = prefix + name
      const tensor = tensors[key] ?? fail(`tensor "${key}" is missing.`)
      if (!(tensor.data instanceof Float32Array) || tensor.dtype !== 'F32')
        return fail(`tensor "${key}" is ${tensor.dtype}; it must be F32.`)
      if (tensor.shape.join() !== shape.join())
        fail(`tensor "${key}" has shape [${tensor.shape}], its weight [${shape}].`)
      const wrong = tensor.data.findIndex((v) => !Number.isFinite(v))
      if (wrong >= 0) fail(`tensor "${key}" holds ${tensor.data[wrong]} at element ${wrong}.`)
      left.delete(key)
      return [name, tensor.data.slice()]
    }),
  )
}

function readTraining(
  value: Record<string, unknown>,
  tensors: Safetensors['tensors'],
  take: (prefix: string) => Vectors,
  left: Set<string>,
  fail: Fail,
): TrainingState {
  const state = reader(value, 'training', fail)
  const optimiser = reader(state.object('optimiser'), 'training.optimiser', fail)
  const slots = optimiser.texts('slots')
  const bestFields = value['best'] === undefined ? undefined : reader(value['best'], 'training.best', fail)
  const best: Best | undefined = bestFields && {
    step: bestFields.count('step'),
    value: bestFields.number('value'),
    monitor: bestFields.text('monitor'),
  }
  const metrics = state.texts('metrics')
  const steps = table('history/steps', tensors, stepColumns.length, left, fail).map(
    (row) => Object.fromEntries(stepColumns.map((column, i) => [column, row[i]!])) as unknown as StepRecord,
  )
  const validations = table('history/validations', tensors, 2 + metrics.length, left, fail).map((row) => ({
    step: row[0]!,
    loss: row[1]!,
    metrics: Object.fromEntries(metrics.map((name, i) => [name, row[2 + i]!])),
  }))
  const history: History = { steps, validations }
  if (steps.length !== state.count('step'))
    fail(`tensor "history/steps" has ${steps.length} rows for ${state.count('step')} steps.`)
  return {
    settings: state.object('settings'),
    step: state.count('step'),
    optimiser: {
      step: optimiser.count('step'),
      slots: Object.fromEntries(slots.map((slot) => [slot, take(`optimiser/${slot}/`)])),
    },
    skippedSteps: state.count('skippedSteps'),
    nonFiniteInARow: state.count('nonFiniteInARow'),
    validationsSinceBest: state.count('validationsSinceBest'),
    ...(best ? { best } : {}),
    ...(state.flag('bestWeights') ? { bestWeights: take('best/') } : {}),
    stoppedEarly: state.flag('stoppedEarly'),
    history,
    elapsedMs: state.number('elapsedMs'),
  }
}

function table(
  key: string,
  tensors: Safetensors['tensors'],
  columns: number,
  left: Set<string>,
  fail: Fail,
): number[][] {
  const { data, shape } = tensors[key] ?? fail(`tensor "${key}" is missing.`)
  if (!(data instanceof Float64Array) || shape.length !== 2 || shape[1] !== columns)
    return fail(`tensor "${key}" must be F64 with ${columns} columns; its shape is [${shape}].`)
  left.delete(key)
  return Array.from({ length: shape[0]! }, (_, i) => [...data.subarray(i * columns, (i + 1) * columns)])
}
