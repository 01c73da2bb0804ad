import { definePlugin } from '@equilibria/plugin'
import { pdhgStep } from './operators/pdhg-step.ts'
import { pdhg } from './pdhg/operator.ts'
import { productMix } from './samples.ts'
import { lpTask, type LpModels, type LpTaskOptions } from './task/lp-task.ts'

/** What `lp/random` trains by default. */
const models: LpModels = {}

/** Linear programming: the classical operators, the learning task on random programs, one solved sample. */
export const lp = definePlugin({
  name: 'lp',
  version: '0.0.0',
  summary: 'Linear programs: readers, PDHG, graph networks, and learning to solve random programs.',
  parts: {
    operators: { pdhg, 'pdhg-step': pdhgStep },
    tasks: { random: (options?: Partial<LpTaskOptions>) => lpTask({ models, ...options }) },
  },
  samples: { 'product-mix': productMix },
})
