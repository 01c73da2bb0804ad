import type { Model } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import { assignWeights, readWeights } from '../fit/variables.ts'
import { type Checkpoint, describeModel, shapesOf, versions } from './checkpoint.ts'
import { difference } from './json.ts'

type Fitted = Omit<Model, 'predict' | 'trajectory'>

export interface RestoreOptions {
  /** What error messages call the checkpoint. */
  readonly file?: string
  /** `best`: the best weights seen in training, where the checkpoint has them. Default `best`. */
  readonly use?: 'best' | 'last'
  /** `false`: the model may have been made with other options (another tolerance, say). Default `true`. */
  readonly sameManifest?: boolean
}

/** A checkpoint of the model as it stands, without training state. */
export const checkpointOf = (model: Fitted): Checkpoint => ({
  model: describeModel(model),
  versions: versions(),
  shapes: shapesOf(model),
  weights: readWeights(model),
})

/** Throws unless these weights are for this model: name, options, and every variable's name and shape. */
export function checkFits(checkpoint: Checkpoint, model: Fitted, file: string, sameManifest = true): void {
  const fail = (message: string, hint: string): never => {
    throw new EquilibriaError('file', `${file}: ${message}`, hint)
  }
  if (checkpoint.model.name !== model.name)
    fail(`this is a checkpoint of "${checkpoint.model.name}", not of "${model.name}".`, 'Create that model instead.')
  const shapes = shapesOf(model)
  for (const [name, shape] of Object.entries(shapes)) {
    const stored = checkpoint.shapes[name]
    if (!stored || !Object.hasOwn(checkpoint.shapes, name))
      fail(`tensor "weights/${name}" is missing; the model has it with shape [${shape}].`, 'Use the matching model.')
    else if (stored.join() !== shape.join())
      fail(`tensor "weights/${name}" has shape [${stored}]; the model's is [${shape}].`, 'Use the same model options.')
  }
  const extra = Object.keys(checkpoint.shapes).find((name) => !Object.hasOwn(shapes, name))
  if (extra !== undefined)
    fail(`tensor "weights/${extra}" is none of the model's variables.`, 'Use the matching model.')
  const other = sameManifest ? difference(describeModel(model).manifest, checkpoint.model.manifest) : undefined
  if (other)
    fail(
      `the model's options differ: ${other}.`,
      'Create the model with the stored options, or pass sameManifest: false.',
    )
}

/**
 * Give a model the weights of a checkpoint. Nothing is changed unless all of them fit.
 *
 * @throws EquilibriaError `file`, naming the checkpoint and the tensor or option that does not fit.
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { checkpointOf, readCheckpoint, restoreWeights, writeCheckpoint } from '@equilibria/training'
 *
 * const w = tf.variable(tf.tensor1d([1, 2]))
 * const model = { kind: 'model', spec: 1, name: 'line', depth: 'explicit', variables: { w }, parameterCount: 2, manifest: {}, dispose() {} } as const
 * const bytes = writeCheckpoint(checkpointOf(model))
 * w.assign(tf.tensor1d([0, 0]))
 * restoreWeights(model, readCheckpoint(bytes))
 * console.log(w.dataSync())
 * ```
 */
export function restoreWeights(
  model: Fitted,
  checkpoint: Checkpoint,
  { file = 'checkpoint', use = 'best', sameManifest = true }: RestoreOptions = {},
): void {
  checkFits(checkpoint, model, file, sameManifest)
  assignWeights(model.variables, (use === 'best' && checkpoint.training?.bestWeights) || checkpoint.weights)
}
