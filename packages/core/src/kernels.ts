import * as tf from '@tensorflow/tfjs-core'
import type { Backend, Kernels, LeastSquaresOptions } from '@equilibria/spec'

/**
 * One sample's Anderson system, on its Gram matrix `a` (`m × m`, float64, overwritten) and right-hand side `b`.
 * Columns are scaled to unit length, `λ` is added, and Cholesky drops every column whose pivot says it depends on the
 * newer ones. Returns `γ` in the caller's units; dropped columns get 0.
 */
function solveNormalised(
  a: Float64Array,
  b: Float64Array,
  m: number,
  { regularization, cap }: LeastSquaresOptions,
): Float64Array {
  const PIVOT = 1e-10 // below: the column adds nothing but rounding noise
  const scale = Float64Array.from({ length: m }, (_, i) => {
    const d = a[i * m + i]!
    return d > 0 && Number.isFinite(d) ? 1 / Math.sqrt(d) : 0
  })
  const kept: number[] = []
  const rows: Float64Array[] = []
  for (let i = 0; i < m; i++) {
    if (scale[i] === 0) continue
    const row = new Float64Array(kept.length + 1)
    for (let k = 0; k < kept.length; k++) {
      let s = a[i * m + kept[k]!]! * scale[i]! * scale[kept[k]!]!
      for (let j = 0; j < k; j++) s -= row[j]! * rows[k]![j]!
      row[k] = s / rows[k]![k]!
    }
    let pivot = 1 + regularization
    for (let j = 0; j < kept.length; j++) pivot -= row[j]! * row[j]!
    if (!(pivot > PIVOT)) continue
    row[kept.length] = Math.sqrt(pivot)
    kept.push(i)
    rows.push(row)
  }
  const n = kept.length
  const y = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    let s = b[kept[i]!]! * scale[kept[i]!]!
    for (let j = 0; j < i; j++) s -= rows[i]![j]! * y[j]!
    y[i] = s / rows[i]![i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    let s = y[i]!
    for (let j = i + 1; j < n; j++) s -= rows[j]![i]! * y[j]!
    y[i] = s / rows[i]![i]!
  }
  const size = y.reduce((s, v) => s + Math.abs(v), 0)
  const shrink = size > cap ? cap / size : 1
  const gamma = new Float64Array(m)
  if (Number.isFinite(size)) kept.forEach((i, k) => (gamma[i] = y[k]! * shrink * scale[i]!))
  return gamma
}

/** The meaning of every kernel, in plain tfjs and float64 on the host. Slow where it must be, right everywhere. */
export const referenceKernels: Kernels = {
  norms: (residual, z) =>
    tf.tidy(() => tf.concat([tf.norm(residual, 2, 1), tf.norm(z, 2, 1)]).dataSync() as Float32Array),

  leastSquares: (residual, differences, options) => {
    const [batch, size] = residual.shape
    const m = differences.length
    const r = residual.dataSync()
    const d = differences.map((t) => t.dataSync())
    const weights = new Float32Array(batch * m)
    for (let row = 0; row < batch; row++) {
      const from = row * size
      const dot = (p: ArrayLike<number>, q: ArrayLike<number>) => {
        let s = 0
        for (let i = from; i < from + size; i++) s += p[i]! * q[i]!
        return s
      }
      const gram = new Float64Array(m * m)
      for (let i = 0; i < m; i++) for (let j = 0; j <= i; j++) gram[i * m + j] = gram[j * m + i] = dot(d[i]!, d[j]!)
      const right = Float64Array.from(d, (column) => dot(column, r))
      weights.set(solveNormalised(gram, right, m, options), row * m)
    }
    return tf.tensor2d(weights, [batch, m])
  },

  combine: (weights, vectors) =>
    tf.tidy(() => {
      const columns = tf.split(weights, vectors.length, 1)
      return tf.addN(vectors.map((v, i) => tf.mul(v, columns[i]!))) as tf.Tensor2D
    }),
}

export const referenceBackend: Backend = {
  kind: 'backend',
  spec: 1,
  name: 'reference',
  features: ['float32', 'sync-readback'],
  kernels: referenceKernels,
  dispose() {},
}

/** Every kernel of a backend, the missing ones taken from the reference. */
export const resolveKernels = (backend: Backend): Kernels => ({ ...referenceKernels, ...backend.kernels })
