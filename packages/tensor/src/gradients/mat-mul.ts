import * as tf from '@tensorflow/tfjs-core'
import { repair, sumTo, type Repair } from './repair.ts'

const flip = (t: tf.Tensor): tf.Tensor => {
  const axes = t.shape.map((_, i) => i)
  const [m, n] = axes.splice(-2) as [number, number]
  return tf.transpose(t, [...axes, n, m])
}

/**
 * `y = A B` gives `dA = dy Bᵀ`, `dB = Aᵀ dy`. tfjs asks for both with transpose flags, which its wasm kernel serves
 * one row at a time: an explicit transpose is several times faster there (tooling/bench has the figures). It also
 * forgets to sum over broadcast batch axes.
 */
export const matMul: Repair = repair<{ transposeA: boolean; transposeB: boolean }>(
  'BatchMatMul',
  { inputs: ['a', 'b'] },
  (dy, [a, b], { transposeA, transposeB }) => {
    const left = (): tf.Tensor => (transposeA ? flip(a!) : a!) // A, as multiplied
    const right = (): tf.Tensor => (transposeB ? flip(b!) : b!) // B, as multiplied
    const leftT = (): tf.Tensor => (transposeA ? a! : flip(a!))
    const rightT = (): tf.Tensor => (transposeB ? b! : flip(b!))
    return {
      a: () => sumTo(transposeA ? tf.matMul(right(), flip(dy)) : tf.matMul(dy, rightT()), a!.shape),
      b: () => sumTo(transposeB ? tf.matMul(flip(dy), left()) : tf.matMul(leftT(), dy), b!.shape),
    }
  },
)
