import type { TensorTree } from '@equilibria/spec'
import { readCheckpoint } from '../checkpoint/read.ts'
import { writeCheckpoint } from '../checkpoint/write.ts'
import { batches } from './batches.ts'
import type { FitOptions } from './options.ts'
import { pause } from './pause.ts'
import type { Best, FitProgress, History, StepRecord } from './progress.ts'
import { type Settings, settle } from './settings.ts'
import { type FitState, freshState, resumedState, toCheckpoint } from './state.ts'
import { trainStep } from './train-step.ts'
import { validate } from './validate.ts'
import { assignWeights } from './variables.ts'

/** How training ended. Plain data: holds no tensor. */
export interface FitResult {
  /** `non-finite`: too many steps in a row had a loss, gradient or update that was not finite; the weights are. */
  readonly status: 'completed' | 'stopped-early' | 'aborted' | 'non-finite'
  /** Steps done, those of a resumed checkpoint included. */
  readonly steps: number
  readonly skippedSteps: number
  readonly history: History
  readonly best?: Best
  /** `true`: the model has the weights of `best`, not those of the last step. */
  readonly restoredBest: boolean
  readonly elapsedMs: number
  /** What the reader should know: steps skipped, another backend than that of the checkpoint. */
  readonly notes: readonly string[]
}

/**
 * Train a model: minimise the mean of `loss(model.predict(x).y, y, x)` over seeded, shuffled minibatches.
 *
 * One step: one forward and one backward pass of the model, one update. Gradients come to the host, where the update is
 * made in float64 and stored in float32. Beside the model's own tensors, the host holds the weights, the optimiser's
 * vectors and the best weights. Between two steps the event loop has its turn, `signal` is looked at and `onProgress`
 * called. The same seed gives the same numbers, to the bit, on one backend; so does a run that was killed and resumed
 * from its last checkpoint.
 *
 * A step whose loss, gradient or update is not finite changes nothing and is counted; `nonFiniteLimit` of them in a row
 * end training with a status. Nothing is thrown for numerical trouble. Importing `fit` registers tfjs's gradients.
 *
 * Not for data or models that do not fit one machine. Nothing else may change the model's variables meanwhile.
 *
 * @throws EquilibriaError `option` on bad options, `file` on a checkpoint that does not fit, `gradient` when the loss
 * has no gradient; and whatever the model, data, store or callbacks throw. No tensor is left behind in any case.
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { adamW, fit } from '@equilibria/training'
 *
 * const w = tf.variable(tf.scalar(0))
 * const result = await fit({
 *   model: {
 *     kind: 'model', spec: 1, name: 'slope', depth: 'explicit', variables: { w }, parameterCount: 1, manifest: {},
 *     predict: (x: tf.Tensor) => ({ y: tf.mul(x, w) as tf.Tensor }), trajectory: () => [], dispose: () => w.dispose(),
 *   },
 *   loss: (prediction, target) => tf.mean(tf.squaredDifference(prediction, target)),
 *   data: { train: { size: 64, batch: (i) => ({ x: tf.tensor1d([...i]), y: tf.tensor1d(i.map((v) => 3 * v)) }) } },
 *   optimiser: adamW({ learningRate: 0.1, weightDecay: 0 }),
 *   epochs: 50,
 * })
 * console.log(result.status, w.dataSync()[0])
 * ```
 */
