import * as tf from '@tensorflow/tfjs-core'
import { expectTypeOf } from 'vitest'
import { defineOperator, equilibrium } from '@equilibria/core'
import { plain } from './helpers.ts'

/* Checked by tsc; never run. */
const operator = defineOperator({
  name: 'typed',
  initial: (x: tf.Tensor2D) => ({ h: tf.zerosLike(x) }),
  apply: ({ h }, x) => ({ h: tf.add(tf.mul(h, 0.5), x) }),
})
const layer = equilibrium(operator, { solver: plain() })
expectTypeOf(layer.solve).parameter(0).toEqualTypeOf<tf.Tensor2D>()
expectTypeOf(layer.solve(tf.ones([1, 1])).state).toEqualTypeOf<{ h: tf.Tensor2D }>()

export const refused = (): void => {
  // @ts-expect-error an unknown option of the layer
  equilibrium(operator, { solver: plain(), toleranse: 1e-3 })
  // @ts-expect-error an unknown option of a solve
  layer.solve(tf.ones([1, 1]), { maxStep: 3 })
  // @ts-expect-error a solver is required
  equilibrium(operator, {})
  // @ts-expect-error the warm start has the structure of the state
  layer.solve(tf.ones([1, 1]), { initial: { g: tf.ones([1, 1]) } })
}
