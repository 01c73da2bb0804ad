import * as tf from '@tensorflow/tfjs-core'

/** One gradient to put in place of (or beside) what tfjs registers. */
export type Repair = tf.GradConfig

type Pull = { readonly [input: string]: () => tf.Tensor }

interface Parts {
  /** Inputs to keep for the backward pass, in the order in which `gradient` receives them. */
  readonly inputs?: readonly string[]
  /** Outputs to keep, after the inputs. */
  readonly outputs?: readonly boolean[]
}

/**
 * A gradient for `kernelName`, typed: one cotangent in, one lazy cotangent per input out. `attrs` are the attributes of
 * the kernel as tfjs-core passes them; the caller names their type.
 */
export function repair<A = object>(
  kernelName: string,
  { inputs = [], outputs = [] }: Parts,
  gradient: (dy: tf.Tensor, saved: readonly tf.Tensor[], attrs: A) => Pull,
): Repair {
  return {
    kernelName,
    inputsToSave: [...inputs],
    outputsToSave: [...outputs],
    gradFunc: (dy, saved, attrs) => gradient(Array.isArray(dy) ? dy[0]! : dy, saved, attrs as A),
  }
}

/** Float32 zeros: `tf.zerosLike` of an int or bool input has a dtype that the backward pass refuses. */
export const zeros = (like: tf.Tensor) => (): tf.Tensor => tf.zeros(like.shape, 'float32')

/** Undo broadcasting: sum over the axes along which a tensor of `shape` was repeated to become `t`. */
export function sumTo(t: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const extra = t.rank - shape.length
  const axes = t.shape.flatMap((n, i) => (i < extra || (shape[i - extra] === 1 && n !== 1) ? [i] : []))
  return axes.length === 0 && extra === 0 ? t : tf.reshape(tf.sum(t, axes), [...shape])
}

/** Run any kernel of the current backend, recorded like an op. */
export const kernel = (name: string, inputs: { [name: string]: tf.Tensor }, attrs: object = {}): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attrs as never)
