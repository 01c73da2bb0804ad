import type { Scalar, Variable } from '@tensorflow/tfjs-core'
import type { Preset } from './preset.ts'
import type { Compute } from './compute.ts'
import type { SolveStats, Status } from './solution.ts'
import type { StudySection } from './section.ts'
import type { TensorTree } from './tree.ts'
import type { View } from './view.ts'

/** One minibatch, fresh tensors, owned by the caller. Every leaf is `[batch, …]`. */
export interface Pair<X extends TensorTree, Y extends TensorTree> {
  readonly x: X
  readonly y: Y
}

/** Samples by index; tensors exist only while a batch is in use. */
export interface Dataset<X extends TensorTree, Y extends TensorTree> {
  /** Number of samples. */
  readonly size: number
  /** These samples, in this order. The caller disposes. */
  batch(indices: readonly number[]): Pair<X, Y>
}

/** The three parts of a data set. */
export interface Splits<X extends TensorTree, Y extends TensorTree> {
  readonly train: Dataset<X, Y>
  readonly validation: Dataset<X, Y>
  readonly test: Dataset<X, Y>
  /** Where the data came from, in words a report can print. */
  readonly source: string
}

/** Which data, and how much of it. */
export interface DataOptions {
  /** Default `0`. */
  readonly seed?: number
  /** The data pack; when absent or not found, a task uses what it ships or generates. */
  readonly folder?: string
  /** Upper limits on the number of samples. */
  readonly limit?: { readonly train?: number; readonly validation?: number; readonly test?: number }
}

/** What every model of a task can be told when it is made. */
export interface ModelOptions {
  /** Width of the embedding; each task states its default. */
  readonly width?: number
  /** Seed of the initial weights. Default `0`. */
  readonly seed?: number
  /** Steps used while training, where the model unrolls; each task states its default. */
  readonly trainSteps?: number
}

/** An answer; for implicit models also how the solve went. */
export interface Prediction<Y extends TensorTree> {
  readonly y: Y
  /** Worst status in the batch; `undefined` for explicit models. */
  readonly status?: Status
  readonly stats?: SolveStats
}

/** The answer at one depth. */
export interface TrajectoryPoint<Y extends TensorTree> {
  readonly steps: number
  readonly y: Y
  /** Relative residual per sample at this depth; empty for explicit models. */
  readonly residual: Float32Array
  /** Evaluations of `G` per sample up to here. */
  readonly evaluations: number
}

/** A trainable map from inputs to answers; implicit ones have a depth that can be turned. */
export interface Model<X extends TensorTree = TensorTree, Y extends TensorTree = TensorTree> {
  readonly kind: 'model'
  readonly spec: 1
  readonly name: string
  readonly depth: 'implicit' | 'explicit'
  /** Trainable variables by name: what a checkpoint stores and an optimiser updates. */
  readonly variables: Readonly<Record<string, Variable>>
  readonly parameterCount: number
  /**
   * The answer, at the compute asked for. Under a gradient tape the result carries gradients to `variables`; in that
   * case `compute` left out means the model's own training depth.
   */
  predict(x: X, compute?: Compute): Prediction<Y>
  /** The answers after each of the given numbers of steps (increasing). Explicit models answer the same everywhere. */
  trajectory(x: X, steps: readonly number[]): readonly TrajectoryPoint<Y>[]
  /** What to write beside the weights so that another machine gets the same equilibrium. */
  readonly manifest: Readonly<Record<string, unknown>>
  dispose(): void
}

/** A number per sample that says how good an answer is. */
export interface Metric<X extends TensorTree, Y extends TensorTree> {
  readonly name: string
  /** One sentence, with the formula. */
  readonly summary: string
  readonly better: 'less' | 'more'
  readonly unit?: string
  /** One value per sample. */
  measure(prediction: Y, target: Y, input: X): Float32Array
}

/** A named way to move an input, for L_t. */
export interface Perturbation<X extends TensorTree> {
  readonly name: string
  /** A nearby input, fresh tensors. Every sample moves by a random direction of 2-norm `radius`. */
  apply(input: X, options: { readonly seed: number; readonly radius: number }): X
}

/** A learning problem of a domain. Writing one earns training, studies, the CLI and the report. */
export interface Task<X extends TensorTree = TensorTree, Y extends TensorTree = TensorTree> {
  readonly kind: 'task'
  readonly spec: 1
  readonly name: string
  readonly summary: string
  /** Deterministic in `seed`; never downloads. */
  data(options?: DataOptions): Promise<Splits<X, Y>>
  /** At least `implicit`, and the `explicit` baseline it is to be judged against. */
  readonly models: Readonly<Record<string, (options?: ModelOptions) => Model<X, Y>>>
  /** Mean over the batch; recorded on the tape. */
  loss(prediction: Y, target: Y, input: X): Scalar
  /** Per-sample metrics; the first is the headline. */
  readonly metrics: readonly Metric<X, Y>[]
  /** Nearby inputs, for L_t; empty when the input is not continuous. */
  readonly perturbations: readonly Perturbation<X>[]
  /** What this domain adds to a study of these trained models: plain data, drawn by the report. */
  sections?(
    models: Readonly<Record<string, Model<X, Y>>>,
    data: Dataset<X, Y>,
    options?: { readonly seed?: number; readonly signal?: AbortSignal },
  ): Promise<readonly StudySection[]>
  /** Recommended studies by name; `quick` is what a newcomer's first command runs. */
  readonly presets?: Readonly<Record<string, Preset>>
  /** How a person looks at the answer to sample `index`. */
  view?(x: X, y: Y, index: number, target?: Y): View
}
