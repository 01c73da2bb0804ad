import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core'

/**
 * Nested tensors: a tensor, an array of trees, or a plain object of trees.
 * Write your state as a `type`, not an `interface`: interfaces have no index signature.
 */
export type TensorTree = Tensor | readonly TensorTree[] | { readonly [key: string]: TensorTree }

/**
 * tfjs forgets ranks (`tf.add` returns `Tensor<Rank>`), so results are typed by structure only.
 * Exact shapes are checked at run time, with a message that names both sides.
 */
export type Loose<T> = TensorTree extends T
  ? TensorTree
  : T extends Tensor
    ? Tensor
    : { readonly [K in keyof T]: Loose<T[K]> }

/** The packed form every solver works on: `[batch, size]`, float32. One row is one sample. */
export type Vector = Tensor2D
