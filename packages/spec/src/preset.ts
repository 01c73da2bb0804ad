import type { DataOptions, ModelOptions } from './task.ts'

/** How a model is trained, in words every trainer understands. */
export interface TrainingSettings {
  /** Passes over the training data. */
  readonly epochs: number
  /** Updates in all, instead of `epochs`: the same time however much data there is. */
  readonly steps?: number
  readonly batchSize: number
  readonly learningRate: number
  /** Default `constant`. `cosine` ends at 0. */
  readonly schedule?: 'constant' | 'cosine'
  /** Steps over which the learning rate rises from 0. Default `0`. */
  readonly warmup?: number
  /** Decoupled. Default `0`. */
  readonly weightDecay?: number
  /** Largest global 2-norm of the gradient. Default: none. */
  readonly clip?: number
}

/** A study that a task recommends: which models, trained how, looked at where. */
export interface Preset {
  /** One sentence, with the time it takes. */
  readonly summary: string
  readonly models: readonly {
    /** What the table calls it. */
    readonly label: string
    /** A key of `Task.models`. */
    readonly model: string
    readonly options: ModelOptions
    readonly training: TrainingSettings
  }[]
  readonly limit?: NonNullable<DataOptions['limit']>
  /** Depths of the study, increasing. */
  readonly steps: readonly number[]
  /** Published values of the headline metric to draw beside ours. */
  readonly references?: readonly { readonly label: string; readonly value: number; readonly source: string }[]
}
