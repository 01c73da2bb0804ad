import type { Dataset, Model, Perturbation, Task, TensorTree } from '@equilibria/spec'
import type { Aggregator, SteppedMap } from '@equilibria/theory'
import type { PeerValue, StudySection, TrainingCurve } from './types.ts'

/** How far a study is. */
export interface StudyProgress {
  /** What is running, in words: `implicit: L_t, b`. */
  readonly stage: string
  /** In `[0, 1]`. */
  readonly fraction: number
  readonly elapsedMs: number
  /** Expected time left; `undefined` until something has been measured. */
  readonly remainingMs: number | undefined
}

export interface LipschitzStudyOptions<X extends TensorTree, Y extends TensorTree> {
  /** Default: the task's own. */
  readonly perturbations?: readonly Perturbation<X>[]
  /** 2-norm by which each input is moved. Default `1e-2`. */
  readonly radius?: number
  /** Random directions per perturbation and sample. Default `1`. */
  readonly repeats?: number
  /** Samples it is measured on, from the front of the data. Default `200`. */
  readonly samples?: number
  /** Default `mean`. */
  readonly aggregator?: Aggregator
  /**
   * Models for which `L_t` is to come from power iteration on the t-step map instead: the map, recorded on the tape
   * (`Model.trajectory` is not).
   */
  readonly power?: Readonly<Record<string, SteppedMap<X, Y>>>
}

/** What to study, on which samples, at which depths. */
export interface StudyOptions<X extends TensorTree, Y extends TensorTree> {
  readonly task: Task<X, Y>
  /** Trained models by the name the report is to use. Borrowed: never disposed. */
  readonly models: Readonly<Record<string, Model<X, Y>>>
  /** What to measure on: a test split. */
  readonly data: Dataset<X, Y>
  /** Where the data came from, in words (`Splits.source`). */
  readonly source?: string
  /** Depths, increasing. Default `[1, 2, 4, 8, 16, 32]`. */
  readonly steps?: readonly number[]
  /** Upper limit on the number of samples. Default: all. */
  readonly samples?: number
  /** Samples per batch: bounds memory. Default `250`. */
  readonly batchSize?: number
  /** Seed of the perturbations and of the bootstrap. Default `0`. */
  readonly seed?: number
  /** Default `0.95`. */
  readonly confidence?: number
  /** `false` leaves L_t out. */
  readonly lipschitz?: false | LipschitzStudyOptions<X, Y>
  /** `false` leaves wall times out (they are the only numbers that differ between two runs). Default `true`. */
  readonly timing?: boolean
  /** Indices of the samples whose answers are drawn. Default `[0, 1]`. */
  readonly views?: readonly number[]
  /** Training curves by model name. */
  readonly training?: Readonly<Record<string, TrainingCurve>>
  readonly peers?: readonly PeerValue[]
  readonly sections?: readonly StudySection[]
  readonly title?: string
  /** Versions to put on record beside those of tfjs and this package. */
  readonly versions?: Readonly<Record<string, string>>
  /** Anything else to put on record. */
  readonly record?: Readonly<Record<string, string | number | boolean>>
  /** Written down as it is; `null` leaves it out. Default: now. */
  readonly created?: string | null
  readonly onProgress?: (progress: StudyProgress) => void
  /** Rejects with the signal's reason, between batches; every tensor is freed. */
  readonly signal?: AbortSignal
}
