import type { Model, ModelOptions } from '@equilibria/spec'
import type { LpInput, LpOutput } from '../graph/input.ts'
import { implicitModel } from './implicit-model.ts'
import { checkWidth } from './paper-models.ts'
import { paperImplicitShapes } from './paper-operator.ts'
import { countParameters } from './parameters.ts'
import {
  primalDualDecoder,
  primalDualOperator,
  primalDualParameters,
  primalDualShapes,
  type PrimalDualSizes,
} from './primal-dual-operator.ts'
import { staggered } from './primal-dual-training.ts'

/**
 * Sizes with at most as many parameters as the paper's implicit network has at this width: those of its Table 1 by
 * hand, any other by rule. Constraints are fewer than variables, so a parameter on their side costs less time.
 */
export function primalDualSizes(width: number): PrimalDualSizes {
  const tuned = TUNED[width]
  if (tuned) return tuned
  const messages = Math.max(1, Math.round(width / 4 + 1))
  const memory = 2 * messages
  const most = countParameters(paperImplicitShapes(width))
  let sizes: PrimalDualSizes = { variableHidden: 1, constraintHidden: 1, memory, messages }
  for (let hidden = 1; ; hidden++) {
    const next = { variableHidden: hidden, constraintHidden: 2 * hidden, memory, messages }
    if (countParameters(primalDualShapes(next)) > most) return sizes
    sizes = next
  }
}

const TUNED: Readonly<Record<number, PrimalDualSizes>> = {
  4: { variableHidden: 12, constraintHidden: 19, memory: 4, messages: 2 },
  8: { variableHidden: 24, constraintHidden: 64, memory: 5, messages: 3 },
  16: { variableHidden: 48, constraintHidden: 196, memory: 8, messages: 4 },
  32: { variableHidden: 96, constraintHidden: 532, memory: 14, messages: 6 },
}

/**
 * The learned primal–dual network as a model, never larger than the paper's implicit one at the same `width` (default
 * 8). Trained to `trainSteps` recorded steps, 12 unless told otherwise, from the start and from states up to that many
 * steps later; read after 32 steps, or when the residual falls below 1e-4.
 * @cite chambolle2011, liu2026
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { primalDualModel, relativeError, toInput } from '@equilibria/plugin-lp'
 * import { randomPrograms } from '@equilibria/plugin-lp/exact'
 *
 * const labelled = await randomPrograms({ seed: 1, count: 8 })
 * const x = toInput(labelled.map(({ program }) => program))
 * const label = tf.tensor2d(labelled.map(({ y }) => [...y]))
 * const model = primalDualModel({ width: 8 }) // untrained: already a method, but a slow one
 * for (const { steps, y } of model.trajectory(x, [1, 8, 64])) console.log(steps, relativeError.measure(y, label, x))
 * ```
 */
export function primalDualModel({ width = 8, seed = 0, trainSteps = 12 }: ModelOptions = {}): Model<LpInput, LpOutput> {
  checkWidth(width)
  const sizes = primalDualSizes(width)
  const parameters = primalDualParameters(sizes, seed)
  return implicitModel({
    name: 'implicit',
    operator: primalDualOperator(parameters, sizes),
    parameters,
    decoder: (x) => primalDualDecoder(x).primal,
    train: (x) => staggered(parameters, sizes, x, trainSteps),
    trainSteps,
    steps: 32,
    tolerance: 1e-4,
    manifest: { width, seed, sizes: { ...sizes } },
  })
}
