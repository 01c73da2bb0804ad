import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'
import { EquilibriaError, scale } from '@equilibria/tensor'

/** `prox_h` of a separable convex function `h`, an activation; elementwise and nondecreasing, with slopes in `[0, 1]`. */
export interface Proximal {
  readonly name: string
  /** `prox_{αh}(v)`; at `α = 1` the activation itself. */
  apply(v: Vector, alpha: number): Vector
  /** `prox_h′` where its value is `z`, in `[0, 1]`. */
  slope(z: Vector): Vector
}

const mask = (condition: tf.Tensor): Vector => tf.cast(condition, 'float32') as Vector

/**
 * `t` with `c t + d tanh t = v`, `c > 0`, `c + d > 0`, by Newton's method from the safe side: the left side is concave on
 * `t > 0` for `d > 0` and convex for `d < 0`, so that iterates come monotonically from the side of the start.
 */
function solveTanh(v: Vector, c: number, d: number): Vector {
  const size = tf.abs(v)
  const [flat, steep] = [tf.div(size, c + d), tf.div(tf.sub(size, d), c)]
  let t = d >= 0 ? tf.maximum(flat, steep) : tf.minimum(flat, steep)
  for (let k = 0; k < NEWTON; k++) {
    const y = tf.tanh(t)
    const slope = tf.add(tf.mul(tf.sub(1, tf.square(y)), d), c)
    t = tf.sub(t, tf.div(tf.sub(tf.add(tf.mul(t, c), tf.mul(y, d)), size), slope))
  }
  return tf.mul(t, tf.sign(v)) as Vector
}
/** Enough for full float32 accuracy with `α` from 0.01 to 100. */
const NEWTON = 8

/**
 * Activations that are proximal maps. `relu`, `box`, `softThreshold` and `identity` have them in closed form for every
 * `α`; for `tanh` and `sigmoid` and `α ≠ 1` one scalar equation per entry is solved, by 8 Newton steps. (Softmax is one
 * as well, but couples its entries, and only at `α = 1` in closed form: it is not offered.)
 */
export const proximal = {
  /** `max(v, 0)`: the projection onto `z ≥ 0`. */
  relu: {
    name: 'relu',
    apply: (v) => tf.relu(v),
    slope: (z) => mask(tf.greater(z, 0)),
  } satisfies Proximal as Proximal,
  /** `v`: no `B` at all. */
  identity: { name: 'identity', apply: (v) => v, slope: (z) => tf.onesLike(z) } satisfies Proximal as Proximal,
  /** `h(z) = z artanh z + ½ ln(1 − z²) − ½ z²` on `(−1, 1)`. */
  tanh: {
    name: 'tanh',
    apply: (v, alpha) => tf.tanh(alpha === 1 ? v : solveTanh(v, alpha, 1 - alpha)),
    slope: (z) => tf.sub(1, tf.square(z)) as Vector,
  } satisfies Proximal as Proximal,
  /** `h(z) = z ln z + (1 − z) ln(1 − z) − ½ z²` on `(0, 1)`. */
  sigmoid: {
    name: 'sigmoid',
    apply(v, alpha) {
      if (alpha === 1) return tf.sigmoid(v)
      // z = ½ + ½ tanh t turns (1 − α) z + α logit z = v into 2αt + ½(1 − α) tanh t = v − ½(1 − α).
      const t = solveTanh(tf.sub(v, (1 - alpha) / 2), 2 * alpha, (1 - alpha) / 2)
      return tf.add(scale(tf.tanh(t), 0.5), 0.5)
    },
    slope: (z) => tf.mul(z, tf.sub(1, z)) as Vector,
  } satisfies Proximal as Proximal,
  /** `sign(v) max(|v| − λ, 0)`, `h = λ‖z‖₁`. @throws EquilibriaError `option` unless `λ ≥ 0` */
  softThreshold(lambda: number): Proximal {
    if (!(lambda >= 0 && lambda < Number.POSITIVE_INFINITY))
      throw new EquilibriaError('option', `softThreshold(${lambda}) is not a threshold.`, 'Pass a finite number ≥ 0.')
    return {
      name: `softThreshold(${lambda})`,
      apply: (v, alpha) => tf.mul(tf.sign(v), tf.relu(tf.sub(tf.abs(v), alpha * lambda))),
      slope: (z) => mask(tf.notEqual(z, 0)),
    }
  },
  /** `v` clipped to `[low, high]`: a projection. @throws EquilibriaError `option` unless `low < high` */
  box(low: number, high: number): Proximal {
    if (!(low < high)) throw new EquilibriaError('option', `box(${low}, ${high}) is empty.`, 'Pass low < high.')
    return {
      name: `box(${low}, ${high})`,
      apply: (v) => tf.clipByValue(v, low, high),
      slope: (z) => mask(tf.logicalAnd(tf.greater(z, low), tf.less(z, high))),
    }
  },
} as const