export async function fit<X extends TensorTree, Y extends TensorTree>(options: FitOptions<X, Y>): Promise<FitResult> {
  const settings = settle(options)
  const { model, optimiser, checkpoint, signal, earlyStopping, clip = {} } = options
  const loss = options.loss ?? options.task!.loss
  const notes: string[] = []
  const state = await initialState(options, settings, notes)
  const order = batches(options.data.train.size, settings.batchSize, settings.seed)
  const started = performance.now()
  const firstStep = state.step
  const elapsed = () => state.elapsedBefore + performance.now() - started
  const save = async () => checkpoint?.store.save(writeCheckpoint(toCheckpoint(state, settings, model, elapsed())))
  let savedAt = -1
  let status: FitResult['status'] | undefined = state.stoppedEarly ? 'stopped-early' : undefined

  while (!status) {
    if (state.nonFiniteInARow >= settings.nonFiniteLimit) status = 'non-finite'
    else if (state.step >= settings.steps) status = 'completed'
    else if (signal?.aborted) status = 'aborted'
    if (status) break

    const epoch = order.epochOf(state.step)
    const learningRate = settings.schedule.rate(state.optimiser.step)
    const { record, status: solve } = await trainStep(state, {
      model,
      loss,
      data: options.data.train,
      indices: order.at(state.step),
      optimiser,
      learningRate,
      clip,
    })
    if (options.data.validation && (state.step % settings.validateEvery === 0 || state.step === settings.steps))
      await check(state, options, settings)
    if (state.stoppedEarly) status = 'stopped-early'
    if (state.step % settings.checkpointEvery === 0) {
      await save()
      savedAt = state.step
    }
    options.onProgress?.(progressOf(state, settings, record, epoch, elapsed(), firstStep, started, solve))
    await pause()
  }

  if (savedAt !== state.step && state.step > firstStep) await save()
  const restoredBest = state.bestWeights !== undefined && (earlyStopping?.restoreBest ?? true)
  if (restoredBest) assignWeights(model.variables, state.bestWeights!)
  if (state.skippedSteps > 0)
    notes.push(
      `${state.skippedSteps} of ${state.step} steps were skipped as not finite; last, ${state.trouble ?? 'before this run'}.`,
    )
  return {
    status,
    steps: state.step,
    skippedSteps: state.skippedSteps,
    history: { steps: state.steps, validations: state.validations },
    ...(state.best ? { best: state.best } : {}),
    restoredBest,
    elapsedMs: elapsed(),
    notes,
  }
}

async function initialState<X extends TensorTree, Y extends TensorTree>(
  { model, optimiser, checkpoint }: FitOptions<X, Y>,
  settings: Settings,
  notes: string[],
): Promise<FitState> {
  const bytes = checkpoint?.resume ? await checkpoint.store.load() : undefined
  if (!bytes) return freshState(model, optimiser)
  const file = checkpoint!.store.name
  const stored = readCheckpoint(bytes, file)
  const state = resumedState(stored, settings, model, optimiser, file)
  const now = toCheckpoint(state, settings, model, 0).versions
  for (const key of ['equilibria', 'tfjs', 'backend'] as const)
    if (stored.versions[key] !== now[key])
      notes.push(`Resumed on ${key} ${now[key]}; the checkpoint is from ${stored.versions[key]}: numbers may differ.`)
  assignWeights(model.variables, state.weights)
  return state
}

/** Validate, and keep book of the best. */
async function check<X extends TensorTree, Y extends TensorTree>(
  state: FitState,
  options: FitOptions<X, Y>,
  { monitor, moreIsBetter, validationBatch }: Settings,
): Promise<void> {
  const { compute } = options.validation ?? {}
  const found = await validate(options.model, options.data.validation!, {
    loss: options.loss ?? options.task!.loss,
    metrics: options.metrics ?? options.task?.metrics ?? [],
    batchSize: validationBatch,
    ...(compute ? { compute } : {}),
  })
  state.validations.push({ step: state.step, ...found })
  const value = monitor === 'loss' ? found.loss : found.metrics[monitor]!
  const gain = state.best ? (value - state.best.value) * (moreIsBetter ? 1 : -1) : Infinity
  // A value that is not finite is never the best.
  if (Number.isFinite(value) && gain > (options.earlyStopping?.gain ?? 0)) {
    state.best = { step: state.step, value, monitor }
    state.validationsSinceBest = 0
    if (options.earlyStopping) state.bestWeights = state.weights
  } else state.validationsSinceBest++
  state.stoppedEarly = state.validationsSinceBest >= (options.earlyStopping?.patience ?? Infinity)
}

function progressOf(
  state: FitState,
  { steps, perEpoch }: Settings,
  record: StepRecord,
  epoch: number,
  elapsedMs: number,
  firstStep: number,
  started: number,
  status?: string,
): FitProgress {
  const validation = state.validations.at(-1)
  const perStep = (performance.now() - started) / (state.step - firstStep)
  return {
    ...record,
    steps,
    epoch: epoch + 1,
    epochs: Math.ceil(steps / perEpoch),
    skippedSteps: state.skippedSteps,
    ...(validation ? { validation } : {}),
    ...(state.best ? { best: state.best } : {}),
    ...(status === undefined ? {} : { status }),
    elapsedMs,
    remainingMs: perStep * (steps - state.step),
  }
}
