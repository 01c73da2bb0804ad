import * as tf from '@tensorflow/tfjs-core'
import { scoped } from '@equilibria/tensor'
import type { Model, ModelOptions } from '@equilibria/spec'
import type { LpInput, LpOutput } from '../graph/input.ts'
import { disposeAll } from './implicit-model.ts'
import { paperExplicit, paperExplicitShapes } from './paper-explicit.ts'
import { checkWidth } from './paper-models.ts'
import { countParameters, orthogonalParameters } from './parameters.ts'
import { scaleProgram } from './primal-dual-scaling.ts'

/**
 * The paper's explicit graph network given what our implicit one is given: programs in units of their own, and answers
 * between their bounds, `y = centre + half · tanh(network)`. A fair opponent: what still separates the two is the depth.
 *
 * Parameters as in the paper's explicit network. Default width 16; orthogonal weights and zero biases from `seed`.
 * @cite liu2026
 */
export function scaledExplicitModel({ width = 16, seed = 0 }: ModelOptions = {}): Model<LpInput, LpOutput> {
  checkWidth(width)
  const shapes = paperExplicitShapes(width)
  const parameters = orthogonalParameters(shapes, seed)
  const answer = (x: LpInput): LpOutput =>
    scoped(() => {
      const { cost, right, matrix, centre, half } = scaleProgram(x)
      const one = tf.onesLike(x.lower)
      const scaled: LpInput = {
        ...x,
        c: tf.reshape(cost, x.c.shape),
        lower: tf.neg(one),
        upper: one,
        b: tf.reshape(right, x.b.shape),
        edgeValue: matrix,
      }
      return tf.add(centre, tf.mul(half, tf.tanh(paperExplicit(parameters, scaled)))) as LpOutput
    })
  return {
    kind: 'model',
    spec: 1,
    name: 'explicit',
    depth: 'explicit',
    variables: parameters,
    parameterCount: countParameters(shapes),
    predict: (x) => ({ y: answer(x) }),
    trajectory: (x, depths) =>
      scoped(() => {
        const y = answer(x)
        return depths.map((steps) => ({ steps, y: tf.clone(y), residual: new Float32Array(0), evaluations: 1 }))
      }),
    manifest: { network: 'lp/scaled-explicit', width, seed },
    dispose: () => disposeAll(parameters),
  }
}
