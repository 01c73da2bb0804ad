import * as tf from '@tensorflow/tfjs-core'

/** `tf.tidy`, typed: tensors inside the result survive, the rest is freed. */
export const scoped = <T>(fn: () => T): T => tf.tidy(fn as () => tf.TensorContainer) as T
