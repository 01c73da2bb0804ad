import * as tf from '@tensorflow/tfjs-core'
import { inverse } from '../parameters/inverse.ts'
import { remembered } from '../parameters/remembered.ts'
import { frobenius, heldBelow, scaledBelow } from '../parameters/scaled-below.ts'
import { spectralBound, spectralMeasure } from '../parameters/spectral-bound.ts'

/**
 * A free weight made into a matrix with `‖W‖₂ ≤ limit`, in float32, as it is used; on the tape. Each belongs to one weight:
 * it remembers what it last computed on the host.
 */
export type BoundedMatrix = (weight: tf.Tensor2D) => tf.Tensor2D

/** How a matrix is kept below its limit. */
export type NormaliserName = 'spectral' | 'aol' | 'cayley'

/** `V · limit / max(limit, ‖V‖₂)`: every matrix of norm up to `limit`. */
export function spectralMatrix(rows: number, columns: number, limit: number): BoundedMatrix {
  const measured = remembered((values) => ({
    measure: spectralMeasure(values, rows, columns),
    size: frobenius(values),
  }))
  return (weight) => {
    const { measure, size } = measured(weight.dataSync())
    return scaledBelow(weight, limit, measure, size) as tf.Tensor2D
  }
}

/** Sums below this, of a `V` whose largest entry is 1, are not divided by: keeps the gradient finite at zero columns. */
const LEAST = 1e-8

/** `limit · V diag(Σₖ |VᵀV|ⱼₖ)^{−1/2}`: almost orthogonal columns. */
export function aolMatrix(rows: number, columns: number, limit: number): BoundedMatrix {
  const bound = remembered((values) => {
    const quick = spectralBound(values, rows, columns)
    if (quick <= limit) return quick
    // Orthogonal columns are what training leads to, and where a Schatten norm is furthest off.
    return Math.min(spectralBound(values, rows, columns, 20), nearOrthogonal(values, rows, columns, limit))
  })
  return (weight) => {
    // The formula does not see the scale of V: dividing by a constant changes neither value nor gradient.
    const largest = weight.dataSync<'float32'>().reduce((a, b) => Math.max(a, Math.abs(b)), 0)
    const v = tf.div(weight, largest > 0 ? largest : 1)
    const gram = tf.matMul(tf.transpose(v), v)
    const scaled = tf.mul(tf.mul(v, tf.rsqrt(tf.maximum(tf.sum(tf.abs(gram), 0), LEAST))), limit)
    const values = scaled.dataSync()
    return heldBelow(scaled, limit, bound(values), frobenius(values)) as tf.Tensor2D
  }
}

/** `limit · (I − A)(I + A)⁻¹`, `A = V − Vᵀ`: orthogonal matrices without the eigenvalue −1, times `limit`. */
export function cayleyMatrix(size: number, limit: number): BoundedMatrix {
  const bound = remembered((values) => nearOrthogonal(values, size, size, limit))
  return (weight) => {
    const eye = tf.eye(size)
    const skew = tf.sub(weight, tf.transpose(weight))
    const orthogonal = tf.sub(tf.mul(inverse(tf.add(eye, skew)), 2), eye)
    const scaled = tf.mul(orthogonal, limit)
    const values = scaled.dataSync()
    return heldBelow(scaled, limit, bound(values), frobenius(values)) as tf.Tensor2D
  }
}

/** The one of this name, for a square weight. */
export function boundedMatrix(name: NormaliserName, size: number, limit: number): BoundedMatrix {
  if (name === 'cayley') return cayleyMatrix(size, limit)
  return (name === 'aol' ? aolMatrix : spectralMatrix)(size, size, limit)
}

/** `‖W‖₂² ≤ c² + ‖WᵀW − c²I‖_F`, rounded up: sharp where `W` is `c` times an orthogonal matrix. */
function nearOrthogonal(values: Float32Array, rows: number, n: number, c: number): number {
  let defect = 0
  const size = frobenius(values) ** 2
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let product = i === j ? -c * c : 0
      for (let k = 0; k < rows; k++) product += values[k * n + i]! * values[k * n + j]!
      defect += product * product
    }
  const rounding = (rows + 4) * 2 ** -52 * (size + n * c * c)
  return Math.sqrt((c * c + Math.sqrt(defect) + rounding) * (1 + (n * n + 8) * 2 ** -52))
}
