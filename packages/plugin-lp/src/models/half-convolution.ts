import * as tf from '@tensorflow/tfjs-core'
import { scoped } from '@equilibria/tensor'
import type { Bipartite } from '../graph/bipartite.ts'
import { type Direction, sparseProduct } from '../graph/sparse-product.ts'
import { addBias, affine, product } from './dense.ts'
import type { Parameters, Shapes } from './parameters.ts'

/** The graph of a batch with the values of its edges, `[batch, E]`. */
export interface Weighted {
  readonly graph: Bipartite
  readonly values: tf.Tensor2D
}

/** Weights of one half-convolution, in the reference's names: left is the constraints' side, right the variables'. */
export function halfConvolutionShapes(prefix: string, left: number, right: number, to: Direction): Shapes {
  const out = to === 'constraints' ? left : right
  return {
    [`${prefix}.feature_module_left.0.weight`]: [left, left],
    [`${prefix}.feature_module_left.0.bias`]: [left],
    [`${prefix}.feature_module_left.2.weight`]: [left, left],
    [`${prefix}.feature_module_left.2.bias`]: [left],
    [`${prefix}.feature_module_right.0.weight`]: [right, right],
    [`${prefix}.feature_module_right.2.weight`]: [right, right],
    [`${prefix}.feature_module_right.2.bias`]: [right],
    [`${prefix}.output_module.0.weight`]: [out, left + right],
    [`${prefix}.output_module.0.bias`]: [out],
    [`${prefix}.output_module.2.weight`]: [out, out],
    [`${prefix}.output_module.2.bias`]: [out],
  }
}

/** A half-convolution with its weights laid out for use, once per bind. Features are `[channels, nodes]`. */
export interface HalfConvolution {
  /** First layer on either side, ReLU included. */
  left(features: tf.Tensor): tf.Tensor2D
  right(features: tf.Tensor): tf.Tensor2D
  /** What the receiving side's own hidden features, and every constant, add to the output's first layer. */
  own(hidden: tf.Tensor): tf.Tensor2D
  /** Messages from the senders' hidden features, merged with `own`, ReLU included. */
  merge(hidden: tf.Tensor, own: tf.Tensor): tf.Tensor2D
}

/**
 * One half of a bipartite graph convolution. With sender features `s`, receiver features `r`, edge values `a`:
 *
 * `out_i = relu(W₂ relu(W₁ [Σ_j a_ij (F₂ relu(F₁ s_j)); P₂ relu(P₁ r_i)]))`, biases everywhere but in the variables'
 * first layer. Linear maps that follow one another are multiplied together, and those between the senders' hidden layer
 * and the sum are applied on the side of the constraints, which are fewer: the same numbers up to rounding, for less.
 */
export function halfConvolution(
  prefix: string,
  to: Direction,
  { graph, values }: Weighted,
  weights: Parameters,
): HalfConvolution {
  const weight = (name: string) => weights[`${prefix}.${name}.weight`]!
  const bias = (name: string) => weights[`${prefix}.${name}.bias`]!
  const [sender, receiver] = to === 'constraints' ? (['right', 'left'] as const) : (['left', 'right'] as const)
  const send = weight(`feature_module_${sender}.2`)
  const keep = weight(`feature_module_${receiver}.2`)
  const first = weight('output_module.0')
  const [width, split] = [first.shape[0]!, send.shape[0]!]
  const fromMessages = tf.slice(first, [0, 0], [width, split])
  const fromOwn = tf.slice(first, [0, split], [width, keep.shape[0]!])
  const message = product(fromMessages, send)
  const own = product(fromOwn, keep)
  const ownBias = tf.add(
    tf.reshape(product(fromOwn, column(bias(`feature_module_${receiver}.2`))), [width]),
    bias('output_module.0'),
  )
  const ones = tf.ones([1, graph.batch * (to === 'constraints' ? graph.variables : graph.constraints)])
  const messageBias = product(fromMessages, column(bias(`feature_module_${sender}.2`)))
  // the senders' bias arrives once per edge, times its value
  const constant = addBias(product(messageBias, sparseProduct(graph, values, ones, to)), ownBias)

  return {
    left: (features) => tf.relu(affine(weight('feature_module_left.0'), bias('feature_module_left.0'), features)),
    right: (features) => tf.relu(product(weight('feature_module_right.0'), features)),
    own: (hidden) => tf.add(product(own, hidden), constant),
    merge: (hidden, kept) =>
      scoped(() => {
        const summed =
          to === 'constraints'
            ? product(message, sparseProduct(graph, values, hidden, to))
            : sparseProduct(graph, values, product(message, hidden), to)
        return tf.relu(affine(weight('output_module.2'), bias('output_module.2'), tf.relu(tf.add(summed, kept))))
      }),
  }
}

const column = (v: tf.Tensor): tf.Tensor2D => tf.reshape(v, [v.size, 1])
