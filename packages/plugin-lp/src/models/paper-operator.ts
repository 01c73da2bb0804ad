import * as tf from '@tensorflow/tfjs-core'
import type { Operator } from '@equilibria/spec'
import { scoped } from '@equilibria/tensor'
import type { LpInput } from '../graph/input.ts'
import { affine, product, stack } from './dense.ts'
import { features } from './features.ts'
import { halfConvolution, halfConvolutionShapes } from './half-convolution.ts'
import type { Parameters, Shapes } from './parameters.ts'

/** Weights of the implicit network at embedding width `w`, in the reference's names. */
export function paperImplicitShapes(width: number): Shapes {
  const half = (name: string, to: 'constraints' | 'variables') =>
    halfConvolutionShapes(`deq_func.${name}`, width, width + 1, to)
  return {
    'cons_embedding.0.weight': [width, 2],
    'cons_embedding.0.bias': [width],
    'var_embedding.0.weight': [width, 3],
    'var_embedding.0.bias': [width],
    ...half('conv_v_to_c', 'constraints'),
    ...half('conv_c_to_v', 'variables'),
    ...half('conv_v_to_c2', 'constraints'),
    ...half('conv_c_to_v2', 'variables'),
    'deq_func.to_y.weight': [1, width + 1],
    'deq_func.to_y.bias': [1],
    'output_module.0.weight': [width, width + 1],
    'output_module.0.bias': [width],
    'output_module.2.weight': [1, width],
  }
}

/**
 * The paper's operator on linear programs: `y ↦ G(y, x)`, one number per variable.
 *
 * Static embeddings of constraints and variables, `y` appended to the variables' one, then four half-convolutions
 * (variables to constraints and back, twice) and a linear map to the next `y`. State `[batch, n]`, in units of the
 * variables, starting from 0. Nothing makes it a contraction: training decides.
 *
 * @cost per step four sparse products and seven dense layers on the variables
 * @throws EquilibriaError when the leaves of the input do not belong together
 * @cite liu2026
 */
export function paperOperator(weights: Parameters): Operator<tf.Tensor2D, LpInput> {
  return {
    kind: 'operator',
    spec: 1,
    name: 'lp/paper',
    traits: { rowwise: true },
    bind: (input) => {
      const [batch, n] = input.c.shape
      const { weighted, ...raw } = features(input)
      const constraints = embed(raw.constraints, 'cons_embedding', weights)
      const variables = embed(raw.variables, 'var_embedding', weights)
      const half = (name: string, to: 'constraints' | 'variables') =>
        halfConvolution(`deq_func.${name}`, to, weighted, weights)
      const [first, second] = [half('conv_v_to_c', 'constraints'), half('conv_c_to_v', 'variables')]
      const [third, fourth] = [half('conv_v_to_c2', 'constraints'), half('conv_c_to_v2', 'variables')]
      const width = variables.shape[0]
      /** First layer on `[static, y]`, with the static part multiplied once. */
      const open = (name: string) => {
        const weight = weights[`deq_func.${name}.feature_module_right.0.weight`]!
        const fixed = product(tf.slice(weight, [0, 0], [weight.shape[0]!, width]), variables)
        const moving = tf.slice(weight, [0, width], [weight.shape[0]!, 1])
        return (y: tf.Tensor) => tf.relu(tf.add(fixed, product(moving, y)))
      }
      const sent = open('conv_v_to_c')
      const kept = open('conv_c_to_v')
      const firstOwn = first.own(first.left(constraints))
      return {
        initial: () => tf.zeros([batch, n]),
        apply: (state) =>
          scoped(() => {
            const y = tf.reshape(state, [1, -1])
            const cons1 = first.merge(sent(y), firstOwn)
            const vars1 = second.merge(second.left(cons1), second.own(kept(y)))
            const cons2 = third.merge(third.right(vars1), third.own(third.left(cons1)))
            const vars2 = fourth.merge(fourth.left(cons2), fourth.own(fourth.right(vars1)))
            const next = affine(weights['deq_func.to_y.weight']!, weights['deq_func.to_y.bias']!, vars2)
            return tf.reshape(next, state.shape as [number, number])
          }),
      }
    },
  }
}

/** `relu(W x + b)`. */
export const embed = (x: tf.Tensor2D, name: string, weights: Parameters): tf.Tensor2D =>
  tf.relu(affine(weights[`${name}.0.weight`]!, weights[`${name}.0.bias`]!, x))

/** The paper's reading of a state: an output network on `[static embedding, y]`, `[batch, n] → [batch, n]`. */
export function paperDecoder(weights: Parameters, input: LpInput): (y: tf.Tensor2D) => tf.Tensor2D {
  const variables = embed(features(input).variables, 'var_embedding', weights)
  return (y) => scoped(() => tf.reshape(readOut(stack([variables, tf.reshape(y, [1, -1])]), weights), y.shape))
}

/** `W₂ relu(W₁ x + b)`, one number per node. */
export const readOut = (x: tf.Tensor2D, weights: Parameters): tf.Tensor2D =>
  product(
    weights['output_module.2.weight']!,
    tf.relu(affine(weights['output_module.0.weight']!, weights['output_module.0.bias']!, x)),
  )
