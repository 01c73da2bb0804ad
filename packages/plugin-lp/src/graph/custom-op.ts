import * as tf from '@tensorflow/tfjs-core'

type Inputs = { readonly [name: string]: tf.Tensor }
type Pullbacks<T> = { readonly [K in keyof T]: () => tf.Tensor }

/** The engine's own entry for operations with a gradient, which `tf.customGrad` wraps; private in the typings only. */
interface Runner {
  runKernelFunc(call: {
    readonly inputs: Inputs
    forwardFunc(backend: unknown, save: (tensors: tf.Tensor[]) => void): tf.Tensor
    backwardsFunc(cotangent: tf.Tensor, saved: tf.Tensor[]): Pullbacks<Inputs>
  }): tf.Tensor
}

/**
 * An operation with its own gradient, one pullback per input.
 *
 * As `tf.customGrad`, but a pullback runs only when somebody asks for the gradient of its input: with constant matrix
 * values, their gradient costs nothing. Pullbacks are made of recorded operations on the inputs they are handed, so
 * they have gradients themselves. The `output` they are handed counts as a constant: use it only where it is one almost
 * everywhere, as in the mask of a ReLU.
 */
export function customOp<T extends Inputs>(
  inputs: T,
  forward: (inputs: T) => tf.Tensor,
  backward: (cotangent: tf.Tensor, inputs: T, output: tf.Tensor) => Pullbacks<T>,
): tf.Tensor {
  const names = Object.keys(inputs)
  return (tf.engine() as unknown as Runner).runKernelFunc({
    inputs,
    forwardFunc: (_, save) => {
      const output = forward(inputs)
      save([...Object.values(inputs), output])
      return output
    },
    backwardsFunc: (cotangent, saved) => {
      const kept = Object.fromEntries(names.map((name, i) => [name, saved[i]!])) as unknown as T
      return backward(cotangent, kept, saved.at(-1)!)
    },
  })
}
