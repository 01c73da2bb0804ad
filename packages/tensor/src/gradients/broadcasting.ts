import * as tf from '@tensorflow/tfjs-core'
import { repair, sumTo, type Repair } from './repair.ts'

/**
 * tfjs forgets to sum over broadcast axes in these, and dies with "The gradient of input 'b' has shape …". Ties of
 * maximum and minimum go to `a`, as in the stock gradients.
 */
const choose = (name: string, first: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Repair =>
  repair(name, { inputs: ['a', 'b'] }, (dy, [a, b]) => {
    const mine = () => tf.cast(first(a!, b!), 'float32')
    return {
      a: () => sumTo(tf.mul(dy, mine()), a!.shape),
      b: () => sumTo(tf.mul(dy, tf.sub(1, mine())), b!.shape),
    }
  })

export const broadcasting: readonly Repair[] = [
  repair('SquaredDifference', { inputs: ['a', 'b'] }, (dy, [a, b]) => {
    const slope = () => tf.mul(dy, tf.mul(tf.sub(a!, b!), 2))
    return { a: () => sumTo(slope(), a!.shape), b: () => sumTo(tf.neg(slope()), b!.shape) }
  }),
  choose('Maximum', tf.greaterEqual),
  choose('Minimum', tf.lessEqual),
]
