import type { Dataset, Pair } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import * as tf from '@tensorflow/tfjs-core'
import type { LpInput, LpOutput } from '../graph/input.ts'
import type { LabelledProgram } from './labelled.ts'
import { packedInput, packPrograms, takeRows } from './to-input.ts'

/** Labelled linear programs as minibatches of tensors, with the float64 originals beside them. */
export interface LpDataset extends Dataset<LpInput, LpOutput> {
  readonly programs: readonly LabelledProgram[]
}

/**
 * A dataset of labelled programs, packed once; a batch copies rows: `x` as in `toInput`, `y [batch, n]` the label, 0 for
 * padded variables.
 * @throws `data`: see `packPrograms`; `option` when a batch names a sample that is not there.
 */
export function lpDataset(programs: readonly LabelledProgram[]): LpDataset {
  const packed = packPrograms(programs.map(({ program }) => program))
  const n = packed.variables
  const labels = new Float32Array(programs.length * n)
  programs.forEach(({ y }, k) => labels.set(y, k * n))
  return {
    size: programs.length,
    programs,
    batch: (indices): Pair<LpInput, LpOutput> => {
      const outside = indices.find((k) => !Number.isInteger(k) || k < 0 || k >= programs.length)
      if (outside !== undefined) {
        throw new EquilibriaError(
          'option',
          `There is no sample ${outside} in a dataset of ${programs.length} programs.`,
          `Samples count from 0 to ${programs.length - 1}.`,
        )
      }
      const y = takeRows(labels, n, indices, new Float32Array(indices.length * n))
      return { x: packedInput(packed, indices), y: tf.tensor2d(y, [indices.length, n]) }
    },
  }
}
