import * as tf from '@tensorflow/tfjs-core'
import { kernel, repair, type Repair } from './repair.ts'

/**
 * The gradient of elu is a kernel (`dy` where `y ≥ 0`, else `dy (y + 1)`) that has no gradient itself, so elu had no
 * second derivative. It is linear in `dy`.
 */
export const elu: Repair = repair('EluGrad', { inputs: ['dy', 'y'] }, (ddx, [dy, y]) => ({
  dy: () => kernel('EluGrad', { dy: ddx, y: y! }),
  y: () => tf.mul(tf.mul(ddx, dy!), tf.cast(tf.less(y!, 0), 'float32')),
}))
