import * as tf from '@tensorflow/tfjs-core'
import type { Memory, TensorTree, Vector } from '@equilibria/spec'
import { EquilibriaError } from './errors.ts'

/** Leaves in a fixed order: array index, then object key as written. */
export function leaves(tree: TensorTree | Memory): tf.Tensor[] {
  if (tree === null || typeof tree === 'number') return []
  if (tree instanceof tf.Tensor) return [tree]
  return Object.values(tree).flatMap(leaves)
}

/** Same structure, new leaves. */
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

/** These rows of every leaf, in this order. Leaves are `[batch, …]`; the result is new. */
export function takeRows<T extends TensorTree | Memory>(tree: T, rows: readonly number[]): T {
  return tf.tidy(() => {
    const index = tf.tensor1d(rows as number[], 'int32')
    return rebuild(
      tree,
      leaves(tree).map((t) => tf.gather(t, index)),
    ) as never
  }) as T
}

/** How one tree is laid out as `[batch, size]`. */
export interface Packing<S extends TensorTree> {
  readonly batch: number
  readonly size: number
  pack(state: S): Vector
  /** Batch may differ from the template's: rows are what they are. */
  unpack(z: Vector): S
}

/**
 * How to lay one tree out as `[batch, size]`, leaf after leaf. A single-tensor state costs only a reshape.
 * Every leaf must be `[batch, …]` with one `batch`.
 */
export function packing<S extends TensorTree>(like: S): Packing<S> {
  const all = leaves(like)
  const shapes = all.map((t) => t.shape)
  const batch = shapes[0]?.[0]
  if (batch === undefined || shapes.some((s) => s[0] !== batch))
    throw new EquilibriaError(
      'shape',
      `A state needs leaves [batch, …] that share one batch; got ${shapeOf(like) || 'no tensor at all'}.`,
      'Give every leaf a leading batch axis, of length 1 for a single sample.',
    )
  const sizes = shapes.map((s) => s.slice(1).reduce((a, b) => a * b, 1))
  const size = sizes.reduce((a, b) => a + b, 0)
  const template = rebuild(like, all) // structure only; tensors inside are never read
  return {
    batch,
    size,
    pack: (state) =>
      tf.tidy(() => {
        const flat = leaves(state).map((t, i) => tf.reshape(t, [-1, sizes[i]!]) as Vector)
        return flat.length === 1 ? flat[0]! : (tf.concat(flat, 1) as Vector)
      }),
    unpack: (z) => {
      const parts = sizes.length === 1 ? [z] : (tf.split(z, sizes, 1) as tf.Tensor[])
      return rebuild(
        template,
        parts.map((p, i) => tf.reshape(p, [z.shape[0], ...shapes[i]!.slice(1)])),
      )
    },
  }
}
