import { dirname } from 'node:path'
import type { AnyTask, Model, Splits, TensorTree, TrainingSettings } from '@equilibria/spec'
import {
  adamW,
  cosine,
  fit,
  type FitOptions,
  type FitProgress,
  type FitResult,
  progressLine,
} from '@equilibria/training'
import { checkpointFile } from '@equilibria/training/node'
import { liveLine } from './live-line.ts'
import { makeFolder } from './output.ts'
import { say } from './terminal.ts'

export interface FitRequest {
  readonly label: string
  readonly task: AnyTask
  readonly model: Model
  readonly splits: Splits<TensorTree, TensorTree>
  readonly settings: TrainingSettings
  readonly seed: number
  readonly signal: AbortSignal
  /** Path; left out: no checkpoint is written. */
  readonly checkpoint?: string | undefined
  readonly resume?: boolean
}

/** Updates that these settings make on so many samples. */
export const updates = (settings: TrainingSettings, samples: number): number =>
  settings.steps ?? settings.epochs * Math.ceil(samples / settings.batchSize)

/** `711 parameters, 1 update of 40 samples`. */
export const effort = (model: Model, settings: TrainingSettings, samples: number): string => {
  const n = updates(settings, samples)
  return `${model.parameterCount} parameters, ${n} ${n === 1 ? 'update' : 'updates'} of ${Math.min(settings.batchSize, samples)} samples`
}

/** Trains one model by the settings of a preset, with a line of progress and ETA on stderr. */
export async function fitModel(request: FitRequest): Promise<FitResult> {
  const { task, model, splits, settings, seed, signal } = request
  if (request.checkpoint !== undefined) await makeFolder('out', dirname(request.checkpoint))
  const line = liveLine()
  const options: FitOptions<TensorTree, TensorTree> = {
    model,
    task,
    data: { train: splits.train, validation: splits.validation },
    optimiser: adamW({ learningRate: settings.learningRate, weightDecay: settings.weightDecay ?? 0 }),
    ...(settings.schedule === 'cosine'
      ? {
          schedule: (steps: number) =>
            cosine({ peak: settings.learningRate, steps, warmup: Math.min(settings.warmup ?? 0, steps - 1) }),
        }
      : {}),
    ...(settings.steps === undefined ? { epochs: settings.epochs } : { steps: settings.steps }),
    batchSize: settings.batchSize,
    seed,
    ...(settings.clip === undefined ? {} : { clip: { norm: settings.clip } }),
    validation: {
      every: Math.max(1, Math.ceil(updates(settings, splits.train.size) / 20)),
      monitor: task.metrics[0]!.name,
    },
    earlyStopping: { patience: Number.POSITIVE_INFINITY, restoreBest: true },
    onProgress: (p: FitProgress) => line.update(progressLine(p, { label: request.label, width: line.width })),
    signal,
    ...(request.checkpoint === undefined
      ? {}
      : { checkpoint: { store: checkpointFile(request.checkpoint), resume: request.resume ?? false } }),
  }
  try {
    const result = await fit(options)
    line.end()
    for (const note of result.notes) say(`note: ${note}`)
    return result
  } finally {
    line.end()
  }
}
