import * as tf from '@tensorflow/tfjs-core'
import { count, nonlinearSystem, type NonlinearSystem, unknowns } from './problem.ts'

const sum = (v: readonly number[]): number => v.reduce((s, x) => s + x, 0)
const n = 10

/** Systems in which every equation sees every unknown. */
export const sums = (): NonlinearSystem[] => [
  watson(),
  nonlinearSystem({
    name: 'chebyquad',
    number: 7,
    summary: 'Two nodes with equal weights whose Chebyshev moments are those of the interval.',
    source: 'fletcher1965, more1981',
    start: [0, 2 / 3],
    roots: [
      [-1 / Math.sqrt(3), 1 / Math.sqrt(3)],
      [1 / Math.sqrt(3), -1 / Math.sqrt(3)],
    ],
    host: ([a, b]) => [(a! + b!) / 2, (2 * a! ** 2 - 1 + 2 * b! ** 2 - 1) / 2 + 1 / 3],
    f: (z) => {
      const moments = tf.concat([tf.mean(z, 1, true), tf.mean(tf.sub(tf.mul(tf.square(z), 2), 1), 1, true)], 1)
      return tf.add(moments, tf.tensor2d([[0, 1 / 3]]))
    },
  }),
  nonlinearSystem({
    name: 'brown-almost-linear',
    number: 8,
    summary: 'Nine planes and one product.',
    source: 'brown1969, more1981',
    start: count(n).map(() => 0.5),
    roots: [count(n).map(() => 1)],
    host: (z) => z.map((v, k) => (k < n - 1 ? v + sum([...z]) - (n + 1) : z.reduce((p, x) => p * x, 1) - 1)),
    f: (z) => {
      const planes = tf.sub(tf.add(z, tf.sum(z, 1, true)), n + 1)
      const product = unknowns(z).reduce((p, x) => tf.mul(p, x))
      return tf.concat([tf.slice(planes, [0, 0], [-1, n - 1]), tf.sub(product, 1)], 1)
    },
  }),
  nonlinearSystem({
    name: 'trigonometric',
    number: 11,
    summary: 'n − Σ cos zⱼ + k (1 − cos zₖ) − sin zₖ.',
    source: 'spedicato1975, more1981',
    start: count(n).map(() => 1 / n),
    roots: [count(n).map(() => 0)],
    host: (z) => z.map((v, k) => n - sum(z.map(Math.cos)) + (k + 1) * (1 - Math.cos(v)) - Math.sin(v)),
    f: (z) => {
      // 1 − cos by the half angle: no digits are lost near 0.
      const versed = tf.mul(tf.square(tf.sin(tf.mul(z, 0.5))), 2)
      return tf.sub(tf.add(tf.sum(versed, 1, true), tf.mul(versed, tf.tensor2d([count(n)]))), tf.sin(z))
    },
  }),
  nonlinearSystem({
    name: 'variably-dimensioned',
    number: 12,
    summary: 'zₖ − 1 + k s (1 + 2 s²), s = Σ j (zⱼ − 1): 1e6 at the start, 1 near the root.',
    source: 'more1980',
    start: count(n).map((i) => 1 - i / n),
    roots: [count(n).map(() => 1)],
    host: (z) => {
      const s = sum(z.map((v, j) => (j + 1) * (v - 1)))
      return z.map((v, k) => v - 1 + (k + 1) * s * (1 + 2 * s ** 2))
    },
    f: (z) => {
      const k = tf.tensor2d([count(n)])
      const off = tf.sub(z, 1)
      const s = tf.sum(tf.mul(off, k), 1, true)
      return tf.add(off, tf.mul(tf.mul(s, tf.add(tf.mul(tf.square(s), 2), 1)), k))
    },
  }),
]

/** Half the gradient of Watson's least-squares problem: a polynomial that nearly solves `y′ − y² = 1` on 29 nodes. */
function watson(): NonlinearSystem {
  const nodes = count(29).map((i) => i / 29)
  const size = 2
  const powers = count(size, 0).map((j) => nodes.map((t) => t ** j))
  const slopes = count(size, 0).map((j) => nodes.map((t) => (j === 0 ? 0 : j * t ** (j - 1))))
  return nonlinearSystem({
    name: 'watson',
    number: 6,
    summary: 'A sum over 29 nodes.',
    source: 'kowalik1968, more1981',
    start: [0, 0],
    roots: [[-0.5013670075219627, 1.0736498384595432]],
    host: ([a, b]) => {
      let [p, q] = [3 * a! - 2 * a! * b! + 2 * a! ** 3, b! - a! ** 2 - 1]
      for (const t of nodes) {
        const y = a! + b! * t
        const defect = b! - y ** 2 - 1
        p -= 2 * defect * y
        q += defect * (1 - 2 * t * y)
      }
      return [p, q]
    },
    f: (z) => {
      const [P, S] = [tf.tensor2d(powers), tf.tensor2d(slopes)]
      const y = tf.matMul(z, P)
      const defect = tf.sub(tf.sub(tf.matMul(z, S), tf.square(y)), 1)
      const pulled = tf.sub(
        tf.matMul(defect, tf.transpose(S)),
        tf.mul(tf.matMul(tf.mul(defect, y), tf.transpose(P)), 2),
      )
      const [a, b] = unknowns(z)
      const own = tf.concat(
        [
          tf.addN([tf.mul(a!, 3), tf.mul(tf.mul(a!, b!), -2), tf.mul(tf.mul(a!, tf.square(a!)), 2)]),
          tf.sub(tf.sub(b!, tf.square(a!)), 1),
        ],
        1,
      )
      return tf.add(pulled, own)
    },
  })
}
