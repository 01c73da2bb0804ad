import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'

/** Names and shapes of a model's weights, in a fixed order. Matrices are `[out, in]`, as in the reference. */
export type Shapes = Readonly<Record<string, readonly number[]>>
export type Parameters = Readonly<Record<string, tf.Variable>>

/** Orthogonal matrices, zero vectors, from a seed; the caller disposes. */
export function orthogonalParameters(shapes: Shapes, seed: number): Parameters {
  const random = gaussian(seed)
  return createParameters(shapes, (shape) =>
    shape.length === 2 ? orthogonal(shape[0]!, shape[1]!, random) : new Float32Array(shape[0]!),
  )
}

/** One variable per name, from host values. */
export function createParameters(
  shapes: Shapes,
  values: (shape: readonly number[], name: string) => Float32Array,
): Parameters {
  return tf.tidy(
    () =>
      Object.fromEntries(
        Object.entries(shapes).map(([name, shape]) => [
          name,
          tf.variable(tf.tensor(values(shape, name), [...shape]), true),
        ]),
      ) as never,
  ) as Parameters
}

export const countParameters = (shapes: Shapes): number =>
  Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)

/**
 * Copies weights by name into a model's variables: `[out, in]` matrices, `[out]` vectors.
 *
 * @throws EquilibriaError naming the first weight that is missing, unknown or of another shape; nothing is written then
 */
export function loadParameters(parameters: Parameters, weights: Readonly<Record<string, tf.Tensor>>): void {
  for (const [name, variable] of Object.entries(parameters)) {
    const given = weights[name]
    if (given?.shape.join() !== variable.shape.join())
      throw new EquilibriaError(
        'shape',
        given
          ? `Weight "${name}" has shape (${given.shape}); the model needs (${variable.shape}).`
          : `There is no weight "${name}" among ${Object.keys(weights).length} given ones.`,
        'Build the model at the width the weights were trained with.',
      )
  }
  const unknown = Object.keys(weights).find((name) => !(name in parameters))
  if (unknown !== undefined)
    throw new EquilibriaError('shape', `The model has no weight "${unknown}".`, 'Pass the weights of this model only.')
  for (const [name, variable] of Object.entries(parameters)) variable.assign(weights[name]!)
}

/** Standard normal numbers from a 32-bit seed (mulberry32, Box–Muller). */
export function gaussian(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296
  }
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** `[rows, columns]` with orthonormal rows or columns, whichever are fewer (Gram–Schmidt on Gaussian vectors). */
function orthogonal(rows: number, columns: number, random: () => number): Float32Array {
  const [count, length] = rows <= columns ? [rows, columns] : [columns, rows]
  const basis: Float64Array[] = []
  while (basis.length < count) {
    const v = Float64Array.from({ length }, random)
    // twice is enough: the second pass removes what rounding left behind
    for (let pass = 0; pass < 2; pass++)
      for (const u of basis) {
        const along = u.reduce((s, x, i) => s + x * v[i]!, 0)
        u.forEach((x, i) => (v[i]! -= along * x))
      }
    const norm = Math.sqrt(v.reduce((s, x) => s + x * x, 0))
    if (norm > 1e-6) basis.push(v.map((x) => x / norm))
  }
  const out = new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[i * columns + j] = rows <= columns ? basis[i]![j]! : basis[j]![i]!
  return out
}
