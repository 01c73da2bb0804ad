import * as tf from '@tensorflow/tfjs-core'
import { derivativeAlong, offTape } from './engine.ts'
import { EquilibriaError } from './errors.ts'

export interface JvpOptions {
  /** `double-vjp` (default): exact to rounding. `finite-difference`: for what the other cannot do. */
  readonly method?: 'double-vjp' | 'finite-difference'
  /**
   * Of `finite-difference`: the largest change of any entry, relative to `max(1, ‖x‖∞)`. Default `4e-3`, the cube root
   * of the float32 rounding unit, where truncation and cancellation balance.
   */
  readonly step?: number
}

/**
 * The derivative of `f` at `x` along `v`: `J(x) v`, `J = ∂f/∂x`. `x` and `v` share a shape; the result has the shape of
 * `f(x)` and belongs to the caller (or its `tidy`). Any outer gradient tape sees a constant.
 *
 * `double-vjp` pulls `v` back through the linear map `u ↦ Jᵀu`. It throws where a gradient has no gradient itself, also
 * with our repairs (maxPool3d, localResponseNormalization, dilation2d, conv3d), and where an op has none at all (einsum,
 * FFT, diag, tensorScatterUpdate, dilated convolutions). There, use `finite-difference`:
 * `(f(x + hv) − f(x − hv)) / 2h`, `h = step · max(1, ‖x‖∞) / ‖v‖∞`, relative error about `1e-5` to `1e-4` for a smooth
 * `f`, meaningless across a kink.
 *
 * When not to use it: for `Jᵀu`, use `linearize`; for a full Jacobian of a small system, one product per column is
 * dear.
 *
 * @cost `double-vjp`: about 3 evaluations of `f` and its intermediate tensors. `finite-difference`: 2 evaluations and
 * one read of `x` and `v`.
 * @throws EquilibriaError `shape` when `v` does not fit `x`; `gradient` when an op on the way lacks a gradient;
 * `option` on an unknown method, or a step that is not usable or not used
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import '@equilibria/tensor/gradients'
 * import { jvp } from '@equilibria/tensor'
 *
 * const along = jvp((x) => tf.square(x), tf.tensor1d([1, 2, 3]), tf.tensor1d([1, 0, 1]))
 * console.log(along.dataSync()) // [2, 0, 6]
 * ```
 */
export function jvp<X extends tf.Tensor, Y extends tf.Tensor>(
  f: (x: X) => Y,
  x: X,
  v: X,
  { method = 'double-vjp', step: given }: JvpOptions = {},
): Y {
  if (x.shape.join() !== v.shape.join())
    throw new EquilibriaError(
      'shape',
      `jvp() got a direction of shape (${v.shape}) at a point of shape (${x.shape}).`,
      'Give the direction the shape of the point.',
    )
  if (method === 'double-vjp' && given !== undefined)
    throw new EquilibriaError(
      'option',
      `jvp() got step ${given}, which "double-vjp" does not have.`,
      'Leave it out, or pass method: "finite-difference".',
    )
  if (method === 'double-vjp') return derivativeAlong(() => f(x), [x], [v]) as Y
  if (method !== 'finite-difference')
    throw new EquilibriaError(
      'option',
      `jvp() knows no method "${String(method)}".`,
      'Use "double-vjp" or "finite-difference".',
    )
  const step = given ?? 4e-3
  if (!(step > 0 && step < 1))
    throw new EquilibriaError('option', `jvp() got step ${step}.`, 'Use a number between 0 and 1, such as 4e-3.')
  return offTape(() => tf.tidy(() => difference(f, x, v, step)))
}

function difference<X extends tf.Tensor, Y extends tf.Tensor>(f: (x: X) => Y, x: X, v: X, step: number): Y {
  const longest = tf.max(tf.abs(v)).dataSync()[0]!
  if (longest === 0) return tf.zerosLike(f(x))
  const h = (step * Math.max(1, tf.max(tf.abs(x)).dataSync()[0]!)) / longest
  const ahead = f(tf.add(x, tf.mul(v, h)) as X)
  const behind = f(tf.sub(x, tf.mul(v, h)) as X)
  return tf.div(tf.sub(ahead, behind), 2 * h) as Y
}
