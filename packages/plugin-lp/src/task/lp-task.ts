import type { Model, ModelOptions, Preset, Task } from '@equilibria/spec'
import { scoped } from '@equilibria/tensor'
import * as tf from '@tensorflow/tfjs-core'
import { loadSplits, type LpSplits, type ReadSplit } from '../data/splits.ts'
import type { LpInput, LpOutput } from '../graph/input.ts'
import { lpMetrics } from '../metrics/metrics.ts'
import { lpPerturbations } from '../metrics/perturbations.ts'
import { lpView } from './view.ts'

/** Models of linear programs by name. */
export type LpModels = Readonly<Record<string, (options?: ModelOptions) => Model<LpInput, LpOutput>>>

/** What a linear-programming task is made of. */
export interface LpTaskOptions {
  /** At least `implicit` and `explicit`. */
  readonly models: LpModels
  /** Default: mean squared error per variable in units of `labelScale`. */
  readonly loss?: Task<LpInput, LpOutput>['loss']
  /** Default: the files that ship with this package. */
  readonly read?: ReadSplit
  /** What a study shows of linear programs beside the standard parts: the warm start, say. */
  readonly sections?: NonNullable<Task<LpInput, LpOutput>['sections']>
  readonly presets?: Readonly<Record<string, Preset>>
}

/** A linear-programming task whose splits keep the float64 originals. */
export interface LpTask extends Task<LpInput, LpOutput> {
  data(options?: Parameters<Task['data']>[0]): Promise<LpSplits>
}

/** Standard deviation of the bounds of the published distribution, hence the size of a label. */
export const labelScale = 10

/** `mean ((ŷ − y) / 10)²` over variables and samples: the published loss, brought to the order of 1. */
export const meanSquaredError: Task<LpInput, LpOutput>['loss'] = (prediction, target) =>
  scoped(() => tf.mean(tf.square(tf.div(tf.sub(prediction, target), labelScale)))) as tf.Scalar

/**
 * Learning to solve random linear programs: from `(A, b, c, ∘, lower, upper)` to an optimal `y`.
 *
 * Data: see `loadSplits`. Metrics: relative error (the headline), objective gap, constraint violation. Perturbations of
 * each of `A`, `b`, `c`, `lower`, `upper`. The labels are vertices; at the few programs whose optimum is not unique
 * another answer is as good, which the last two metrics see and the first does not.
 * @cite liu2026
 */
export function lpTask(options: LpTaskOptions): LpTask {
  return {
    kind: 'task',
    spec: 1,
    name: 'lp',
    summary: 'Solve random linear programs: from costs, constraints and bounds to an optimal point.',
    data: (data) => loadSplits(data, options.read),
    models: options.models,
    loss: options.loss ?? meanSquaredError,
    metrics: lpMetrics,
    perturbations: lpPerturbations,
    view: lpView,
    ...(options.sections === undefined ? {} : { sections: options.sections }),
    ...(options.presets === undefined ? {} : { presets: options.presets }),
  }
}
