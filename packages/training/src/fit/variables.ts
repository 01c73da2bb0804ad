import * as tf from '@tensorflow/tfjs-core'
import type { Model } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import type { Vectors } from '../optimisers/optimiser.ts'

type Trainable = Pick<Model, 'name' | 'variables'>

/** Copies of the model's weights. */
export function readWeights({ name: model, variables }: Trainable): Vectors {
  const entries = Object.entries(variables).map(([name, variable]): [string, Float32Array] => {
    if (variable.dtype !== 'float32' || variable.isDisposed)
      throw new EquilibriaError(
        'data',
        `Variable "${name}" of model "${model}" is ${variable.isDisposed ? 'disposed' : variable.dtype}.`,
        'A model lists live float32 variables only.',
      )
    return [name, Float32Array.from(variable.dataSync())]
  })
  if (entries.length === 0)
    throw new EquilibriaError('data', `Model "${model}" has no variables.`, 'There is nothing to train.')
  return Object.fromEntries(entries)
}

/** Give the variables these values; `before` spares those that are the same array. */
export function assignWeights(variables: Trainable['variables'], weights: Vectors, before: Vectors = {}): void {
  for (const [name, variable] of Object.entries(variables)) {
    const values = weights[name]!
    if (values === before[name]) continue
    const fresh = tf.tensor(values, variable.shape, 'float32')
    variable.assign(fresh)
    fresh.dispose()
  }
}
