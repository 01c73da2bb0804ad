import type * as tf from '@tensorflow/tfjs-core'
import { equilibrium } from '@equilibria/core'
import { unrolled } from '@equilibria/implicit-diff'
import { picard } from '@equilibria/solvers'
import type { Compute, Model, Operator, TensorTree } from '@equilibria/spec'
import { onTape, scoped } from '@equilibria/tensor'
import type { LpInput, LpOutput } from '../graph/input.ts'
import type { Parameters } from './parameters.ts'

export interface ImplicitParts<S extends TensorTree> {
  readonly name: string
  readonly operator: Operator<S, LpInput>
  readonly parameters: Parameters
  /** From a state to the answer, `[batch, n]`. */
  decoder(input: LpInput): (state: S) => LpOutput
  /** The answer that training looks at when no compute is given; default: `trainSteps` steps, unrolled. */
  train?(input: LpInput): LpOutput
  readonly trainSteps: number
  /** Steps and tolerance of a prediction that asks for nothing. */
  readonly steps: number
  readonly tolerance: number
  readonly manifest: Readonly<Record<string, unknown>>
}

/**
 * A model that iterates an operator by Picard steps and decodes the state. Gradients go through the steps, as in the
 * paper: what is trained is the answer after that many.
 */
export function implicitModel<S extends TensorTree>(parts: ImplicitParts<S>): Model<LpInput, LpOutput> {
  const { name, operator, parameters, decoder, trainSteps, steps, tolerance } = parts
  const layer = equilibrium(operator, { solver: picard(), gradient: unrolled(), tolerance, maxSteps: steps })
  const solve = (x: LpInput, compute: Compute) =>
    scoped(() => {
      const { state, status, stats } = layer.solve(x, compute)
      return { y: decoder(x)(state), status, stats }
    })
  return {
    kind: 'model',
    spec: 1,
    name,
    depth: 'implicit',
    variables: parameters,
    parameterCount: Object.values(parameters).reduce((sum, v) => sum + v.size, 0),
    predict: (x, compute) => {
      if (compute !== undefined || !onTape()) return solve(x, compute ?? {})
      return parts.train ? { y: parts.train(x) } : solve(x, { steps: trainSteps, tolerance: 0 })
    },
    trajectory: (x, depths) =>
      scoped(() => {
        const decode = decoder(x)
        return layer.trajectory(x, depths).map(({ steps: t, state, residual }) => ({
          steps: t,
          y: decode(state),
          residual,
          evaluations: t,
        }))
      }),
    manifest: {
      operator: operator.name,
      solver: 'picard',
      gradient: 'unrolled',
      steps,
      tolerance,
      trainSteps,
      ...parts.manifest,
    },
    dispose: () => disposeAll(parameters),
  }
}

export const disposeAll = (parameters: Parameters): void => {
  for (const v of Object.values(parameters) as tf.Variable[]) if (!v.isDisposed) v.dispose()
}
