import * as tf from '@tensorflow/tfjs-core'
import { repair, sumTo, type Repair } from './repair.ts'

const flip = (t: tf.Tensor): tf.Tensor => {
  const axes = t.shape.map((_, i) => i)
  const [m, n] = axes.splice(-2) as [number, number]
  return tf.transpose(t, [...axes, n, m])
}

/**
 * Transpose flags are slow in the wasm kernel and fast in the others: against them, explicit transposes were 4 to 9
 * times faster on wasm, and 1.3 to 1.6 times slower on cpu (tooling/bench, mat-mul-gradient).
 */
const product = (x: tf.Tensor, y: tf.Tensor, flipX: boolean, flipY: boolean): tf.Tensor =>
  tf.getBackend() === 'wasm' ? tf.matMul(flipX ? flip(x) : x, flipY ? flip(y) : y) : tf.matMul(x, y, flipX, flipY)

/**
 * `y = A B` gives `dA = dy Bᵀ`, `dB = Aᵀ dy`. tfjs asks for both with transpose flags, everywhere, and forgets to sum
 * over broadcast batch axes.
 */
export const matMul: Repair = repair<{ transposeA: boolean; transposeB: boolean }>(
  'BatchMatMul',
  { inputs: ['a', 'b'] },
  (dy, [a, b], { transposeA, transposeB }) => ({
    a: () => sumTo(transposeA ? product(b!, dy, transposeB, true) : product(dy, b!, false, !transposeB), a!.shape),
    b: () => sumTo(transposeB ? product(dy, a!, true, transposeA) : product(a!, dy, !transposeA, false), b!.shape),
  }),
)
