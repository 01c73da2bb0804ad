import * as tf from '@tensorflow/tfjs-core'
import { bisect, parameter, type ZooProblem, zooProblem } from './problem.ts'

/** `z = cos(x z)`; for `x = 1` Dottie's number, 0.7390851332151607. */
export const dottie = (): ZooProblem => {
  const xs = [1, 0.5, 0.2, 1.2]
  return zooProblem({
    name: 'dottie',
    summary: 'The fixed point of the cosine.',
    source: 'bisection in float64',
    radius: 0.93, // x sin(x z) at x = 1.2, z ≈ 0.667: 0.86; bounded here
    picard: 'converges',
    parameters: xs.map((x) => [x]),
    answers: xs.map((x) => [bisect((z) => z - Math.cos(x * z), 0, 1.5)]),
    resolvent: 1, // the derivative is negative: 1 / (1 + |λ|)
    apply: (z, x) => tf.cos(tf.mul(x, z)),
  })
}

/** Kepler's equation `E = M + e sin E`; parameters are `[e, M]`. The modulus is at most `e`. */
export const kepler = (): ZooProblem => {
  const parameters = [
    [0.0167, 0.5],
    [0.6, 1],
    [0.9, 0.3],
    [0.99, 0.01],
  ]
  return zooProblem({
    name: 'kepler',
    summary: 'Eccentric anomalies up to e = 0.99.',
    source: 'bisection in float64',
    radius: 0.933,
    picard: 'contractive',
    parameters,
    answers: parameters.map(([e, M]) => [bisect((E) => E - M! - e! * Math.sin(E), M! - 1, M! + 1)]),
    resolvent: 15, // dE/dM at e = 0.99, M = 0.01 is 14.8
    lipschitz: 0.99,
    apply: (E, x) => tf.add(parameter(x, 1), tf.mul(parameter(x, 0), tf.sin(E))),
  })
}

const logistic = (name: string, rates: readonly number[], picard: ZooProblem['picard']): ZooProblem =>
  zooProblem({
    name,
    summary: `The logistic map at r = ${rates.join(', ')}.`,
    source: '1 − 1/r',
    radius: Math.max(...rates.map((r) => Math.abs(2 - r))),
    picard,
    parameters: rates.map((r) => [r]),
    answers: rates.map((r) => [1 - 1 / r]),
    resolvent: 1,
    start: (x) => tf.fill([x.shape[0], 1], 0.5),
    apply: (z, r) => tf.mul(r, tf.mul(z, tf.sub(1, z))),
  })
/** `z = r z (1 − z)` where it is stable: multiplier `2 − r`. */
export const logisticStable = (): ZooProblem => logistic('logistic-stable', [1.5, 2.5, 2.8], 'converges')
/** The same in the regime of period two: Picard cycles. */
export const logisticCycling = (): ZooProblem => logistic('logistic-cycling', [3.2, 3.5], 'fails')

/** `z = x e^{−z}`: Lambert's `W(x)`, multiplier `−W(x)`. */
export const lambert = (): ZooProblem => {
  const xs = [0.5, 1, 2, 2.2] // at 2.5 the multiplier is −0.96 and float32 rounding alone keeps Picard above 1e-6
  return zooProblem({
    name: 'lambert',
    summary: "Lambert's W, alternating and slow near x = e.",
    source: 'bisection in float64',
    radius: 0.9009,
    picard: 'converges',
    parameters: xs.map((x) => [x]),
    answers: xs.map((x) => [bisect((z) => z - x * Math.exp(-z), 0, 2)]),
    resolvent: 1,
    apply: (z, x) => tf.mul(x, tf.exp(tf.neg(z))),
  })
}

/** `z = (z + x/z) / 2`: Newton's square root, multiplier 0. */
export const babylonian = (): ZooProblem => {
  const xs = [2, 3, 10, 0.25]
  return zooProblem({
    name: 'babylonian',
    summary: 'Square roots: the derivative vanishes at the answer.',
    source: '√x',
    radius: 0,
    picard: 'converges',
    parameters: xs.map((x) => [x]),
    answers: xs.map((x) => [Math.sqrt(x)]),
    resolvent: 1,
    start: (x) => tf.onesLike(x),
    apply: (z, x) => tf.mul(tf.add(z, tf.div(x, z)), 0.5),
  })
}

/** `z = z − (x z − 1)/2`: `1/x`, the motivating example of the theory; modulus `1 − x/2`. */
export const reciprocal = (): ZooProblem => {
  const xs = [1, 0.5, 0.1]
  return zooProblem({
    name: 'reciprocal',
    summary: '1/x by a regular operator.',
    source: '1/x',
    radius: 0.95,
    picard: 'contractive',
    parameters: xs.map((x) => [x]),
    answers: xs.map((x) => [1 / x]),
    resolvent: 20,
    apply: (z, x) => tf.sub(z, tf.mul(tf.sub(tf.mul(x, z), 1), 0.5)),
  })
}

/** `z = relu(z/2 + x)`: `2x` for positive `x`, else 0. */
export const relu = (): ZooProblem =>
  zooProblem({
    name: 'relu',
    summary: 'A kink, from both sides.',
    source: '2 max(x, 0)',
    radius: 0.5,
    picard: 'contractive',
    parameters: [[1], [-1], [0.3], [-0.02]],
    answers: [[2], [0], [0.6], [0]],
    resolvent: 2,
    lipschitz: 0.5,
    apply: (z, x) => tf.relu(tf.add(tf.mul(z, 0.5), x)),
  })
