import * as tf from '@tensorflow/tfjs-core'
import type { Linearization, Vector } from '@equilibria/spec'
import { offTape, scoped } from '@equilibria/tensor'
import { normal } from '../statistics/random.ts'

/** One vector per sample in float64 on the host, row after row. */
export type Rows = Float64Array

/** A product with a Jacobian, all samples at once: computed in float32, everything around it in float64. */
export type Product = (v: Rows) => Rows

/** `v ↦ J v` (or `Jᵀ v`) on the host, for vectors of `[batch, size]` in. */
export const hostProduct =
  (product: (v: Vector) => Vector, batch: number): Product =>
  (v) =>
    offTape(() =>
      scoped(() => Float64Array.from(product(tf.tensor2d(Float32Array.from(v), [batch, v.length / batch])).dataSync())),
    )

/** The same random direction for every row: a row's answer does not hang on its place in the batch. */
export function startRows(batch: number, size: number, seed: number): Rows {
  const draw = normal(seed)
  const one = Float64Array.from({ length: size }, draw)
  const rows = new Float64Array(batch * size)
  for (let b = 0; b < batch; b++) rows.set(one, b * size)
  normalize(rows, batch)
  return rows
}

/** Scale every row to length 1 in place; zero and non-finite rows become zero. Returns the lengths. */
export function normalize(v: Rows, batch: number): Float64Array {
  const size = v.length / batch
  return Float64Array.from({ length: batch }, (_, b) => {
    const row = v.subarray(b * size, (b + 1) * size)
    let most = 0
    let sum = 0 // finds NaN, which Math.max(…, NaN) would too, but not the comparison of a loop
    for (const x of row) {
      sum += x
      most = Math.max(most, Math.abs(x))
    }
    if (!Number.isFinite(sum) || !Number.isFinite(most) || most === 0) {
      const length = most === 0 ? 0 : Number.NaN
      row.fill(0)
      return length
    }
    let squares = 0
    for (const x of row) squares += (x / most) ** 2
    const length = most * Math.sqrt(squares)
    for (let i = 0; i < size; i++) row[i]! /= length
    return length
  })
}

/** Subtract from row `b` of `w` its parts along these unit vectors, twice; returns the coefficients. */
export function orthogonalize(w: Rows, basis: readonly Rows[], b: number, size: number): Float64Array {
  const coefficients = new Float64Array(basis.length)
  const from = b * size
  for (let pass = 0; pass < 2; pass++)
    basis.forEach((v, k) => {
      let dot = 0
      for (let i = from; i < from + size; i++) dot += w[i]! * v[i]!
      coefficients[k]! += dot
      for (let i = from; i < from + size; i++) w[i]! -= dot * v[i]!
    })
  return coefficients
}

/** What every estimator takes: products, and the shape of the state. */
export interface Jacobian {
  readonly batch: number
  readonly size: number
  /** `J v`. */
  readonly forward: Product
  /** `Jᵀ u`. */
  readonly back: Product
}

export const jacobianOf = (linear: Pick<Linearization, 'vjp' | 'jvp'>, like: Vector): Jacobian => ({
  batch: like.shape[0],
  size: like.shape[1],
  forward: hostProduct((v) => linear.jvp(v), like.shape[0]),
  back: hostProduct((u) => linear.vjp(u), like.shape[0]),
})
