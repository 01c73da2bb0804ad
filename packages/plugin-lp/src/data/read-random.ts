import { csrFromTriplets, dot, multiplyTransposed } from '../program/csr.ts'
import type { LinearProgram } from '../program/program.ts'
import { checkProgram } from '../read/check.ts'
import { fileError } from '../read/fail.ts'
import type { LabelledProgram } from './labelled.ts'
import { openTable, type Table } from './read-table.ts'

export interface ReadProgramsOptions {
  /** Name for messages; the programs are called `name#0`, …. Default `'programs.safetensors'`. */
  readonly name?: string
  /** Read at most so many, the first ones. */
  readonly limit?: number
}

/** Where the parts of one set of programs lie in a file: `A.` before the names of the set perturbed in `A`, say. */
interface Part {
  readonly table: Table
  readonly prefix: string
  /** Has `edge_index` and `circ`. */
  readonly structure: Table
}

/**
 * Linear programs of one size from a safetensors file, without labels: `c, lower, upper [K, n]`, `b, circ [K, m]` (1 for
 * `=`, 0 for `≤`), `edge_index [K, 2, E]` (constraints, then variables) and `edge_value [K, E]`; any number type.
 * @throws `file` for missing tensors and shapes that disagree, `data` for NaN or crossed bounds, naming the program.
 */
export function readPrograms(bytes: Uint8Array, options: ReadProgramsOptions = {}): LinearProgram[] {
  const table = openTable(bytes, options.name ?? 'programs.safetensors')
  return programsOf({ table, prefix: '', structure: table }, options.limit)
}

/**
 * Like `readPrograms`, with labels: `x_star [K, n]` and, when there, `row_dual [K, m]`, `lower_dual`, `upper_dual [K, n]`.
 * Without the last two they follow from `c − Aᵀ row_dual`; without any they are NaN.
 * @throws `file`, `data`: see `readPrograms`.
 */
export function readLabelledPrograms(bytes: Uint8Array, options: ReadProgramsOptions = {}): LabelledProgram[] {
  const table = openTable(bytes, options.name ?? 'programs.safetensors')
  const programs = programsOf({ table, prefix: '', structure: table }, options.limit)
  return labelsOf(table, '', programs)
}

/** Which part of a program was moved. */
export type PerturbedPart = 'A' | 'b' | 'c' | 'lower' | 'upper'

/**
 * The perturbed test set: for each part the first programs of the test file with that part moved by a random direction
 * of 2-norm 1e-4, solved again; `undefined` where the moved program has no solution. `perturbed[part][k]` belongs to
 * program `k` of the test file, whose bytes are needed for the sparsity pattern.
 * @throws `file`, `data`: see `readPrograms`.
 */
export function readPerturbedPrograms(
  bytes: Uint8Array,
  test: Uint8Array,
  options: ReadProgramsOptions = {},
): Readonly<Record<PerturbedPart, readonly (LabelledProgram | undefined)[]>> {
  const table = openTable(bytes, options.name ?? 'test_perturbed.safetensors')
  const structure = openTable(test, 'test.safetensors')
  const read = (prefix: string): (LabelledProgram | undefined)[] => {
    const programs = programsOf({ table, prefix, structure }, options.limit)
    const solved = table.read(`${prefix}ok`, ['*']).data
    return labelsOf(table, prefix, programs).map((labelled, k) => (solved[k] === 1 ? labelled : undefined))
  }
  return { A: read('A.'), b: read('b.'), c: read('c.'), lower: read('l.'), upper: read('u.') }
}

function programsOf({ table, prefix, structure }: Part, limit = Infinity): LinearProgram[] {
  const c = table.read(`${prefix}c`, ['*', '*'])
  const [count = 0, n = 0] = c.shape
  const b = table.read(`${prefix}b`, [count, '*'])
  const m = b.shape[1] ?? 0
  const lower = table.read(`${prefix}lower`, [count, n]).data
  const upper = table.read(`${prefix}upper`, [count, n]).data
  const index = structure.read('edge_index', [structure === table ? count : '*', 2, '*'])
  const edges = index.shape[2] ?? 0
  const equality = structure.read('circ', [index.shape[0] ?? 0, m]).data
  const values = table.read(`${prefix}edge_value`, [count, edges]).data
  if ((index.shape[0] ?? 0) < count) {
    throw fileError(
      { file: structure.file },
      `${index.shape[0]} programs for ${count} perturbed ones`,
      'Pass the test set.',
    )
  }
  return Array.from({ length: Math.min(count, limit) }, (_, k) => {
    const row = index.data.subarray(2 * k * edges, (2 * k + 1) * edges)
    const column = index.data.subarray((2 * k + 1) * edges, (2 * k + 2) * edges)
    const outside = row.findIndex((i, e) => !(i >= 0 && i < m && (column[e] ?? -1) >= 0 && (column[e] ?? n) < n))
    if (outside >= 0) {
      throw fileError(
        { file: structure.file, field: `tensor "edge_index", program ${k}, edge ${outside}` },
        `it joins constraint ${row[outside]} and variable ${column[outside]} of a ${m} × ${n} program`,
        'Count both from 0.',
      )
    }
    const rowUpper = b.data.slice(k * m, (k + 1) * m)
    const program: LinearProgram = {
      name: `${table.file}#${prefix}${k}`,
      c: c.data.slice(k * n, (k + 1) * n),
      offset: 0,
      matrix: csrFromTriplets({ rows: m, columns: n, row, column, value: values.subarray(k * edges, (k + 1) * edges) }),
      rowLower: rowUpper.map((bound, i) => (equality[k * m + i] === 1 ? bound : -Infinity)),
      rowUpper,
      lower: lower.slice(k * n, (k + 1) * n),
      upper: upper.slice(k * n, (k + 1) * n),
    }
    checkProgram(program)
    return program
  })
}

function labelsOf(table: Table, prefix: string, programs: readonly LinearProgram[]): LabelledProgram[] {
  const n = programs[0]?.c.length ?? 0
  const m = programs[0]?.rowUpper.length ?? 0
  const of = (name: string, length: number): ((k: number) => Float64Array) => {
    if (!table.has(`${prefix}${name}`)) return () => new Float64Array(length).fill(Number.NaN)
    const { data } = table.read(`${prefix}${name}`, ['*', length])
    return (k) => data.slice(k * length, (k + 1) * length)
  }
  table.read(`${prefix}x_star`, ['*', n])
  const y = of('x_star', n)
  const rowDual = of('row_dual', m)
  const lowerDual = of('lower_dual', n)
  const upperDual = of('upper_dual', n)
  return programs.map((program, k) => {
    const dual = rowDual(k)
    const label = { program, y: y(k), objective: dot(program.c, y(k)) + program.offset, rowDual: dual }
    const bad = label.y.findIndex((v) => !Number.isFinite(v))
    const solved = !table.has(`${prefix}ok`) || table.read(`${prefix}ok`, ['*']).data[k] === 1
    if (bad >= 0 && solved) {
      const place = { file: table.file, field: `tensor "${prefix}x_star", program ${k}, variable ${bad}` }
      throw fileError(place, `the label is ${label.y[bad]}`, 'Labels must be finite; solve the program again.')
    }
    if (table.has(`${prefix}lower_dual`)) return { ...label, lowerDual: lowerDual(k), upperDual: upperDual(k) }
    const back = multiplyTransposed(program.matrix, dual)
    const reduced = program.c.map((cost, j) => cost - (back[j] ?? 0))
    return { ...label, lowerDual: reduced.map((d) => Math.max(d, 0)), upperDual: reduced.map((d) => Math.min(d, 0)) }
  })
}
