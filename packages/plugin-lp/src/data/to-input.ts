import { EquilibriaError } from '@equilibria/tensor'
import * as tf from '@tensorflow/tfjs-core'
import type { LpInput } from '../graph/input.ts'
import type { LinearProgram } from '../program/program.ts'
import { checkProgram } from '../read/check.ts'
import { quote } from '../read/fail.ts'

/** Programs in the form `A y ∘ b` with `∘` one of `=` and `≤`, in float32 on the host, padded to one size. */
export interface PackedPrograms {
  readonly count: number
  readonly constraints: number
  readonly variables: number
  readonly edges: number
  /** `[count, variables]`, and so on as in `LpInput`; row-major. */
  readonly c: Float32Array
  readonly lower: Float32Array
  readonly upper: Float32Array
  readonly b: Float32Array
  readonly equality: Float32Array
  readonly edgeIndex: Int32Array
  readonly edgeValue: Float32Array
}

/** One row of the packed form: row `row` of the program times `sign`. */
interface Side {
  readonly row: number
  readonly sign: 1 | -1
  readonly bound: number
  readonly equality: boolean
}

/** `=` and `≤` stay, `≥` is multiplied by −1, a range becomes `≤` and `≥`, and a row without bounds is left out. */
function sidesOf(program: LinearProgram): Side[] {
  const sides: Side[] = []
  program.rowUpper.forEach((high, row) => {
    const low = program.rowLower[row] ?? -Infinity
    if (low === high) sides.push({ row, sign: 1, bound: high, equality: true })
    else {
      if (high < Infinity) sides.push({ row, sign: 1, bound: high, equality: false })
      if (low > -Infinity) sides.push({ row, sign: -1, bound: -low, equality: false })
    }
  })
  return sides
}

/**
 * Brings programs of any sizes to one batch of `LpInput`, on the host. `≥` rows are multiplied by −1, ranges become two
 * rows, rows without bounds are dropped; smaller programs are padded with rows `0 ≤ 0`, variables fixed at 0 and edges of
 * value 0. Offsets do not fit in and are dropped; infinite bounds stay infinite.
 * @throws `data` for an empty list, for what is no program, and for numbers that float32 cannot hold.
 */
export function packPrograms(programs: readonly LinearProgram[]): PackedPrograms {
  if (programs.length === 0) throw new EquilibriaError('data', 'There are no programs to batch.', 'Pass at least one.')
  for (const program of programs) checkProgram(program)
  const sides = programs.map(sidesOf)
  const length = (p: LinearProgram, { row }: Side): number =>
    (p.matrix.starts[row + 1] ?? 0) - (p.matrix.starts[row] ?? 0)
  const count = programs.length
  const most = (sizes: readonly number[]): number => sizes.reduce((a, b) => Math.max(a, b), 0)
  const constraints = most(sides.map((s) => s.length))
  const variables = most(programs.map((p) => p.c.length))
  const edges = most(programs.map((p, k) => (sides[k] ?? []).reduce((sum, side) => sum + length(p, side), 0)))
  const packed: PackedPrograms = {
    count,
    constraints,
    variables,
    edges,
    c: new Float32Array(count * variables),
    lower: new Float32Array(count * variables),
    upper: new Float32Array(count * variables),
    b: new Float32Array(count * constraints),
    equality: new Float32Array(count * constraints),
    edgeIndex: new Int32Array(count * edges * 2),
    edgeValue: new Float32Array(count * edges),
  }
  programs.forEach((program, k) => {
    packed.c.set(program.c, k * variables)
    packed.lower.set(program.lower, k * variables)
    packed.upper.set(program.upper, k * variables)
    let edge = k * edges
    ;(sides[k] ?? []).forEach(({ row, sign, bound, equality }, i) => {
      packed.b[k * constraints + i] = bound
      packed.equality[k * constraints + i] = equality ? 1 : 0
      const { starts, indices, values } = program.matrix
      for (let e = starts[row] ?? 0; e < (starts[row + 1] ?? 0); e++, edge++) {
        packed.edgeIndex[2 * edge] = i
        packed.edgeIndex[2 * edge + 1] = indices[e] ?? 0
        packed.edgeValue[edge] = sign * (values[e] ?? 0)
      }
    })
    for (const leaf of ['c', 'b', 'edgeValue'] as const) {
      const width = packed[leaf].length / count
      if (packed[leaf].subarray(k * width, (k + 1) * width).every(Number.isFinite)) continue
      throw new EquilibriaError(
        'data',
        `Linear program ${quote(program.name)}: a number in ${leaf} is too large for float32.`,
        'Scale the program; numbers must stay below 3.4e38.',
      )
    }
  })
  return packed
}

/** These programs of a pack, in this order, as fresh tensors. The caller disposes. */
export function packedInput(packed: PackedPrograms, indices: readonly number[]): LpInput {
  const { constraints: m, variables: n, edges } = packed
  const rows = indices.length
  const floats = (values: Float32Array, width: number): tf.Tensor2D =>
    tf.tensor2d(takeRows(values, width, indices, new Float32Array(rows * width)), [rows, width])
  const index = takeRows(packed.edgeIndex, 2 * edges, indices, new Int32Array(rows * 2 * edges))
  return {
    c: floats(packed.c, n),
    lower: floats(packed.lower, n),
    upper: floats(packed.upper, n),
    b: floats(packed.b, m),
    equality: floats(packed.equality, m),
    edgeIndex: tf.tensor3d(index, [rows, edges, 2], 'int32'),
    edgeValue: floats(packed.edgeValue, edges),
  }
}

/** Copies rows of `width` numbers into `out`. */
export function takeRows<T extends Float32Array | Int32Array>(
  values: T,
  width: number,
  indices: readonly number[],
  out: T,
): T {
  indices.forEach((k, i) => out.set(values.subarray(k * width, (k + 1) * width), i * width))
  return out
}

/**
 * A batch of programs as tensors, padded to one size: see `packPrograms` for what is done to rows and bounds. The caller
 * disposes.
 * @throws `data`: see `packPrograms`.
 */
export function toInput(programs: readonly LinearProgram[]): LpInput {
  const packed = packPrograms(programs)
  return packedInput(
    packed,
    programs.map((_, k) => k),
  )
}
