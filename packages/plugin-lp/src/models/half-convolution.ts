import * as tf from '@tensorflow/tfjs-core'
import { scoped } from '@equilibria/tensor'
import type { Bipartite } from '../graph/bipartite.ts'
import { type Direction, sparseProduct } from '../graph/sparse-product.ts'
import { dense, product } from './dense.ts'
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

/** A half-convolution with its weights laid out for use, once per bind. */
export interface HalfConvolution {
  /** First layer on either side, `[nodes, in] → [nodes, out]`, ReLU included. */
  left(features: tf.Tensor): tf.Tensor2D
  right(features: tf.Tensor): tf.Tensor2D
  /** The part of the output's first layer that comes from the receiving side's own features, `[receivers, out]`. */
  own(hidden: tf.Tensor): tf.Tensor2D
  /** Messages from the senders' hidden features, merged with `own`: `[receivers, out]`, ReLU included. */
  merge(hidden: tf.Tensor, own: tf.Tensor): tf.Tensor2D
  /** Weight of the right side's first layer, `[in, out]`, for callers that have its product in parts. */
  readonly rightWeight: tf.Tensor2D
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
  const weight = (name: string) => tf.transpose(weights[`${prefix}.${name}.weight`]!) as tf.Tensor2D // [in, out]
  const bias = (name: string) => weights[`${prefix}.${name}.bias`]!
  const [sender, receiver] = to === 'constraints' ? (['right', 'left'] as const) : (['left', 'right'] as const)
  const send = weight(`feature_module_${sender}.2`)
  const keep = weight(`feature_module_${receiver}.2`)
  const first = weight('output_module.0')
  const width = first.shape[1]
  const fromMessages = tf.slice(first, [0, 0], [send.shape[1], width])
  const fromOwn = tf.slice(first, [send.shape[1], 0], [keep.shape[1], width])
  const message = product(send, fromMessages)
  const messageBias = product(row(bias(`feature_module_${sender}.2`)), fromMessages)
  const own = product(keep, fromOwn)
  const ownBias = tf.add(
    tf.reshape(product(row(bias(`feature_module_${receiver}.2`)), fromOwn), [width]),
    bias('output_module.0'),
  )
  const leftWeight = weight('feature_module_left.0')
  const rightWeight = weight('feature_module_right.0')
  const last = weight('output_module.2')
  const ones = tf.ones([graph.batch * (to === 'constraints' ? graph.variables : graph.constraints), 1])
  const rowSums = sparseProduct(graph, values, ones, to)
  const constant = product(rowSums, messageBias) // the senders' bias, summed over the edges

  return {
    rightWeight,
    left: (features) => dense(features, leftWeight, bias('feature_module_left.0'), 'relu'),
    right: (features) => tf.relu(product(features, rightWeight)),
    own: (hidden) => tf.add(dense(hidden, own, ownBias, 'linear'), constant),
    merge: (hidden, kept) =>
      scoped(() => {
        const summed =
          to === 'constraints'
            ? product(sparseProduct(graph, values, hidden, to), message)
            : sparseProduct(graph, values, product(hidden, message), to)
        return dense(tf.relu(tf.add(summed, kept)), last, bias('output_module.2'), 'relu')
      }),
  }
}

const row = (v: tf.Tensor): tf.Tensor2D => tf.reshape(v, [1, v.size])
