import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { defineOperator } from '@equilibria/core'

/** Runs `fn` in a tidy, and insists that nothing is left. */
export const leakless = (fn: () => void): void => {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    fn()
  })
  expect(tf.memory().numTensors - before).toBe(0)
}

/** Largest difference, over the largest wanted size (at least 1). */
export function off(got: tf.Tensor | ArrayLike<number>, want: readonly number[]): number {
  const values = got instanceof tf.Tensor ? Array.from(got.dataSync()) : Array.from(got)
  expect(values).toHaveLength(want.length)
  const scale = Math.max(1, ...want.map(Math.abs))
  return Math.max(...values.map((v, i) => Math.abs(v - want[i]!) / scale))
}

/** `∂f/∂pᵢ` by central differences in float64: for `f` smooth of size 1, exact to about `1e-9`. */
export const slopes = (f: (p: readonly number[]) => number, at: readonly number[], h = 1e-5): number[] =>
  at.map((_, i) => {
    const moved = (d: number) => f(at.map((v, j) => (j === i ? v + d : v)))
    return (moved(h) - moved(-h)) / (2 * h)
  })

export type Rows = readonly (readonly number[])[]

/** Dense linear system in float64, by elimination with row exchanges. */
export function solveDense(A: Rows, b: readonly number[]): number[] {
  const n = b.length
  const M = A.map((row, i) => [...row, b[i]!])
  for (let k = 0; k < n; k++) {
    const pivot = M.slice(k).reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(M[best]![k]!) ? k + i : best), k)
    ;[M[k], M[pivot]] = [M[pivot]!, M[k]!]
    for (let i = 0; i < n; i++) {
      if (i === k) continue
      const f = M[i]![k]! / M[k]![k]!
      for (let j = k; j <= n; j++) M[i]![j] = M[i]![j]! - f * M[k]![j]!
    }
  }
  return M.map((row, i) => row[n]! / row[i]!)
}

/** `z = tanh(z W + x)` in float64, row by row: the state, and `J` with `J[i][j] = ∂Gᵢ/∂zⱼ`. */
export function hostDeq(W: Rows, x: readonly number[]): { z: number[]; J: number[][] } {
  let z = x.map(() => 0)
  for (let k = 0; k < 400; k++) z = x.map((xi, i) => Math.tanh(xi + z.reduce((s, zj, j) => s + zj * W[j]![i]!, 0)))
  return { z, J: z.map((zi, i) => z.map((_, j) => (1 - zi * zi) * W[j]![i]!)) }
}

/** `dz/dx` of the same, `(I − J)⁻¹ diag(1 − z²)`; entry `[i][k]` is `∂zᵢ/∂xₖ`. */
export function hostSlope(W: Rows, x: readonly number[]): number[][] {
  const { z, J } = hostDeq(W, x)
  const A = J.map((row, i) => row.map((v, j) => Number(i === j) - v))
  const columns = x.map((_, k) =>
    solveDense(
      A,
      x.map((_, i) => (i === k ? 1 - z[i]! ** 2 : 0)),
    ),
  )
  return x.map((_, i) => x.map((_, k) => columns[k]![i]!))
}

export const W3: Rows = [
  [0.3, -0.4, 0.2],
  [0.5, 0.1, -0.3],
  [-0.2, 0.4, 0.25],
]
export const X2: Rows = [
  [0.5, -0.2, 0.8],
  [-1, 0.3, 0.1],
]
export const square = (flat: readonly number[]): number[][] => [0, 1, 2].map((i) => flat.slice(3 * i, 3 * i + 3))

/** The same map on tensors, with weights that it closes over. */
export const tensorDeq = (W: tf.Tensor) =>
  defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'tanh',
    initial: (x) => tf.zerosLike(x),
    apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, W as tf.Tensor2D), x)),
  })
