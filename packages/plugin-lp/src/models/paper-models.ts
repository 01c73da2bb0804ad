import * as tf from '@tensorflow/tfjs-core'
import type { Model, ModelOptions } from '@equilibria/spec'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import type { LpInput, LpOutput } from '../graph/input.ts'
import { disposeAll, implicitModel } from './implicit-model.ts'
import { paperExplicit, paperExplicitShapes } from './paper-explicit.ts'
import { paperDecoder, paperImplicitShapes, paperOperator } from './paper-operator.ts'
import { countParameters, orthogonalParameters } from './parameters.ts'

/**
 * The paper's implicit graph network: 722, 2 350, 8 390, 31 606 parameters at widths 4, 8, 16, 32.
 *
 * Default width 16. Trained through `trainSteps` steps, 6 unless told otherwise (the paper: 3, then 6), and read after
 * 8, as there. Orthogonal weights and zero biases from `seed`.
 * @cite liu2026
 */
export function paperImplicitModel({ width = 16, seed = 0, trainSteps = 6 }: ModelOptions = {}): Model<
  LpInput,
  LpOutput
> {
  checkWidth(width)
  const parameters = orthogonalParameters(paperImplicitShapes(width), seed)
  return implicitModel({
    name: 'paper-implicit',
    operator: paperOperator(parameters),
    parameters,
    decoder: (x) => paperDecoder(parameters, x),
    trainSteps,
    steps: 8,
    tolerance: 1e-4,
    manifest: { width, seed },
  })
}

/**
 * The paper's explicit graph network, four half-convolutions: 580, 2 088, 7 888, 30 624 parameters at widths 4, 8, 16,
 * 32. Default width 16; orthogonal weights and zero biases from `seed`.
 * @cite liu2026
 */
export function paperExplicitModel({ width = 16, seed = 0 }: ModelOptions = {}): Model<LpInput, LpOutput> {
  checkWidth(width)
  const shapes = paperExplicitShapes(width)
  const parameters = orthogonalParameters(shapes, seed)
  return {
    kind: 'model',
    spec: 1,
    name: 'paper-explicit',
    depth: 'explicit',
    variables: parameters,
    parameterCount: countParameters(shapes),
    predict: (x) => ({ y: paperExplicit(parameters, x) }),
    trajectory: (x, depths) =>
      scoped(() => {
        const y = paperExplicit(parameters, x)
        return depths.map((steps, i) => ({
          steps,
          y: i === 0 ? y : (tf.clone(y) as LpOutput),
          residual: new Float32Array(0),
          evaluations: 1,
        }))
      }),
    manifest: { network: 'lp/paper-explicit', width, seed },
    dispose: () => disposeAll(parameters),
  }
}

export function checkWidth(width: number): void {
  if (!Number.isInteger(width) || width < 1)
    throw new EquilibriaError('option', `The width is ${width}.`, 'Pass a whole number ≥ 1, such as 8.')
}
