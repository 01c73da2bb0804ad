import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'
import { EquilibriaError, offTape } from '@equilibria/tensor'
import type { Layer, LinearWeight } from '../layer.ts'

export interface NormLimitOptions {
  /** What the norm of the layer is kept at or below. Default `1`. */
  readonly limit?: number
  /** There is none: a scale that is learnt would undo the bound. Asking for it is an error. */
  readonly learnScale?: false
}

/** Checks what the wrappers have in common; returns the weight they are about. */
export function linearWeight<I extends TensorTree, O extends TensorTree>(
  wrapper: string,
  layer: Layer<I, O>,
  { limit = 1, ...rest }: NormLimitOptions,
): { readonly linear: LinearWeight; readonly weight: tf.Variable; readonly limit: number } {
  // Said at run time too: JavaScript callers know it from elsewhere, where it is the default.
  if ((rest as { learnScale?: unknown }).learnScale)
    throw new EquilibriaError(
      'option',
      `${wrapper}({ learnScale: true }) would give up the bound: a learnt scale can grow past any limit.`,
      'Leave it out, and set `limit`; for a gain that is learnt, multiply the output of a layer that need not be bounded.',
    )
  if (!(limit > 0 && limit < Number.POSITIVE_INFINITY))
    throw new EquilibriaError('option', `${wrapper}({ limit: ${limit} }) is not a bound.`, 'Pass a finite number > 0.')
  const weight = layer.linear && layer.variables[layer.linear.weight]
  if (!layer.linear || !weight)
    throw new EquilibriaError(
      'option',
      `${wrapper}() cannot bound the layer "${layer.name}": it names no weight in which it is linear.`,
      'Wrap the linear layers inside it one by one, before they are composed.',
    )
  return { linear: layer.linear, weight, limit }
}

/** The layer with its weight replaced at every `bind`, and the bound that this gives it. */
export function withWeight<I extends TensorTree, O extends TensorTree>(
  wrapper: string,
  layer: Layer<I, O>,
  limit: number,
  replace: () => tf.Tensor,
): Layer<I, O> {
  // Whoever wraps it again would replace the weight once more, past this bound: it names none.
  const { linear, ...rest } = layer
  return {
    ...rest,
    name: `${wrapper}(${layer.name})`,
    guaranteed: limit,
    bind: () => layer.bind({ [linear!.weight]: replace() }),
    lipschitz: () =>
      offTape(() =>
        tf.tidy(() => {
          const weight = replace()
          return Math.min(limit, linear!.measure(weight.dataSync<'float32'>(), weight.shape).bound)
        }),
      ),
  }
}
