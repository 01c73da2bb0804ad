import * as tf from '@tensorflow/tfjs-core'
import type { Operator, Task } from '@equilibria/spec'
import { defineOperator } from '@equilibria/core'
import { definePlugin } from '@equilibria/plugin'

export interface HalfOptions {
  readonly factor?: number
}
const half = ({ factor = 0.5 }: HalfOptions = {}): Operator<tf.Tensor2D, tf.Tensor2D> =>
  defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: factor === 0.5 ? 'half' : 'quarter',
    initial: (x) => tf.zerosLike(x),
    apply: (z, x) => tf.add(tf.mul(z, factor), x),
  })
const double = (): Task<tf.Tensor2D, tf.Tensor2D> => ({
  kind: 'task',
  spec: 1,
  name: 'double',
  summary: 'Learn y = 2x.',
  data: () => Promise.reject(new Error('not needed here')),
  models: {},
  loss: (prediction, target) => tf.losses.meanSquaredError(target, prediction),
  metrics: [],
  perturbations: [],
})
const sample = { summary: 'The answer is 2x.', operator: () => half(), input: (): tf.Tensor2D => tf.ones([1, 2]) }

export const halves = definePlugin({
  name: 'halves',
  version: '1.0.0',
  summary: 'z = z/2 + x.',
  parts: { operators: { half }, tasks: { double } },
  samples: { two: sample },
})
export const quarters = definePlugin({
  name: 'quarters',
  version: '1.0.0',
  summary: 'z = z/4 + x.',
  requires: { features: ['gpu'] },
  parts: { operators: { quarter: () => half({ factor: 0.25 }) } },
  samples: { two: sample },
})
