import { definePlugin } from '@equilibria/plugin'
import type { Plugin } from '@equilibria/spec'
import { paperExplicitModel, paperImplicitModel } from './models/paper-models.ts'
import { primalDualModel } from './models/primal-dual-model.ts'
import { scaledExplicitModel } from './models/scaled-explicit.ts'
import { relativeLoss } from './models/relative-loss.ts'
import { pdhgStep } from './operators/pdhg-step.ts'
import { pdhg } from './pdhg/operator.ts'
import { productMix } from './samples.ts'
import { lpTask, type LpModels, type LpTask, type LpTaskOptions } from './task/lp-task.ts'
import { lpPresets } from './task/presets.ts'
import { warmStartSections } from './task/warm-start-section.ts'

/** `implicit` and `explicit` are the best we have of either; the two of the paper are there to be compared with. */
const models: LpModels = {
  implicit: primalDualModel,
  explicit: scaledExplicitModel,
  'paper-implicit': paperImplicitModel,
  'paper-explicit': paperExplicitModel,
}

type LpParts = {
  readonly operators: { readonly pdhg: typeof pdhg; readonly 'pdhg-step': typeof pdhgStep }
  readonly tasks: { readonly random: (options?: Partial<LpTaskOptions>) => LpTask }
}

/** Linear programming: the classical operators, the learning task on random programs, one solved sample. */
export const lp: Plugin<'lp', LpParts> = definePlugin({
  name: 'lp',
  version: '0.0.0',
  summary: 'Linear programs: readers, PDHG, graph networks, and learning to solve random programs.',
  parts: {
    operators: { pdhg, 'pdhg-step': pdhgStep },
    tasks: {
      random: (options?: Partial<LpTaskOptions>) =>
        lpTask({ models, loss: relativeLoss, presets: lpPresets, sections: warmStartSections, ...options }),
    },
  },
  samples: { 'product-mix': productMix },
})
