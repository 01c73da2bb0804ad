import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import type { LpInput } from '../graph/input.ts'
import { csrFromTriplets } from '../program/csr.ts'
import type { LinearProgram } from '../program/program.ts'
import { checkProgram } from '../read/check.ts'

/** Which of the operator's `programs` each sample is: `[batch, 1]`, whole numbers. */
export type ProgramInput = { readonly program: tf.Tensor2D }

/** Input for `pdhg({ programs })`: the programs of these indices, one sample each. The caller disposes. */
export const programInput = (indices: readonly number[]): ProgramInput => ({
  program: tf.tensor2d(indices as number[], [indices.length, 1], 'int32'),
})

/**
 * The samples of a graph batch as programs of their own. Padding edges (value 0) are left out, repeated edges are
 * summed. What went through float32 stays rounded to float32.
 *
 * @throws EquilibriaError when an edge points outside the graph
 */
export function programsOf(input: LpInput): LinearProgram[] {
  const [batch, n] = input.c.shape
  const m = input.b.shape[1]
  const count = input.edgeValue.shape[1]
  const read = (t: tf.Tensor) => t.dataSync()
  const [c, lower, upper, b, equality, index, value] = [
    input.c,
    input.lower,
    input.upper,
    input.b,
    input.equality,
    input.edgeIndex,
    input.edgeValue,
  ].map(read) as unknown as Float32Array[]
  return Array.from({ length: batch }, (_, k) => {
    const row: number[] = []
    const column: number[] = []
    const kept: number[] = []
    for (let e = 0; e < count; e++) {
      const i = index![(k * count + e) * 2]!
      const j = index![(k * count + e) * 2 + 1]!
      const v = value![k * count + e]!
      if (!(i >= 0 && i < m && j >= 0 && j < n))
        throw new EquilibriaError(
          'data',
          `Edge ${e} of sample ${k} joins constraint ${i} and variable ${j}; the graph has ${m} constraints and ${n} variables.`,
          'edgeIndex is [batch, E, 2]: constraint first, variable second, both counted from 0.',
        )
      if (v === 0) continue
      row.push(i)
      column.push(j)
      kept.push(v)
    }
    const side = b!.subarray(k * m, (k + 1) * m)
    return {
      name: `sample ${k}`,
      c: Float64Array.from(c!.subarray(k * n, (k + 1) * n)),
      offset: 0,
      matrix: csrFromTriplets({ rows: m, columns: n, row, column, value: kept }),
      rowLower: Float64Array.from(side, (v, i) => (equality![k * m + i] === 1 ? v : Number.NEGATIVE_INFINITY)),
      rowUpper: Float64Array.from(side),
      lower: Float64Array.from(lower!.subarray(k * n, (k + 1) * n)),
      upper: Float64Array.from(upper!.subarray(k * n, (k + 1) * n)),
    }
  })
}

/**
 * A program that PDHG can start on.
 * @throws EquilibriaError `data`, as `checkProgram`, and for a program without variables
 */
export function checkSolvable(program: LinearProgram): void {
  checkProgram(program)
  if (program.c.length === 0)
    throw new EquilibriaError('data', `Program "${program.name}" has no variables.`, 'There is nothing to solve for.')
}
