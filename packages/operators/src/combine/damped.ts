import * as tf from '@tensorflow/tfjs-core'
import type { Aux, Loose, Operator, TensorTree, Traits } from '@equilibria/spec'
import { align, requireRange } from '@equilibria/core'
import { EquilibriaError, leaves, rebuild } from '@equilibria/tensor'
import type { Layer } from '../layer.ts'
import { combined } from './bounds.ts'

/**
 * `z ↦ (1 − β) z + β G(z)`, `0 < β ≤ 1`: the same fixed points, shorter steps. Of a layer or of an operator; variables keep
 * their names.
 *
 * Traits of an operator are carried over: `Lip ≤ 1 − β + β Lip(G)`, the monotonicity margin times `β`, symmetry. Damping
 * makes a nonexpansive map averaged, so that Picard converges; it makes a contraction slower. What the operator offers to
 * splitting methods is left out: they damp on their own.
 *
 * @cost that of `G`
 * @throws EquilibriaError `option` on a `β` outside `(0, 1]`; `shape` when `G` changes the shape
 * @cite krasnoselskii1955, mann1953
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { activation, damped } from '@equilibria/operators'
 *
 * const half = damped(activation('relu'), 0.5)
 * console.log(half.bind()(tf.tensor([-2, 2])).dataSync(), half.guaranteed) // [-1, 2], 1 and rounding
 * ```
 */
export function damped(map: Layer, beta: number): Layer
export function damped<S extends TensorTree, X extends TensorTree, A extends Aux, O extends Operator<S, X, A>>(
  map: O & Operator<S, X, A>,
  beta: number,
): Omit<O, keyof Operator | 'certificate' | 'solver'> & Operator<S, X, A>
export function damped<S extends TensorTree, X extends TensorTree, A extends Aux>(
  map: Layer | Operator<S, X, A>,
  beta: number,
): Layer | Operator<S, X, A> {
  requireRange('damped(…, β)', beta, Number.MIN_VALUE, 1)
  return map.kind === 'layer' ? dampedLayer(map, beta) : dampedOperator(map, beta)
}

const bound = (beta: number, lipschitz: number): number => 1 - beta + beta * lipschitz

function mixed(name: string, beta: number, z: tf.Tensor, g: tf.Tensor): tf.Tensor {
  if (z.shape.join() !== g.shape.join())
    throw new EquilibriaError(
      'shape',
      `damped(${name}) has to add (${z.shape}) and (${g.shape}).`,
      'The map must keep the shape.',
    )
  return tf.add(tf.mul(z, 1 - beta), tf.mul(g, beta))
}

function dampedLayer(layer: Layer, beta: number): Layer {
  const { lipschitz: _, guaranteed: __, ...rest } = layer
  return {
    ...rest,
    name: `damped(${layer.name})`,
    bind: () => {
      const map = layer.bind()
      return (z) => mixed(layer.name, beta, z, map(z))
    },
    ...combined([layer], ([lipschitz]) => bound(beta, lipschitz!)),
  }
}

function dampedOperator<S extends TensorTree, X extends TensorTree, A extends Aux>(
  operator: Operator<S, X, A>,
  beta: number,
): Operator<S, X, A> {
  // What a family says of itself is about the undamped map.
  const {
    certificate: _,
    solver: __,
    ...rest
  } = operator as Operator<S, X, A> & {
    certificate?: unknown
    solver?: unknown
  }
  const { lipschitz, monotone, ...same } = operator.traits
  const traits: Traits = {
    ...same,
    ...(lipschitz === undefined ? {} : { lipschitz: bound(beta, lipschitz) * (1 + 2 ** -50) }),
    ...(monotone === undefined ? {} : { monotone: beta * monotone * (1 - 2 ** -52) }),
  }
  return {
    ...rest,
    name: `damped(${operator.name})`,
    traits,
    bind: (input) => {
      const { splitting: _splitting, ...map } = operator.bind(input)
      return {
        ...map,
        apply: (z) => {
          const g = align(z as TensorTree, map.apply(z) as TensorTree)
          if (!g)
            throw new EquilibriaError(
              'shape',
              `damped(${operator.name}): G changed the structure.`,
              'Return the state’s.',
            )
          const after = leaves(g)
          return rebuild(
            z,
            leaves(z).map((leaf, i) => mixed(operator.name, beta, leaf, after[i]!)),
          ) as Loose<S>
        },
      }
    },
  }
}
