/*
 * Importing this module registers tfjs's gradients: without them nothing can be trained. Only `fit` imports it, so a
 * bundle that reads files with this package and trains nothing leaves the registry out.
 */
import '@equilibria/tensor/gradients'
import * as tf from '@tensorflow/tfjs-core'
import type { Model, Pair, TensorTree } from '@equilibria/spec'
import { EquilibriaError, offTape, scoped } from '@equilibria/tensor'
import type { Vectors } from '../optimisers/optimiser.ts'
import type { Loss } from './options.ts'

export interface LossGradients {
  readonly loss: number
  readonly gradients: Vectors
  /** Worst status of the solve. */
  readonly status?: string
}

/** Loss of one minibatch and its gradients, on the host. Leaves no tensor behind, whatever happens. */
export async function lossGradients<X extends TensorTree, Y extends TensorTree>(
  model: Model<X, Y>,
  loss: Loss<X, Y>,
  { x, y }: Pair<X, Y>,
): Promise<LossGradients> {
  const names = new Map(Object.entries(model.variables).map(([name, v]) => [v.name, name]))
  let status: string | undefined
  const forward = (): tf.Scalar => {
    const prediction = model.predict(x)
    status = prediction.status
    const value = loss(prediction.y, y, x)
    if (!(value instanceof tf.Tensor) || value.size !== 1 || value.rank !== 0)
      throw new EquilibriaError(
        'shape',
        `The loss must be a scalar; got ${value instanceof tf.Tensor ? `shape [${value.shape}]` : typeof value}.`,
        'Return the mean over the batch, for example with tf.mean.',
      )
    return value
  }
  const { value, grads } = recorded(() => tf.variableGrads(forward, Object.values(model.variables)))
  try {
    const [lossValue, ...values] = await Promise.all([value.data(), ...Object.values(grads).map((g) => g.data())])
    const gradients = Object.fromEntries(
      Object.keys(grads).map((id, i): [string, Float32Array] => [names.get(id)!, values[i] as Float32Array]),
    )
    return { loss: lossValue[0]!, gradients, ...(status === undefined ? {} : { status }) }
  } finally {
    tf.dispose([value, grads])
  }
}

function recorded<T>(run: () => T): T {
  try {
    // When `run` throws, offTape frees what the tape had saved and the scope frees the value; tfjs would leak both.
    return scoped(() => offTape(run))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const missing = /gradient function not found for (\w+)/.exec(message)?.[1]
    if (missing)
      throw new EquilibriaError(
        'gradient',
        `The operation ${missing} has no gradient in tfjs, and the loss depends on it.`,
        'Rewrite the model with other operations, or register one with tf.registerGradient.',
        { cause: error },
      )
    if (message.startsWith('Cannot find a connection'))
      throw new EquilibriaError(
        'gradient',
        'The loss depends on none of the variables of the model.',
        'Check that predict() uses model.variables with tfjs operations, not with values read to the host.',
        { cause: error },
      )
    throw error
  }
}
