import * as tf from '@tensorflow/tfjs-core'
import { count, nonlinearSystem, type NonlinearSystem } from './problem.ts'

const n = 10
const h = 1 / (n + 1)
const t = count(n).map((k) => k * h)
const arc = t.map((v) => v * (v - 1))
/** Of both forms of the boundary-value problem: the integral equation inverts the second difference exactly. */
const bent = [
  -0.04316498251876489, -0.08157715653538691, -0.11448571438052935, -0.14097357686259673, -0.15990869618198317,
  -0.16987720231277495, -0.16908998378120838, -0.15524953522183185, -0.12535589167893502, -0.0754165336858921,
]
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
    roots: [bent],
    host: (z) => z.map((v, k) => 2 * v + 0.5 * h ** 2 * (v + t[k]! + 1) ** 3 - (z[k - 1] ?? 0) - (z[k + 1] ?? 0)),
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
    roots: [bent],
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
    roots: [
      [
        -0.5707221320112248, -0.681806949984275, -0.7022100760176601, -0.7055106298950804, -0.7049061557287436,
        -0.7014966070298512, -0.6918893223547983, -0.6657965144058537, -0.5960351090263657, -0.4164122575286933,
      ],
    ],
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
    roots: [
      [
        -0.4283028635872503, -0.47659642435629024, -0.5196524636468617, -0.5580993248321808, -0.5925061568294574,
        -0.6245036821994678, -0.6232394714405911, -0.6213938417965735, -0.6204535966590874, -0.5864692707204351,
      ],
    ],
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
    roots: [
      [
        1.1459899509816964, 1.258711902521088, 1.3544177208814794, 1.438520098340292, 1.5137765921168351,
        1.5818950914839345, 1.6440565620218572, 1.7011356809587743, 1.7538106144835732, 1.8026243191696285,
      ],
    ],
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
