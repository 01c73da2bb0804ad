import * as tf from '@tensorflow/tfjs-core'
import { scoped } from '@equilibria/tensor'
import type { LpInput } from '../graph/input.ts'
import { features } from './features.ts'
import { halfConvolution, halfConvolutionShapes } from './half-convolution.ts'
import { embed, readOut } from './paper-operator.ts'
import type { Parameters, Shapes } from './parameters.ts'

/** Weights of the explicit network at embedding width `w`, in the reference's names. */
export function paperExplicitShapes(width: number): Shapes {
  const half = (name: string, to: 'constraints' | 'variables') => halfConvolutionShapes(name, width, width, to)
  return {
    'cons_embedding.0.weight': [width, 2],
    'cons_embedding.0.bias': [width],
    'var_embedding.0.weight': [width, 3],
    'var_embedding.0.bias': [width],
    ...half('conv_v_to_c', 'constraints'),
    ...half('conv_c_to_v', 'variables'),
    ...half('conv_v_to_c2', 'constraints'),
    ...half('conv_c_to_v2', 'variables'),
    'output_module.0.weight': [width, width],
    'output_module.0.bias': [width],
    'output_module.2.weight': [1, width],
  }
}

/** The paper's explicit network: embeddings, four half-convolutions, read-out. `x ↦ y`, `[batch, n]`. */
export function paperExplicit(weights: Parameters, input: LpInput): tf.Tensor2D {
  return scoped(() => {
    const { weighted, ...raw } = features(input)
    const half = (name: string, to: 'constraints' | 'variables') => halfConvolution(name, to, weighted, weights)
    const [first, second] = [half('conv_v_to_c', 'constraints'), half('conv_c_to_v', 'variables')]
    const [third, fourth] = [half('conv_v_to_c2', 'constraints'), half('conv_c_to_v2', 'variables')]
    const cons0 = embed(raw.constraints, 'cons_embedding', weights)
    const vars0 = embed(raw.variables, 'var_embedding', weights)
    const cons1 = first.merge(first.right(vars0), first.own(first.left(cons0)))
    const vars1 = second.merge(second.left(cons1), second.own(second.right(vars0)))
    const cons2 = third.merge(third.right(vars1), third.own(third.left(cons1)))
    const vars2 = fourth.merge(fourth.left(cons2), fourth.own(fourth.right(vars1)))
    return tf.reshape(readOut(vars2, weights), input.c.shape)
  })
}
