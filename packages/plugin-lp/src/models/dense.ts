import * as tf from '@tensorflow/tfjs-core'
import { customOp } from '../graph/custom-op.ts'

/**
 * `x W + bias`, then ReLU if asked: `[rows, in] · [in, out] + [out]`.
 *
 * The same numbers as `tf.fused.matMul`, whose gradient multiplies with transpose flags; here the factors are
 * transposed first and the bias is summed by a product with ones, which on wasm makes the backward pass several times
 * faster. Differentiable to any order.
 */
export function dense(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, activation: 'linear' | 'relu'): tf.Tensor2D {
  return customOp(
    { x, weight, bias },
    (t) => tf.fused.matMul({ a: t.x as tf.Tensor2D, b: t.weight as tf.Tensor2D, bias: t.bias, activation }),
    (dy, t, y) => {
      const g = (activation === 'relu' ? tf.mul(dy, tf.step(y)) : dy) as tf.Tensor2D
      return { ...factors(g, t.x, t.weight), bias: () => columnSums(g) }
    },
  ) as tf.Tensor2D
}

/** `x W`, `[rows, in] · [in, out]`, with the same fast gradient. */
export function product(x: tf.Tensor, weight: tf.Tensor): tf.Tensor2D {
  return customOp(
    { x, weight },
    (t) => tf.matMul(t.x as tf.Tensor2D, t.weight as tf.Tensor2D),
    (dy, t) => factors(dy, t.x, t.weight),
  ) as tf.Tensor2D
}

const factors = (dy: tf.Tensor, x: tf.Tensor, weight: tf.Tensor) => ({
  x: () => product(dy, tf.transpose(weight)),
  weight: () => product(tf.transpose(x), dy),
})

/** `Σ_rows g`, `[out]`. */
const columnSums = (g: tf.Tensor): tf.Tensor => tf.reshape(product(tf.ones([1, g.shape[0]!]), g), [g.shape[1]!])
