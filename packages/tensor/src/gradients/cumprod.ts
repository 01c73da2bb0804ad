import * as tf from '@tensorflow/tfjs-core'
import { repair, type Repair } from './repair.ts'

interface Attributes {
  readonly axis: number
  readonly exclusive?: boolean
  readonly reverse?: boolean
}

/**
 * `dx_k = (∏_{j<k} x_j) s_k` with `s_k = dy_k + x_{k+1} s_{k+1}`: no division, so zeros in `x` are safe. One small step
 * per entry along the axis. tfjs has no gradient for Cumprod, which is also what the gradient of `tf.prod` is made of.
 */
const cumprod: Repair = repair<Attributes>('Cumprod', { inputs: ['x'] }, (dy, [x], { axis, exclusive, reverse }) => ({
  x: () => {
    const at = axis < 0 ? axis + x!.rank : axis
    const turn = (t: tf.Tensor): tf.Tensor => (reverse ? tf.reverse(t, at) : t)
    const xs = tf.unstack(turn(x!), at)
    const dys = tf.unstack(turn(dy), at)
    const sums: tf.Tensor[] = []
    let next: tf.Tensor = tf.zerosLike(xs[0]!)
    for (let k = xs.length - 1; k >= 0; k--) {
      const carried = k + 1 < xs.length ? tf.mul(xs[k + 1]!, next) : next
      const own = exclusive ? dys[k + 1] : dys[k]
      next = own ? tf.add(own, carried) : carried
      sums.unshift(next)
    }
    return turn(tf.mul(tf.cumprod(turn(x!), at, true), tf.stack(sums, at)))
  },
}))

/** The stock gradient, without the chained methods that tfjs-core alone does not have. */
const prod: Repair = repair<{ axis?: number | readonly number[] | null }>(
  'Prod',
  { inputs: ['x'] },
  (dy, [x], { axis }) => ({
    x: () => {
      const rank = x!.rank
      const gone = (axis === undefined || axis === null ? x!.shape.map((_, i) => i) : [axis].flat()).map((a) =>
        a < 0 ? a + rank : a,
      )
      const order = [...x!.shape.keys()].filter((i) => !gone.includes(i)).concat(gone)
      const moved = tf.transpose(x!, order)
      const kept = moved.shape.slice(0, rank - gone.length)
      const flat = tf.reshape(moved, [...kept, -1])
      const last = kept.length
      const others = tf.mul(tf.cumprod(flat, last, true), tf.cumprod(flat, last, true, true))
      const slope = tf.reshape(tf.mul(tf.reshape(dy, [...kept, 1]), others), moved.shape)
      return tf.transpose(
        slope,
        order.map((_, i) => order.indexOf(i)),
      )
    },
  }),
)

export const products: readonly Repair[] = [cumprod, prod]
