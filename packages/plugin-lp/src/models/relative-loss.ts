import * as tf from '@tensorflow/tfjs-core'
import { scoped } from '@equilibria/tensor'
import type { LpInput, LpOutput } from '../graph/input.ts'

/** Under the root: the size of a rounding error of a label, so that the gradient at an exact answer is finite. */
const ROUNDING = 1e-6

/**
 * `mean ‖ŷ − y‖₂ / (1 + ‖y‖₂)` over the batch: the headline metric as a loss. Unlike the squared error, which a few
 * programs with wide bounds dominate, it weighs programs alike and goes on falling when most answers are nearly right.
 */
export const relativeLoss = (prediction: LpOutput, target: LpOutput, _input?: LpInput): tf.Scalar =>
  scoped(() => {
    const gap = tf.sqrt(tf.add(tf.sum(tf.square(tf.sub(prediction, target)), 1), ROUNDING))
    return tf.mean(tf.div(gap, tf.add(1, tf.norm(target, 2, 1)))) as tf.Scalar
  })
