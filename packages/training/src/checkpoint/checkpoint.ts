import * as tf from '@tensorflow/tfjs-core'
import type { Model } from '@equilibria/spec'
import type { Best, History } from '../fit/progress.ts'
import { version } from '../version.ts'
import type { OptimiserState, Vectors } from '../optimisers/optimiser.ts'

export const checkpointKind = 'equilibria-checkpoint'
export const checkpointVersion = 1

/** Who made it, with what. */
export interface Versions {
  /** Of this package. */
  readonly equilibria: string
  readonly tfjs: string
  /** The tfjs backend: equal numbers are promised on the same one only. */
  readonly backend: string
}

/** Which model the weights belong to. */
export interface ModelDescription {
  readonly name: string
  readonly depth: 'implicit' | 'explicit'
  readonly parameterCount: number
  /** The model's own manifest: solver, tolerance, exit rule, sizes. JSON. */
  readonly manifest: Readonly<Record<string, unknown>>
}

/** All that training needs, beside the weights, to go on as if nothing had happened. */
export interface TrainingState {
  /** What must be equal for a resume: seed, batch size, optimiser, schedule, clipping, validation. JSON. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Steps done; the position in the shuffled data follows from it. */
  readonly step: number
  readonly optimiser: OptimiserState
  readonly skippedSteps: number
  readonly nonFiniteInARow: number
  readonly validationsSinceBest: number
  readonly best?: Best
  /** The weights of `best`. */
  readonly bestWeights?: Vectors
  readonly stoppedEarly: boolean
  readonly history: History
  readonly elapsedMs: number
}

/** A model, and the state of its training if there is one. Plain data: holds no tensor. */
export interface Checkpoint {
  readonly model: ModelDescription
  readonly versions: Versions
  readonly shapes: Readonly<Record<string, readonly number[]>>
  readonly weights: Vectors
  /** Absent when only a model was saved. */
  readonly training?: TrainingState
}

export const versions = (): Versions => ({ equilibria: version, tfjs: tf.version_core, backend: tf.getBackend() })

export const describeModel = (model: Omit<Model, 'predict' | 'trajectory'>): ModelDescription => ({
  name: model.name,
  depth: model.depth,
  parameterCount: model.parameterCount,
  manifest: model.manifest,
})

export const shapesOf = (model: Pick<Model, 'variables'>): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(Object.entries(model.variables).map(([name, v]) => [name, v.shape]))
