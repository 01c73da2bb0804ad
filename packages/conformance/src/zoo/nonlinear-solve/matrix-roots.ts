import * as tf from '@tensorflow/tfjs-core'
import { nonlinearSystem, type NonlinearSystem } from './problem.ts'

/** `X² = A` with `A` a Jordan block of eigenvalue 1e-4 (and a third row): the unknowns at the root are 0.01 and 50. */
export const matrixRoots = (): NonlinearSystem[] => [
  squareRoot('hammarling-2x2', 15, [
    [1e-4, 1],
    [0, 1e-4],
  ]),
  squareRoot('hammarling-3x3', 16, [
    [1e-4, 1, 0],
    [0, 1e-4, 0],
    [0, 0, 1e-4],
  ]),
]

function squareRoot(name: string, number: number, A: number[][]): NonlinearSystem {
  const m = A.length
  const entries = A.flat()
  const root = entries.map((a, i) => (a === 1 ? 50 : i % (m + 1) === 0 ? 0.01 : 0))
  return nonlinearSystem({
    name,
    number,
    summary: `A square root of a nearly nilpotent ${m} × ${m} matrix.`,
    source: 'burkardt-test-nonlin',
    start: entries.map((_, i) => (i % (m + 1) === 0 ? 1 : 0)),
    roots: [root, root.map((v) => -v)],
    host: (z) =>
      entries.map((a, p) => {
        const [i, j] = [Math.floor(p / m), p % m]
        let s = -a
        for (let k = 0; k < m; k++) s += z[i * m + k]! * z[k * m + j]!
        return s
      }),
    f: (z) => {
      const X = tf.reshape(z, [-1, m, m])
      return tf.sub(tf.reshape(tf.matMul(X, X), [-1, m * m]), tf.tensor2d([entries]))
    },
  })
}
