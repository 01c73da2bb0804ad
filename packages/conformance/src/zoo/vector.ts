import * as tf from '@tensorflow/tfjs-core'
import { type ZooProblem, zooProblem } from './problem.ts'

/** A deterministic stand-in for noise in `(−1, 1)`: a small linear congruential generator. */
function noise(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1103515245 + 12345) % 2147483648) / 1073741824 - 1
}

/** `z = tanh(W z + x)`, `n = 16`, rows of `W` of 1-norm `gain` (so `‖W‖_∞ = gain`): the standard small DEQ. */
export const tanhDeq = (gain = 0.9, n = 16, batch = 3): ZooProblem => {
  const random = noise(5)
  const W = Array.from({ length: n }, () => {
    const row = Array.from({ length: n }, random)
    const size = row.reduce((s, v) => s + Math.abs(v), 0)
    return row.map((v) => (gain * v) / size)
  })
  const parameters = Array.from({ length: batch }, () => Array.from({ length: n }, random))
  // Picard in float64: a contraction in the max-norm, so 600 steps end at rounding for gain ≤ 0.95.
  const answers = parameters.map((x) => {
    let z = x.map(() => 0)
    for (let k = 0; k < 600; k++) z = x.map((xi, i) => Math.tanh(xi + W[i]!.reduce((s, w, j) => s + w * z[j]!, 0)))
    return z
  })
  return zooProblem({
    name: 'tanh-deq',
    summary: 'A small deep-equilibrium layer.',
    source: 'Picard in float64',
    radius: gain,
    picard: 'contractive',
    parameters,
    answers,
    resolvent: 1 / (1 - gain),
    apply: (z, x) => {
      const columns = W.map((_, j) => W.map((row) => row[j]!)) // Wᵀ: rows are samples
      return tf.tanh(tf.add(tf.matMul(z, tf.tensor2d(columns)), x))
    },
  })
}

/** Two-state Bellman optimality, discount 0.9; parameters are rewards. Truth case `bellman_discounted`. */
export const bellman = (): ZooProblem =>
  zooProblem({
    name: 'bellman',
    summary: 'Dynamic programming: maxima of affine maps, a contraction in the max-norm.',
    source: 'truth case bellman_discounted: 360/29, 400/29',
    radius: 0.9,
    picard: 'contractive',
    parameters: [[1, 2]],
    answers: [[360 / 29, 400 / 29]],
    resolvent: 12,
    apply: (V, x) => {
      const [a, b] = tf.split(V, 2, 1) as [tf.Tensor2D, tf.Tensor2D]
      const [p, q] = tf.split(x, 2, 1) as [tf.Tensor2D, tf.Tensor2D]
      const [ga, gb] = [tf.mul(a, 0.9), tf.mul(b, 0.9)]
      return tf.concat([tf.maximum(tf.add(p, ga), gb), tf.maximum(tf.add(q, tf.mul(tf.add(ga, gb), 0.5)), ga)], 1)
    },
  })
