import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'

/** `I − J` of one row: `n × n`, row after row, float64. */
export type Matrix = Float64Array

/**
 * `I − J` of every row, from one product per column, read back at once.
 *
 * @cost `size` products with `J`, `size` stored vectors for the moment
 */
export function materialise(jvp: (v: Vector) => Vector, batch: number, size: number): Matrix[] {
  const flat = tf.tidy(() => {
    const columns = Array.from({ length: size }, (_, j) => {
      const unit = new Float32Array(size)
      unit[j] = 1
      return jvp(tf.tile(tf.tensor2d(unit, [1, size]), [batch, 1]))
    })
    return tf.stack(columns, 2).dataSync() // [batch, size, size], float32
  })
  return Array.from({ length: batch }, (_, b) => {
    const a = Float64Array.from(flat.subarray(b * size * size, (b + 1) * size * size), (v) => -v)
    for (let i = 0; i < size; i++) a[i * size + i]! += 1
    return a
  })
}

/** Lengths of the columns of `a`; 1 for a column of zeros. */
export function columnNorms(a: Matrix, n: number): Float64Array {
  const norms = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    let peak = 0
    for (let i = 0; i < n; i++) peak = Math.max(peak, Math.abs(a[i * n + j]!))
    let s = 0
    if (peak > 0) for (let i = 0; i < n; i++) s += (a[i * n + j]! / peak) ** 2
    norms[j] = peak * Math.sqrt(s) || 1
  }
  return norms
}

/** `a x`. */
export const times = (a: Matrix, x: ArrayLike<number>, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => {
    let s = 0
    for (let j = 0; j < n; j++) s += a[i * n + j]! * x[j]!
    return s
  })

/**
 * The minimiser of `‖a d − b‖² + damping · ‖diag(scale) d‖²`, by Householder QR in the coordinates `diag(scale) d`, so that
 * the units of the unknowns do not matter. `pivot` is the smallest diagonal entry of `R` in those coordinates, relative to
 * the largest: below the rounding of `a` the matrix cannot be told from a singular one.
 */
export function dampedLeastSquares(
  a: Matrix,
  b: ArrayLike<number>,
  n: number,
  scale: ArrayLike<number>,
  damping: number,
): { readonly d: Float64Array; readonly pivot: number } {
  const rows = damping > 0 ? 2 * n : n
  const q = new Float64Array(rows * n)
  const y = new Float64Array(rows)
  for (let i = 0; i < n; i++) {
    y[i] = b[i]!
    for (let j = 0; j < n; j++) q[i * n + j] = a[i * n + j]! / scale[j]!
  }
  if (damping > 0) for (let j = 0; j < n; j++) q[(n + j) * n + j] = Math.sqrt(damping)
  const diagonal = new Float64Array(n)
  for (let k = 0; k < n; k++) {
    let peak = 0
    for (let i = k; i < rows; i++) peak = Math.max(peak, Math.abs(q[i * n + k]!))
    if (!(peak > 0)) continue // a column of zeros, or NaN: its unknown stays 0
    let s = 0
    for (let i = k; i < rows; i++) s += (q[i * n + k]! / peak) ** 2
    const length = peak * Math.sqrt(s)
    const head = q[k * n + k]!
    const alpha = head > 0 ? -length : length
    diagonal[k] = alpha
    q[k * n + k] = head - alpha // the reflector, in place
    const beta = alpha * (alpha - head) // ‖reflector‖² / 2
    const reflect = (get: (i: number) => number, set: (i: number, v: number) => void) => {
      let dot = 0
      for (let i = k; i < rows; i++) dot += q[i * n + k]! * get(i)
      for (let i = k; i < rows; i++) set(i, get(i) - (dot / beta) * q[i * n + k]!)
    }
    for (let j = k + 1; j < n; j++)
      reflect(
        (i) => q[i * n + j]!,
        (i, v) => (q[i * n + j] = v),
      )
    reflect(
      (i) => y[i]!,
      (i, v) => (y[i] = v),
    )
  }
  const sizes = Array.from(diagonal, Math.abs)
  const d = new Float64Array(n)
  for (let i = n - 1; i >= 0; i--) {
    if (diagonal[i] === 0) continue
    let s = y[i]!
    for (let j = i + 1; j < n; j++) s -= q[i * n + j]! * d[j]!
    d[i] = s / diagonal[i]!
  }
  for (let j = 0; j < n; j++) d[j]! /= scale[j]!
  return { d, pivot: Math.min(...sizes) / Math.max(...sizes) }
}
