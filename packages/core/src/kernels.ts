import * as tf from '@tensorflow/tfjs-core'
import type { Backend, Kernels, LeastSquaresOptions } from '@equilibria/spec'
import { onTape } from '@equilibria/tensor'

/** Below this squared sine a column adds nothing to the newer ones but rounding noise. */
const DEPENDENT = 1e-10

/**
 * Cholesky factor, row by row, of `a[index, index] + λ I` for those of `candidates` whose pivot exceeds `least`. Earlier
 * candidates are preferred: they are the newer columns.
 */
function cholesky(
  a: (i: number, j: number) => number,
  candidates: readonly number[],
  lambda: number,
  least: number,
): { readonly kept: readonly number[]; readonly rows: readonly Float64Array[] } {
  const kept: number[] = []
  const rows: Float64Array[] = []
  for (const i of candidates) {
    const row = new Float64Array(kept.length + 1)
    let pivot = a(i, i) + lambda
    for (let k = 0; k < kept.length; k++) {
      let s = a(i, kept[k]!)
      for (let j = 0; j < k; j++) s -= row[j]! * rows[k]![j]!
      row[k] = s / rows[k]![k]!
      pivot -= row[k]! * row[k]!
    }
    if (!(pivot > least)) continue
    row[kept.length] = Math.sqrt(pivot)
    kept.push(i)
    rows.push(row)
  }
  return { kept, rows }
}

/** One row's inner product, accumulated in float64. */
function dot(p: ArrayLike<number>, q: ArrayLike<number>, from: number, size: number): number {
  let s = 0
  for (let i = from; i < from + size; i++) s += p[i]! * q[i]!
  return s
}

/**
 * One sample's Anderson system, on its Gram matrix `gram` (`m × m`, float64) and right-hand side `right`, on its first `used` columns; `length` is `‖r‖`. Columns are
 * scaled to unit length; those that depend on newer ones are dropped, which is decided before `λ` is added, because `λ`
 * would hide it. Returns `γ` in the caller's units; dropped columns get 0.
 */
function solveNormalised(
  gram: Float64Array,
  right: Float64Array,
  m: number,
  used: number,
  length: number,
  { regularization, cap }: LeastSquaresOptions,
): Float64Array {
  const scale = Float64Array.from({ length: used }, (_, i) => {
    const d = gram[i * m + i]!
    return d > 0 && Number.isFinite(d) ? 1 / Math.sqrt(d) : 0
  })
  const a = (i: number, j: number) => gram[i * m + j]! * scale[i]! * scale[j]!
  const usable = Array.from(scale, (_, i) => i).filter((i) => scale[i] !== 0)
  const { kept: independent } = cholesky(a, usable, 0, DEPENDENT)
  const { kept, rows } = cholesky(a, independent, regularization, 0)
  const n = kept.length
  const y = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    let s = right[kept[i]!]! * scale[kept[i]!]!
    for (let j = 0; j < i; j++) s -= rows[i]![j]! * y[j]!
    y[i] = s / rows[i]![i]!
  }
  for (let i = n - 1; i >= 0; i--) {
    let s = y[i]!
    for (let j = i + 1; j < n; j++) s -= rows[j]![i]! * y[j]!
    y[i] = s / rows[i]![i]!
  }
  const size = y.reduce((s, v) => s + Math.abs(v), 0)
  const most = cap * length
  const shrink = size > most ? most / size : 1
  const gamma = new Float64Array(m)
  if (Number.isFinite(size)) kept.forEach((i, k) => (gamma[i] = y[k]! * shrink * scale[i]!))
  return gamma
}

/**
 * Are the values of tensors in the memory of this machine? Then a plain loop in float64 is faster than the operations it
 * replaces, each of which costs microseconds whatever its size.
 */
const onHost = (): boolean => HOSTS.has(tf.getBackend())
const HOSTS: ReadonlySet<string> = new Set(['cpu', 'wasm'])

/** `‖v‖₂` per row, `[batch]`: scaled first, so that squares neither overflow nor vanish in float32. */
function scaledNorms(v: tf.Tensor2D): tf.Tensor1D {
  const peak = tf.maximum(tf.max(tf.abs(v), 1, true), 1e-30)
  return tf.squeeze(tf.mul(tf.sqrt(tf.sum(tf.square(tf.div(v, peak)), 1, true)), peak), [1])
}

/** The meaning of every kernel, in plain tfjs and float64 on the host. Slow where it must be, right everywhere. */
export const referenceKernels: Kernels = {
  norms: (residual, z) => {
    const parts = [residual, z] as const
    if (!onHost()) return tf.tidy(() => tf.concat(parts.map(scaledNorms)).dataSync() as Float32Array)
    const [batch, size] = residual.shape
    const out = new Float32Array(2 * batch)
    parts.forEach((part, p) => {
      const values = part.dataSync()
      for (let b = 0; b < batch; b++) out[p * batch + b] = Math.sqrt(dot(values, values, b * size, size))
    })
    return out
  },

  leastSquares: (residual, differences, options) => {
    const [batch, size] = residual.shape
    const m = differences.length
    const r = residual.dataSync()
    const d = differences.map((t) => t.dataSync())
    const weights = new Float32Array(batch * m)
    const gram = new Float64Array(m * m)
    const right = new Float64Array(m)
    for (let row = 0; row < batch; row++) {
      const used = Math.min(options.depth?.[row] ?? m, m)
      const from = row * size
      for (let i = 0; i < used; i++) {
        right[i] = dot(d[i]!, r, from, size)
        for (let j = 0; j <= i; j++) gram[i * m + j] = gram[j * m + i] = dot(d[i]!, d[j]!, from, size)
      }
      weights.set(solveNormalised(gram, right, m, used, Math.sqrt(dot(r, r, from, size)), options), row * m)
    }
    return tf.tensor2d(weights, [batch, m])
  },

  combine: (weights, vectors) =>
    onHost() && !onTape() ? combineOnHost(weights, vectors) : combineByOps(weights, vectors),
}

/** The same in tfjs operations, which can be recorded. */
const combineByOps: Kernels['combine'] = (weights, vectors) =>
  tf.tidy(() => {
    const columns = tf.split(weights, vectors.length, 1)
    return tf.addN(vectors.map((v, i) => tf.mul(v, columns[i]!))) as tf.Tensor2D
  })

/** One operation instead of `2m`: a weight of 0 costs nothing, and hides what its vector holds. */
const combineOnHost: Kernels['combine'] = (weights, vectors) => {
  const [batch, size] = vectors[0]!.shape
  const w = weights.dataSync()
  const out = new Float32Array(batch * size)
  const sum = new Float64Array(size)
  const read = vectors.map((v) => v.dataSync())
  for (let b = 0; b < batch; b++) {
    sum.fill(0)
    read.forEach((v, k) => {
      const weight = w[b * vectors.length + k]!
      if (weight === 0) return
      for (let i = 0, at = b * size; i < size; i++, at++) sum[i]! += weight * v[at]!
    })
    out.set(sum, b * size)
  }
  return tf.tensor2d(out, [batch, size])
}

/** The reference kernels as a backend: plain tfjs, right everywhere, what others are judged against. */
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
