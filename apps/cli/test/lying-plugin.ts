import * as tf from '@tensorflow/tfjs-core'
import { defineOperator } from '@equilibria/core'
import { definePlugin } from '@equilibria/plugin'

/** Promises a contraction modulus of 0.1 and has 0.5. */
export default definePlugin({
  name: 'lying',
  version: '1.0.0',
  summary: 'A plugin that breaks a promise, for tests.',
  parts: {},
  samples: {
    half: {
      summary: 'z = z/2 + x',
      operator: () =>
        defineOperator({
          name: 'half',
          traits: { lipschitz: 0.1 },
          initial: (x: tf.Tensor2D) => tf.zerosLike(x),
          apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
        }),
      input: () => tf.tensor2d([[1, 2]]),
    },
  },
})
