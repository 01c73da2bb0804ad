import * as tf from '@tensorflow/tfjs-core'
import { expectTypeOf, test } from 'vitest'
import { defineOperator, equilibrium } from '@equilibria/core'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { implicit } from '@equilibria/implicit-diff'

test('no type argument and no cast in the common case', () => {
  tf.tidy(() => {
    const W = tf.randomNormal([4, 4], 0, 0.1) as tf.Tensor2D
    const operator = defineOperator({
      name: 'tanh',
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, W), x)),
    })
    const layer = equilibrium(operator, { solver: anderson({ memory: 5 }), gradient: implicit({ solver: gmres() }) })
    const { state, stats } = layer.solve(tf.ones([2, 4]))
    expectTypeOf(state).toEqualTypeOf<tf.Tensor2D>()
    expectTypeOf(stats.perSample.residual).toEqualTypeOf<Float32Array>()

    const multi = defineOperator({
      name: 'two-scales',
      initial: ({ x }: { x: tf.Tensor2D }) => ({
        fine: tf.zerosLike(x),
        coarse: tf.zeros<tf.Rank.R2>([x.shape[0], 1]),
      }),
      apply: ({ fine, coarse }, { x }) => ({
        fine: tf.tanh(tf.add(tf.mul(fine, 0.3), tf.add(x, coarse))),
        coarse: tf.mul(tf.mean(fine, 1, true), 0.5),
      }),
    })
    const two = equilibrium(multi, { solver: anderson() }).solve({ x: tf.ones([2, 4]) })
    expectTypeOf(two.state.coarse).toEqualTypeOf<tf.Tensor2D>()
    const neverRun = () => {
      // @ts-expect-error missing leaf
      defineOperator({ name: 'bad', initial: (x: tf.Tensor2D) => ({ a: x, b: x }), apply: ({ a }) => ({ a }) })
      // @ts-expect-error input must match the operator
      layer.solve({ x: tf.ones([2, 4]) })
      // @ts-expect-error a linear solver is not a fixed-point solver
      equilibrium(operator, { solver: gmres() })
    }
    void neverRun
  })
})
