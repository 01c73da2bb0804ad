import * as tf from '@tensorflow/tfjs-core'
import type { Memory, TensorTree, Vector } from '@equilibria/spec'
import { EquilibriaError } from './errors.ts'
import { scoped } from './scope.ts'

/**
 * Leaves in a fixed order: array index, then object key as written (integer-like keys first, as everywhere in
 * JavaScript). Numbers and `null` in a solver's memory are not leaves.
 */
export function leaves(tree: TensorTree | Memory): tf.Tensor[] {
  if (tree === null || typeof tree === 'number') return []
  if (tree instanceof tf.Tensor) return [tree]
  return Object.values(tree).flatMap(leaves)
}

/** The structure of `like` with the leaves `next`, in the order of {@link leaves}; numbers and `null` are copied. */
export function rebuild<T extends TensorTree | Memory>(like: T, next: readonly tf.Tensor[]): T {
  let i = 0
  const walk = (node: TensorTree | Memory): TensorTree | Memory => {
    if (node === null || typeof node === 'number') return node
    if (node instanceof tf.Tensor) return next[i++]!
    if (Array.isArray(node)) return (node as readonly TensorTree[]).map(walk) as readonly TensorTree[]
    return Object.fromEntries(Object.entries(node).map(([k, v]) => [k, walk(v)])) as { [key: string]: TensorTree }
  }
  return walk(like) as T
}

/** Shapes of the leaves, for messages: `(2,3) (2,5)`. */
export const shapeOf = (tree: TensorTree): string =>
  leaves(tree)
    .map((t) => `(${t.shape})`)
    .join(' ')

/**
 * These rows of every leaf, in this order; a row may be taken more than once. Leaves are `[batch, …]`; the result is
 * new, `[rows.length, …]`, and belongs to the caller (or its `tidy`).
 *
 * @throws EquilibriaError `shape` when a leaf has no such row
 */
export function takeRows<T extends TensorTree | Memory>(tree: T, rows: readonly number[]): T {
  const all = leaves(tree)
  const least = Math.min(...all.map((t) => t.shape[0] ?? 0))
  const wrong = all.length === 0 ? undefined : rows.find((row) => !(Number.isInteger(row) && row >= 0 && row < least))
  if (wrong !== undefined)
    throw new EquilibriaError(
      'shape',
      `takeRows() was asked for row ${wrong} of a tree with leaves ${all.map((t) => `(${t.shape})`).join(' ')}.`,
      `Every leaf must be [batch, …], and rows whole numbers from 0 to ${least - 1}.`,
    )
  return scoped(() => {
    const index = tf.tensor1d([...rows], 'int32')
    return rebuild(
      tree,
      all.map((t) => tf.gather(t, index)),
    )
  })
}

/** How one tree is laid out as `[batch, size]`. */
export interface Packing<S extends TensorTree> {
  readonly batch: number
  /** Entries per sample, over all leaves. */
  readonly size: number
  /**
   * A state of the template's structure to `[batch, size]`, float32, leaf after leaf. New; owned by the caller.
   * @throws EquilibriaError `shape` when it has other leaves than the template
   */
  pack(state: S): Vector
  /**
   * Back again. Batch may differ from the template's: rows are what they are. New tensors, owned by the caller.
   * @throws EquilibriaError `shape` when `z` is not `[…, size]`
   */
  unpack(z: Vector): S
}

/**
 * How to lay one tree out as `[batch, size]`, leaf after leaf. A single-tensor state costs only a reshape.
 * Every leaf must be float32 `[batch, …]` with one `batch`; a leaf of rank 0 counts as a batch of one, and comes back as
 * rank 0.
 *
 * @throws EquilibriaError `shape` when leaves share no batch, are not float32, or there are none
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { packing } from '@equilibria/tensor'
 *
 * const state = { position: tf.ones([4, 3]), mass: tf.ones([4]) }
 * const { size, pack, unpack } = packing(state)
 * console.log(size, pack(state).shape, unpack(pack(state)).mass.shape) // 4, [4, 4], [4]
 * ```
 */
export function packing<S extends TensorTree>(like: S): Packing<S> {
  const all = leaves(like)
  const shapes = all.map((t) => t.shape)
  const batchOf = (s: readonly number[]): number => (s.length === 0 ? 1 : s[0]!)
  const batch = shapes[0] && batchOf(shapes[0])
  if (batch === undefined || shapes.some((s) => batchOf(s) !== batch))
    throw new EquilibriaError(
      'shape',
      `A state needs leaves [batch, …] that share one batch; got ${shapeOf(like) || 'no tensor at all'}.`,
      'Give every leaf a leading batch axis, of length 1 (or none, for a single number) for a single sample.',
    )
  const odd = all.find((t) => t.dtype !== 'float32')
  if (odd)
    throw new EquilibriaError(
      'shape',
      `A state is float32; got a leaf (${odd.shape}) of ${odd.dtype}.`,
      "Cast it with tf.cast(leaf, 'float32'), or make it part of the input.",
    )
  const tails = shapes.map((s) => s.slice(1))
  const sizes = tails.map((s) => s.reduce((a, b) => a * b, 1))
  const size = sizes.reduce((a, b) => a + b, 0)
  const scalar = shapes.map((s) => s.length === 0)
  const template = rebuild(like, all) // structure only; tensors inside are never read

  function check(parts: readonly tf.Tensor[]): void {
    const rows = parts[0] && batchOf(parts[0].shape)
    const fits = ({ shape }: tf.Tensor, i: number) =>
      (shape.length === 0) === scalar[i] && batchOf(shape) === rows && shape.slice(1).join() === tails[i]?.join()
    if (parts.length === tails.length && parts.every(fits)) return
    throw new EquilibriaError(
      'shape',
      `A state ${parts.map((t) => `(${t.shape})`).join(' ')} was packed like ${shapeOf(template)}.`,
      'Pass a state of the structure and shapes (but for the batch) that packing() was given.',
    )
  }

  return {
    batch,
    size,
    pack: (state) =>
      scoped(() => {
        const parts = leaves(state)
        check(parts)
        const flat = parts.map((t, i) => tf.reshape(t, [batchOf(t.shape), sizes[i]!]) as Vector)
        return flat.length === 1 ? flat[0]! : (tf.concat(flat, 1) as Vector)
      }),
    unpack: (z) => {
      if (z.shape[1] !== size || z.shape.length !== 2)
        throw new EquilibriaError(
          'shape',
          `A vector (${z.shape}) was unpacked to a state of ${size} entries per sample.`,
          `Pass [batch, ${size}].`,
        )
      if (z.shape[0] !== 1 && scalar.includes(true))
        throw new EquilibriaError(
          'shape',
          `A vector (${z.shape}) was unpacked to a state with a leaf of rank 0, which is one sample.`,
          'Give that leaf a batch axis.',
        )
      return scoped(() => {
        const parts = sizes.length === 1 ? [z] : (tf.split(z, sizes, 1) as tf.Tensor[])
        return rebuild(
          template,
          parts.map((p, i) => tf.reshape(p, scalar[i] ? [] : [z.shape[0], ...tails[i]!])),
        )
      })
    },
  }
}
