import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../layer.ts'
import { prefixed } from '../parameters/variables.ts'
import type { LayerOperator } from './operator-of.ts'
import { together } from './bounds.ts'

/** The parts of an operator with input injection. */
export interface RecallParts<X extends TensorTree> {
  /** Of the state; keeps its shape. */
  readonly core: Layer
  /** From the input to the shape of the state; computed once per solve. */
  readonly inject: Layer<X>
  /** After the sum: an activation, a norm. Keeps the shape. Default: nothing. */
  readonly after?: Layer
  /** Default: the names of the parts. */
  readonly name?: string
}

/**
 * An operator with input injection: `G(z, x) = after(core(z) + inject(x))`, started from zeros of the injection's shape. The
 * input is recalled at every step, so the answer cannot forget it.
 *
 * The trait `lipschitz` is there only when `core` and `after` guarantee a bound whatever their weights; nothing is promised
 * otherwise. A norm as `after` keeps the iterates bounded, which is not a contraction.
 *
 * @cost one `core` and one `after` per evaluation, one `inject` per solve
 * @throws EquilibriaError `shape` when `core` or `after` changes the shape
 * @cite bai2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { activation, dense, recall } from '@equilibria/operators'
 * import { anderson } from '@equilibria/solvers'
 *
 * const operator = recall({
 *   core: dense({ inputs: 8, outputs: 8, gain: 0.4 }),
 *   inject: dense({ inputs: 3, outputs: 8, seed: 1 }),
 *   after: activation('tanh'),
 * })
 * console.log(equilibrium(operator, { solver: anderson() }).solve(tf.ones([2, 3])).status) // converged
 * operator.dispose()
 * ```
 */
export function recall<X extends TensorTree = tf.Tensor>({
  core,
  inject,
  after,
  name,
}: RecallParts<X>): LayerOperator<tf.Tensor, X> {
  const parts = { core, inject, ...(after ? { after } : {}) }
  const { rowwise, dispose } = together(Object.values(parts))
  const lipschitz =
    core.guaranteed === undefined || (after && after.guaranteed === undefined)
      ? undefined
      : core.guaranteed * (after?.guaranteed ?? 1) * (1 + 2 ** -52)
  return {
    kind: 'operator',
    spec: 1,
    name: name ?? `${after ? `${after.name} ∘ ` : ''}(${core.name} + ${inject.name})`,
    traits: { ...(lipschitz === undefined ? {} : { lipschitz }), ...(rowwise ? {} : { rowwise: false }) },
    variables: prefixed(parts),
    bind: (input) => {
      const injected = inject.bind()(input)
      const [map, last] = [core.bind(), after?.bind()]
      return {
        initial: () => tf.zerosLike(injected),
        apply: (z) => {
          const y = map(z)
          if (y.shape.join() !== injected.shape.join())
            throw new EquilibriaError(
              'shape',
              `recall(): "${core.name}" gave (${y.shape}), "${inject.name}" injects (${injected.shape}).`,
              'Both must have the shape of the state.',
            )
          return last ? last(tf.add(y, injected)) : tf.add(y, injected)
        },
      }
    },
    dispose,
  }
}
