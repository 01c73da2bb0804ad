import * as tf from '@tensorflow/tfjs-core'
import { nonlinearSystem, type NonlinearSystem, unknowns } from './problem.ts'

/** Curved valleys, and the classical singular and badly scaled systems. */
export const valleys = (): NonlinearSystem[] => [
  nonlinearSystem({
    name: 'generalized-rosenbrock',
    number: 1,
    summary: 'A chain of parabolas: f₁ = 1 − z₁, fₖ = 10 (zₖ − zₖ₋₁²).',
    source: 'rosenbrock1960, burkardt-test-nonlin',
    start: [-1.2, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    roots: [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    host: (z) => z.map((v, k) => (k === 0 ? 1 - v : 10 * (v - z[k - 1]! ** 2))),
    f: (z) => {
      const n = z.shape[1]
      const head = tf.slice(z, [0, 0], [-1, n - 1])
      const tail = tf.slice(z, [0, 1], [-1, n - 1])
      return tf.concat([tf.sub(1, tf.slice(z, [0, 0], [-1, 1])), tf.mul(tf.sub(tail, tf.square(head)), 10)], 1)
    },
  }),
  nonlinearSystem({
    name: 'powell-singular',
    number: 2,
    summary: 'The Jacobian has rank 2 at the root.',
    source: 'powell1962, more1981',
    start: [3, -1, 0, 1],
    roots: [[0, 0, 0, 0]],
    host: ([a, b, c, d]) => [
      a! + 10 * b!,
      Math.sqrt(5) * (c! - d!),
      (b! - 2 * c!) ** 2,
      Math.sqrt(10) * (a! - d!) ** 2,
    ],
    f: (z) => {
      const [a, b, c, d] = unknowns(z)
      return tf.concat(
        [
          tf.add(a!, tf.mul(b!, 10)),
          tf.mul(tf.sub(c!, d!), Math.sqrt(5)),
          tf.square(tf.sub(b!, tf.mul(c!, 2))),
          tf.mul(tf.square(tf.sub(a!, d!)), Math.sqrt(10)),
        ],
        1,
      )
    },
  }),
  nonlinearSystem({
    name: 'powell-badly-scaled',
    number: 3,
    summary: 'The unknowns at the root are 1.1e-5 and 9.1.',
    source: 'powell1970, more1981',
    start: [0, 1],
    roots: [[0.000010981593296996818, 9.106146739867649]],
    host: ([a, b]) => [1e4 * a! * b! - 1, Math.exp(-a!) + Math.exp(-b!) - 1.0001],
    f: (z) => {
      const [a, b] = unknowns(z)
      return tf.concat(
        [tf.sub(tf.mul(tf.mul(a!, 1e4), b!), 1), tf.sub(tf.add(tf.exp(tf.neg(a!)), tf.exp(tf.neg(b!))), 1.0001)],
        1,
      )
    },
  }),
  nonlinearSystem({
    name: 'wood',
    number: 4,
    summary: 'The gradient of two coupled valleys.',
    source: 'colville1968, more1980',
    start: [-3, -1, -3, -1],
    roots: [[1, 1, 1, 1]],
    host: ([a, b, c, d]) => {
      const [s, t] = [b! - a! ** 2, d! - c! ** 2]
      return [
        -200 * a! * s - (1 - a!),
        200 * s + 20.2 * (b! - 1) + 19.8 * (d! - 1),
        -180 * c! * t - (1 - c!),
        180 * t + 20.2 * (d! - 1) + 19.8 * (b! - 1),
      ]
    },
    f: (z) => {
      const [a, b, c, d] = unknowns(z)
      const [s, t] = [tf.sub(b!, tf.square(a!)), tf.sub(d!, tf.square(c!))]
      const [p, q] = [tf.sub(b!, 1), tf.sub(d!, 1)]
      return tf.concat(
        [
          tf.sub(tf.mul(tf.mul(a!, s), -200), tf.sub(1, a!)),
          tf.addN([tf.mul(s, 200), tf.mul(p, 20.2), tf.mul(q, 19.8)]),
          tf.sub(tf.mul(tf.mul(c!, t), -180), tf.sub(1, c!)),
          tf.addN([tf.mul(t, 180), tf.mul(q, 20.2), tf.mul(p, 19.8)]),
        ],
        1,
      )
    },
  }),
  nonlinearSystem({
    name: 'helical-valley',
    number: 5,
    summary: 'A helix around the third axis; the angle jumps across the half-plane z₁ = 0, z₂ < 0.',
    source: 'fletcher1963, more1981',
    start: [-1, 0, 0],
    roots: [[1, 0, 0]],
    host: ([a, b, c]) => {
      const turn = a === 0 ? 0.25 * Math.sign(b!) : Math.atan(b! / a!) / (2 * Math.PI) + (a! < 0 ? 0.5 : 0)
      return [10 * (c! - 10 * turn), 10 * (Math.hypot(a!, b!) - 1), c!]
    },
    f: (z) => {
      const [a, b, c] = unknowns(z)
      // The angle from the half-plane of the jump, so that one arctangent covers the turn.
      const turn = tf.add(tf.div(tf.atan2(tf.neg(a!), b!), 2 * Math.PI), 0.25)
      const radius = tf.sqrt(tf.add(tf.square(a!), tf.square(b!)))
      return tf.concat([tf.mul(tf.sub(c!, tf.mul(turn, 10)), 10), tf.mul(tf.sub(radius, 1), 10), c!], 1)
    },
  }),
]
