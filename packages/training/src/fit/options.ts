import type { Scalar } from '@tensorflow/tfjs-core'
import type { Compute, Dataset, Metric, Model, Task, TensorTree } from '@equilibria/spec'
import type { CheckpointStore } from '../checkpoint/store.ts'
import type { Clip } from '../gradients/clip.ts'
import type { Optimiser } from '../optimisers/optimiser.ts'
import type { Schedule } from '../schedules/schedule.ts'
import type { FitProgress } from './progress.ts'

/** Mean over the batch, recorded on the tape. */
export type Loss<X extends TensorTree, Y extends TensorTree> = (prediction: Y, target: Y, input: X) => Scalar

export interface ValidationOptions {
  /** Steps between two validations; the last step always has one. Default: one epoch. */
  readonly every?: number
  /** Default: that of training. */
  readonly batchSize?: number
  /** Test-time compute of the predictions. Default: the model's own. */
  readonly compute?: Compute
  /** What "best" means: `loss`, or the name of one of the task's metrics. Default `loss`. */
  readonly monitor?: string
}

/** When to stop for want of progress on the validation data, and with which weights. */
export interface EarlyStopping {
  /** Stop after this many validations in a row without a new best. `Infinity` only keeps the best weights. */
  readonly patience: number
  /** What counts as better: at least this much. Default `0`: any gain. */
  readonly gain?: number
  /** Leave the model with the best weights seen, however training ends. Default `true`. */
  readonly restoreBest?: boolean
}

/** Where and how often training is saved, and whether it goes on from there. */
export interface FitCheckpoints {
  /** Where they go: `checkpointFile(path)` of `@equilibria/training/node`, or your own. */
  readonly store: CheckpointStore
  /** Steps between two checkpoints; the end of training always has one. Default: one epoch. */
  readonly every?: number
  /** Continue from what the store holds, if it holds anything. Default `false`: start anew and overwrite. */
  readonly resume?: boolean
}

/** What `fit` trains, on what, how long and how. Inputs and answers are trees of `[batch, …]` tensors. */
export interface FitOptions<X extends TensorTree, Y extends TensorTree> {
  readonly model: Model<X, Y>
  /** Gives the loss and the validation metrics. Either this or `loss`. */
  readonly task?: Pick<Task<X, Y>, 'loss' | 'metrics'>
  /** Mean over the batch; used instead of the task's. */
  readonly loss?: Loss<X, Y>
  readonly metrics?: readonly Metric<X, Y>[]
  readonly data: { readonly train: Dataset<X, Y>; readonly validation?: Dataset<X, Y> }
  readonly optimiser: Optimiser
  /** Replaces the optimiser's; a function is given the number of steps. */
  readonly schedule?: Schedule | ((steps: number) => Schedule)
  /** Passes over the training data. Either this or `steps`. */
  readonly epochs?: number
  readonly steps?: number
  /** Samples per step; the last batch of an epoch may be smaller. Default `32`. */
  readonly batchSize?: number
  /** Decides the order of the samples, and nothing else. Default `0`. */
  readonly seed?: number
  readonly clip?: Clip
  readonly validation?: ValidationOptions
  readonly earlyStopping?: EarlyStopping
  /** Stop after this many steps in a row whose loss, gradient or update is not finite. Default `5`. */
  readonly nonFiniteLimit?: number
  /** Called after every step, before the next one starts. */
  readonly onProgress?: (progress: FitProgress) => void
  /** Looked at between steps; a validation under way is finished first, so that a resume is exact. */
  readonly signal?: AbortSignal
  readonly checkpoint?: FitCheckpoints
}
