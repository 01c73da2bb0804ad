import * as tf from '@tensorflow/tfjs-core'
import { nonlinearSystem, type NonlinearSystem, unknowns } from './problem.ts'

/** `(1 − e^{−v²}) / v`, which is `v` near 0, without the loss of digits there. */
const bump = (v: tf.Tensor): tf.Tensor => {
  const zero = tf.equal(v, 0)
  const divisor = tf.where(zero, tf.onesLike(v), v)
  return tf.where(zero, v, tf.div(tf.neg(tf.expm1(tf.neg(tf.square(v)))), divisor))
}
const hostBump = (v: number): number => (v === 0 ? 0 : -Math.expm1(-(v ** 2)) / v)

/** One and two unknowns: double roots, lines of roots, local minima of `‖f‖` on the way. */
export const planar = (): NonlinearSystem[] => [
  nonlinearSystem({
    name: 'dennis-schnabel',
    number: 17,
    summary: 'A line and a circle.',
    source: 'dennis1983',
    start: [1, 5],
    roots: [
      [0, 3],
      [3, 0],
    ],
    host: ([a, b]) => [a! + b! - 3, a! ** 2 + b! ** 2 - 9],
    f: (z) => tf.concat([tf.sub(tf.sum(z, 1, true), 3), tf.sub(tf.sum(tf.square(z), 1, true), 9)], 1),
  }),
  nonlinearSystem({
    name: 'sample-18',
    number: 18,
    summary: 'Both axes are roots, and the Jacobian is singular on them.',
    source: 'burkardt-test-nonlin',
    start: [2, 2],
    roots: [[0, 0]],
    host: ([a, b]) => [b! ** 2 * hostBump(a!), a! * hostBump(b!)],
    f: (z) => {
      const [a, b] = unknowns(z)
      return tf.concat([tf.mul(tf.square(b!), bump(a!)), tf.mul(a!, bump(b!))], 1)
    },
  }),
  nonlinearSystem({
    name: 'sample-19',
    number: 19,
    summary: 'z ‖z‖²: the Jacobian vanishes at the root.',
    source: 'burkardt-test-nonlin',
    start: [3, 3],
    roots: [[0, 0]],
    host: ([a, b]) => [a! * (a! ** 2 + b! ** 2), b! * (a! ** 2 + b! ** 2)],
    f: (z) => tf.mul(z, tf.sum(tf.square(z), 1, true)),
  }),
  nonlinearSystem({
    name: 'scalar-double-root',
    number: 20,
    summary: 'z (z − 5)².',
    source: 'burkardt-test-nonlin',
    start: [1],
    roots: [[0], [5]],
    host: ([a]) => [a! * (a! - 5) ** 2],
    f: (z) => tf.mul(z, tf.square(tf.sub(z, 5))),
  }),
  nonlinearSystem({
    name: 'freudenstein-roth',
    number: 21,
    summary: 'Descent on ‖f‖ from the start ends in a local minimum of 7.0 at (11.41, −0.90).',
    source: 'freudenstein1963, more1981',
    start: [0.5, -2],
    roots: [[5, 4]],
    host: ([a, b]) => [a! - b! ** 3 + 5 * b! ** 2 - 2 * b! - 13, a! + b! ** 3 + b! ** 2 - 14 * b! - 29],
    f: (z) => {
      const [a, b] = unknowns(z)
      const cubic = (c3: number, c2: number, c1: number, c0: number) =>
        tf.add(tf.mul(b!, tf.add(tf.mul(b!, tf.add(tf.mul(b!, c3), c2)), c1)), tf.add(a!, c0))
      return tf.concat([cubic(-1, 5, -2, -13), cubic(1, 1, -14, -29)], 1)
    },
  }),
  nonlinearSystem({
    name: 'boggs',
    number: 22,
    summary: 'A parabola and a cosine: three roots.',
    source: 'boggs1971',
    start: [1, 0],
    roots: [
      [0, 1],
      [-1, 2],
      [-Math.SQRT1_2, 1.5],
    ],
    host: ([a, b]) => [a! ** 2 - b! + 1, a! - Math.cos((Math.PI / 2) * b!)],
    f: (z) => {
      const [a, b] = unknowns(z)
      return tf.concat([tf.add(tf.sub(tf.square(a!), b!), 1), tf.sub(a!, tf.cos(tf.mul(b!, Math.PI / 2)))], 1)
    },
  }),
]
