import * as tf from '@tensorflow/tfjs-core'
import { keepSavedOutputsOnTape } from '../engine.ts'
import { avgPool } from './avg-pool.ts'
import { broadcasting } from './broadcasting.ts'
import { comparisons } from './comparisons.ts'
import { elu } from './elu.ts'
import { gathers } from './gather.ts'
import { linearKernels } from './linear-kernels.ts'
import { matMul } from './mat-mul.ts'
import { maxPool } from './max-pool.ts'
import { mirrorPad } from './mirror-pad.ts'
import { products } from './cumprod.ts'
import type { Repair } from './repair.ts'
import { registerSegmentSum } from './segment-sum.ts'

/** Everything we put in place of, or beside, what tfjs registers. */
export const repairs: readonly Repair[] = [
  ...comparisons,
  ...broadcasting,
  matMul,
  mirrorPad,
  ...avgPool,
  ...gathers,
  ...maxPool,
  elu,
  ...products,
  ...linearKernels,
]

/**
 * Put the repairs in place, after the table of tfjs. Returns what takes them out again, for comparisons with stock
 * tfjs; the segment-sum kernels stay.
 */
export function installRepairs(): () => void {
  const before = repairs.map(({ kernelName }) => [kernelName, tf.getGradient(kernelName)] as const)
  const restoreTape = keepSavedOutputsOnTape()
  for (const one of repairs) tf.registerGradient(one)
  registerSegmentSum()
  return () => {
    restoreTape()
    for (const [name, stock] of before) {
      tf.unregisterGradient(name)
      if (stock) tf.registerGradient(stock)
    }
  }
}
