import * as tf from '@tensorflow/tfjs-core'
import { certifiedDistance, type CertifiedOperator } from '@equilibria/operators'

/** mulberry32: uniform numbers in (0, 1), the same everywhere. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296
  }
}
export type Random = ReturnType<typeof uniform>
export const normal = (random: Random): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!

/** Big, small and degenerate weights: scales from 0 to 1e10 and shapes that break formulas. */
export function drawValues(random: Random, shape: readonly number[], scales: readonly number[]): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1)
  const scale = pick(random, scales)
  const kind = pick(random, ['dense', 'dense', 'dense', 'single', 'equal', 'rank one', 'mixed', 'zero'])
  const last = shape.at(-1)!
  const rows = Array.from({ length: size / last }, () => normal(random))
  const columns = Array.from({ length: last }, () => normal(random))
  const one = Math.floor(random() * size)
  const values = Float32Array.from({ length: size }, (_, k) => {
    if (kind === 'zero') return 0
    if (kind === 'single') return k === one ? scale : 0
    if (kind === 'equal') return scale
    if (kind === 'rank one') return scale * rows[Math.floor(k / last)]! * columns[k % last]!
    // entries of very different sizes, side by side
    if (kind === 'mixed') return normal(random) * pick(random, scales)
    return scale * normal(random)
  })
  return tf.tensor(values, [...shape])
}
export const WILD = [1e-10, 1e-3, 0.3, 1, 1, 3, 100, 1e10]
export const TAME = [1e-10, 0.1, 1, 1, 2]

/** Every variable of the family drawn anew. */
export function redraw(family: CertifiedOperator<tf.Tensor, tf.Tensor>, random: Random, scales: Scales): void {
  for (const [name, variable] of Object.entries(family.variables))
    tf.tidy(() => variable.assign(drawValues(random, variable.shape, scales[name] ?? scales['*'])))
}
export type Scales = Readonly<Record<string, readonly number[]>> & { readonly '*': readonly number[] }

/** Eigenvalues of a symmetric matrix by Jacobi rotations, in float64. */
export function symmetricEigenvalues(matrix: readonly (readonly number[])[]): number[] {
  const n = matrix.length
  const a = matrix.map((row) => [...row])
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        off += a[p]![q]! ** 2
        if (a[p]![q] === 0) continue
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!)
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1))
        const c = 1 / Math.hypot(t, 1)
        const s = t * c
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[k]![p]!, a[k]![q]!]
          a[k]![p] = c * x - s * y
          a[k]![q] = s * x + c * y
        }
        for (let k = 0; k < n; k++) {
          const [x, y] = [a[p]![k]!, a[q]![k]!]
          a[p]![k] = c * x - s * y
          a[q]![k] = s * x + c * y
        }
      }
    if (off === 0 || off < 1e-300) break
  }
  return a.map((row, i) => row[i]!)
}

/** `‖W‖₂` of `[rows][columns]`, right to some ulp, and owing nothing to the code under test. */
export function norm2(w: readonly (readonly number[])[]): number {
  const scale = Math.max(...w.flat().map(Math.abs))
  if (scale === 0) return 0
  const columns = w[0]!.length
  const gram = Array.from({ length: columns }, (_, i) =>
    Array.from({ length: columns }, (_, j) => w.reduce((s, row) => s + (row[i]! / scale) * (row[j]! / scale), 0)),
  )
  return scale * Math.sqrt(Math.max(...symmetricEigenvalues(gram)))
}

/**
 * The matrix of an affine `z ↦ G(z)`, exactly: images of unit vectors at an input and a bias of zero are sums with one
 * term that is not zero.
 */
export function matrixOf(
  family: CertifiedOperator<tf.Tensor, tf.Tensor> | CertifiedOperator<tf.Tensor2D, tf.Tensor2D>,
  input: readonly number[],
): number[][] {
  const loose = family as CertifiedOperator<tf.Tensor, tf.Tensor>
  return tf.tidy(() => {
    family.variables['bias']!.assign(tf.zerosLike(family.variables['bias']!))
    const shape = (loose.bind(tf.zeros([1, ...input])).initial() as tf.Tensor).shape.slice(1)
    const size = shape.reduce((a, b) => a * b, 1)
    const bound = loose.bind(tf.zeros([size, ...input]))
    const images = bound.apply(tf.reshape(tf.eye(size), [size, ...shape])) as tf.Tensor
    const values = images.dataSync()
    return Array.from({ length: size }, (_, i) => Array.from(values.slice(i * size, (i + 1) * size)))
  })
}

/** Rows of a tensor, packed. */
export function rowsOf(t: tf.Tensor): Float32Array[] {
  const values = t.dataSync<'float32'>()
  const size = values.length / t.shape[0]!
  return Array.from({ length: t.shape[0]! }, (_, b) => values.slice(b * size, (b + 1) * size))
}

/** Distance of each pair of rows in the norm of the certificate. */
export const distances = (
  certificate: Parameters<typeof certifiedDistance>[0],
  a: tf.Tensor,
  b: tf.Tensor,
): number[] => {
  const other = rowsOf(b)
  return rowsOf(a).map((row, k) => certifiedDistance(certificate, row, other[k]!))
}

/** The unit roundoff of float32. */
export const U = 2 ** -24
