import type { TensorTree } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import { checkClip } from '../gradients/clip.ts'
import type { Schedule } from '../schedules/schedule.ts'
import type { FitOptions } from './options.ts'

/** Options with every default filled in, checked. */
export interface Settings {
  readonly steps: number
  readonly perEpoch: number
  readonly batchSize: number
  readonly seed: number
  readonly schedule: Schedule
  readonly validateEvery: number
  readonly validationBatch: number
  readonly monitor: string
  readonly moreIsBetter: boolean
  readonly checkpointEvery: number
  readonly nonFiniteLimit: number
  /** What a checkpoint must agree with, to be resumed. The number of steps is not in it: training may go on longer. */
  readonly mustMatch: Readonly<Record<string, unknown>>
}

const names: Readonly<Record<keyof FitOptions<TensorTree, TensorTree>, true>> = {
  model: true,
  task: true,
  loss: true,
  metrics: true,
  data: true,
  optimiser: true,
  schedule: true,
  epochs: true,
  steps: true,
  batchSize: true,
  seed: true,
  clip: true,
  validation: true,
  earlyStopping: true,
  nonFiniteLimit: true,
  onProgress: true,
  signal: true,
  checkpoint: true,
}

function fail(message: string, hint: string): never {
  throw new EquilibriaError('option', `fit: ${message}`, hint)
}

export function settle<X extends TensorTree, Y extends TensorTree>(options: FitOptions<X, Y>): Settings {
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(names, key))
  if (unknown !== undefined) fail(`unknown option "${unknown}".`, `The options are ${Object.keys(names).join(', ')}.`)
  const { data, task, optimiser, batchSize = 32, seed = 0, clip = {}, validation = {}, earlyStopping } = options
  const count = (name: string, value: number): number =>
    Number.isSafeInteger(value) && value > 0 ? value : fail(`${name} is ${value}.`, 'Use a whole number from 1.')

  if (!options.loss && !task) fail('there is no loss.', 'Pass a task or a loss.')
  if ((options.epochs === undefined) === (options.steps === undefined))
    fail('one of epochs and steps is needed, not both.', 'Pass epochs: 10, for example.')
  if (data.train.size < 1) fail('the training data are empty.', 'Check the dataset.')
  if (data.validation && data.validation.size < 1) fail('the validation data are empty.', 'Leave them out.')
  if (options.validation && !data.validation) fail('validation without data.', 'Pass data.validation.')
  if (earlyStopping && !data.validation) fail('early stopping without validation data.', 'Pass data.validation.')
  if (!Number.isSafeInteger(seed) || seed < 0) fail(`seed is ${seed}.`, 'Use a whole number from 0 to 2^53 - 1.')
  checkClip(clip)
  const { patience = 1, gain = 0 } = earlyStopping ?? {}
  if (!(patience >= 1)) fail(`earlyStopping.patience is ${patience}.`, 'Use a whole number from 1, or Infinity.')
  if (!(gain >= 0)) fail(`earlyStopping.gain is ${gain}.`, 'Use a number from 0.')

  const perEpoch = Math.ceil(data.train.size / count('batchSize', batchSize))
  const steps =
    options.steps === undefined ? count('epochs', options.epochs!) * perEpoch : count('steps', options.steps)
  const { schedule: given } = options
  const schedule = typeof given === 'function' ? given(steps) : (given ?? optimiser.schedule)
  const { monitor = 'loss' } = validation
  const metrics = options.metrics ?? task?.metrics ?? []
  const metric = metrics.find(({ name }) => name === monitor)
  if (monitor !== 'loss' && !metric)
    fail(`unknown metric "${monitor}" to monitor.`, `Known are ${['loss', ...metrics.map((m) => m.name)].join(', ')}.`)
  const validateEvery = count('validation.every', validation.every ?? perEpoch)
  const validationBatch = count('validation.batchSize', validation.batchSize ?? batchSize)
  const nonFiniteLimit = count('nonFiniteLimit', options.nonFiniteLimit ?? 5)
  return {
    steps,
    perEpoch,
    batchSize,
    seed,
    schedule,
    validateEvery,
    validationBatch,
    monitor,
    moreIsBetter: metric?.better === 'more',
    checkpointEvery: count('checkpoint.every', options.checkpoint?.every ?? perEpoch),
    nonFiniteLimit,
    mustMatch: {
      seed,
      batchSize,
      samples: { train: data.train.size, validation: data.validation?.size ?? 0 },
      optimiser: optimiser.name,
      optimiserOptions: optimiser.options,
      schedule: schedule.name,
      scheduleOptions: schedule.options,
      clip,
      metrics: metrics.map(({ name }) => name),
      validation: { every: validateEvery, batchSize: validationBatch, monitor },
      earlyStopping: earlyStopping ? { patience, gain } : {},
      nonFiniteLimit,
    },
  }
}
