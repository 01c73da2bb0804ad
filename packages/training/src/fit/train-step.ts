import * as tf from '@tensorflow/tfjs-core'
import type { Dataset, Model, TensorTree } from '@equilibria/spec'
import { leaves } from '@equilibria/tensor'
import { allFinite, type Clip, clipped, globalNorm } from '../gradients/clip.ts'
import type { Optimiser, Vectors } from '../optimisers/optimiser.ts'
import { lossGradients } from './gradients.ts'
import type { Loss } from './options.ts'
import type { StepRecord } from './progress.ts'
import type { FitState } from './state.ts'
import { assignWeights } from './variables.ts'

function largest(gradients: Vectors): number {
  let max = 0
  for (const g of Object.values(gradients))
    for (let i = 0; i < g.length; i++) if (!(Math.abs(g[i]!) <= max)) max = Math.abs(g[i]!)
  return max
}

/** What is not finite, if anything. */
function troubleIn(loss: number, gradients: Vectors): string | undefined {
  if (!Number.isFinite(loss)) return `the loss: ${loss}`
  const bad = Object.keys(gradients).find((name) => !allFinite({ [name]: gradients[name]! }))
  return bad === undefined ? undefined : `the gradient of "${bad}"`
}

/** One minibatch: loss, gradients, clipping, update. Changes `state` and the variables, or neither. */
export async function trainStep<X extends TensorTree, Y extends TensorTree>(
  state: FitState,
  parts: {
    readonly model: Model<X, Y>
    readonly loss: Loss<X, Y>
    readonly data: Dataset<X, Y>
    readonly indices: readonly number[]
    readonly optimiser: Optimiser
    readonly learningRate: number
    readonly clip: Clip
  },
): Promise<{ readonly record: StepRecord; readonly status?: string }> {
  const { model, loss, data, indices, optimiser, learningRate, clip } = parts
  const pair = data.batch(indices)
  let seen: Awaited<ReturnType<typeof lossGradients>>
  try {
    seen = await lossGradients(model, loss, pair)
  } finally {
    tf.dispose([...leaves(pair.x), ...leaves(pair.y)])
  }
  const { gradients, status } = seen
  const gradientNorm = globalNorm(gradients)
  let trouble = troubleIn(seen.loss, gradients)
  if (!trouble) {
    const next = optimiser.step(state.weights, clipped(gradients, clip), state.optimiser, learningRate)
    if (allFinite(next.weights) && Object.values(next.state.slots).every(allFinite)) {
      assignWeights(model.variables, next.weights, state.weights)
      state.weights = next.weights
      state.optimiser = next.state
    } else trouble = 'the update: the learning rate is far too large'
  }
  const skipped = trouble ? 1 : 0
  if (trouble) state.trouble = trouble
  state.step++
  state.skippedSteps += skipped
  state.nonFiniteInARow = skipped ? state.nonFiniteInARow + 1 : 0
  const gradientMax = largest(gradients)
  const record = { step: state.step, loss: seen.loss, learningRate, gradientNorm, gradientMax, skipped }
  state.steps.push(record)
  return status === undefined ? { record } : { record, status }
}
