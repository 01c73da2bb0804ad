import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import type { LpInput } from '../graph/input.ts'
import { csrFromTriplets } from '../program/csr.ts'
import type { LinearProgram } from '../program/program.ts'

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
 * @throws EquilibriaError on lengths that do not fit, NaN, infinite costs or coefficients, and crossed bounds
 */
export function checkProgram(p: LinearProgram): void {
  const { rows: m, columns: n } = p.matrix
  const fail = (what: string, hint: string): never => {
    throw new EquilibriaError('data', `Program "${p.name}": ${what}`, hint)
  }
  const sizes: [string, ArrayLike<number>, number][] = [
    ['c', p.c, n],
    ['lower', p.lower, n],
    ['upper', p.upper, n],
    ['rowLower', p.rowLower, m],
    ['rowUpper', p.rowUpper, m],
    ['matrix.starts', p.matrix.starts, m + 1],
  ]
  if (n === 0) fail('it has no variables.', 'There is nothing to solve for.')
  for (const [name, v, size] of sizes)
    if (v.length !== size) fail(`${name} has ${v.length} entries, not ${size}.`, 'c, lower, upper: n; sides: m.')
  p.c.forEach((v, j) => {
    if (!Number.isFinite(v)) fail(`c[${j}] is ${v}.`, 'Costs must be finite.')
  })
  for (let e = 0; e < p.matrix.starts[m]!; e++) {
    if (!Number.isFinite(p.matrix.values[e]!)) fail(`coefficient ${e} is ${p.matrix.values[e]}.`, 'Must be finite.')
    const j = p.matrix.indices[e]!
    if (!(j >= 0 && j < n)) fail(`coefficient ${e} is in column ${j} of ${n}.`, 'Columns count from 0.')
  }
  const pair = (what: string, low: Float64Array, high: Float64Array) =>
    low.forEach((l, i) => {
      const u = high[i]!
      if (!(l <= u) || l === Number.POSITIVE_INFINITY || u === Number.NEGATIVE_INFINITY)
        fail(`${what} ${i} asks for ${l} ≤ · ≤ ${u}.`, 'Bounds need lower ≤ upper, lower < ∞ and upper > −∞.')
    })
  pair('row', p.rowLower, p.rowUpper)
  pair('variable', p.lower, p.upper)
}
