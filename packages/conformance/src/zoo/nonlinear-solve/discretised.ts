import * as tf from '@tensorflow/tfjs-core'
import { count, nonlinearSystem, type NonlinearSystem } from './problem.ts'

const n = 10
const h = 1 / (n + 1)
const t = count(n).map((k) => k * h)
const arc = t.map((v) => v * (v - 1))
/** The `n × n` matrix with these entries, transposed, because rows are samples. */
const matrix = (entry: (row: number, column: number) => number): tf.Tensor2D =>
  tf.tensor2d(count(n).map((j) => count(n).map((i) => entry(i, j))))
const cube = (z: tf.Tensor2D): tf.Tensor => {
  const y = tf.add(z, tf.tensor2d([t.map((v) => v + 1)]))
  return tf.mul(y, tf.square(y))
}

/** Boundary-value and integral equations on ten nodes, and banded systems. */
export const discretised = (): NonlinearSystem[] => [
  nonlinearSystem({
    name: 'discrete-boundary-value',
    number: 9,
    summary: 'Finite differences for u″ = (u + t + 1)³ / 2.',
    source: 'more1979, more1981',
    start: arc,
    host: (z) =>
      z.map((v, k) => 2 * v + 0.5 * h ** 2 * (v + t[k]! + 1) ** 3 - (z[k - 1] ?? 0) - (z[k + 1] ?? 0)),
    f: (z) => {
      const stencil = matrix((i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0))
      return tf.add(tf.matMul(z, stencil), tf.mul(cube(z), 0.5 * h ** 2))
    },
  }),
  nonlinearSystem({
    name: 'discrete-integral-equation',
    number: 10,
    summary: 'The same equation by its Green function.',
    source: 'more1979, more1981',
    start: arc,
    host: (z) => {
      const cubes = z.map((v, j) => (v + t[j]! + 1) ** 3)
      return z.map((v, k) => {
        let s = 0
        cubes.forEach((c, j) => (s += (j <= k ? (1 - t[k]!) * t[j]! : t[k]! * (1 - t[j]!)) * c))
        return v + (h * s) / 2
      })
    },
    f: (z) => {
      const green = matrix((i, j) => (h / 2) * (1 - h * Math.max(i, j)) * h * Math.min(i, j))
      return tf.add(z, tf.matMul(cube(z) as tf.Tensor2D, green))
    },
  }),
  nonlinearSystem({
    name: 'broyden-tridiagonal',
    number: 13,
    summary: '(3 − 2 zₖ) zₖ − zₖ₋₁ − 2 zₖ₊₁ + 1.',
    source: 'broyden1965, more1981',
    start: count(n).map(() => -1),
    host: (z) => z.map((v, k) => (3 - 2 * v) * v - (z[k - 1] ?? 0) - 2 * (z[k + 1] ?? 0) + 1),
    f: (z) => {
      const band = matrix((i, j) => (i === j + 1 ? -1 : j === i + 1 ? -2 : 0))
      return tf.add(tf.add(tf.mul(tf.sub(3, tf.mul(z, 2)), z), tf.matMul(z, band)), 1)
    },
  }),
  nonlinearSystem({
    name: 'broyden-banded',
    number: 14,
    summary: 'zₖ (2 + 5 zₖ²) + 1 − Σ zⱼ (1 + zⱼ) over five neighbours below and one above.',
    source: 'broyden1971, more1981',
    start: count(n).map(() => -1),
    host: (z) =>
      z.map((v, k) => {
        let s = 0
        z.forEach((w, j) => {
          if (j !== k && j >= k - 5 && j <= k + 1) s += w * (1 + w)
        })
        return v * (2 + 5 * v ** 2) + 1 - s
      }),
    f: (z) => {
      const band = matrix((i, j) => (j !== i && j >= i - 5 && j <= i + 1 ? 1 : 0))
      const own = tf.add(tf.mul(z, tf.add(tf.mul(tf.square(z), 5), 2)), 1)
      return tf.sub(own, tf.matMul(tf.mul(z, tf.add(z, 1)) as tf.Tensor2D, band))
    },
  }),
  nonlinearSystem({
    name: 'chandrasekhar',
    number: 23,
    summary: "Chandrasekhar's H-equation, c = 0.9, on ten nodes k/n.",
    source: 'chandrasekhar1960, burkardt-test-nonlin',
    start: count(n).map(() => 1),
    host: (z) =>
      z.map((v, i) => {
        let s = 0
        z.forEach((w, j) => (s += ((i + 1) * w) / (i + j + 2)))
        return v - 1 / (1 - (0.9 * s) / (2 * n))
      }),
    f: (z) => {
      const kernel = matrix((i, j) => (0.9 / (2 * n)) * (i / (i + j)))
      return tf.sub(z, tf.div(1, tf.sub(1, tf.matMul(z, kernel))))
    },
  }),
]
