import { csrFromTriplets } from '../program/csr.ts'
import type { LinearProgram } from '../program/program.ts'
import { checkProgram } from './check.ts'
import { fileError, quote } from './fail.ts'

/**
 * The JSON form of a linear program. Indices count from 0; `null` in a bound means none.
 *
 * `min cᵀy + offset` subject to `rowLower ≤ A y ≤ rowUpper`, `lower ≤ y ≤ upper`.
 */
export interface LpJson {
  readonly format: 'equilibria-lp'
  readonly version: 1
  readonly name: string
  /** Length `n`. */
  readonly c: readonly number[]
  /** Default `0`. */
  readonly offset?: number
  /** `[row, column, value]` of each coefficient of `A`; those of the same place are added up. */
  readonly entries: readonly (readonly [number, number, number])[]
  /** Length `m`. */
  readonly rowLower: readonly (number | null)[]
  readonly rowUpper: readonly (number | null)[]
  /** Length `n`. */
  readonly lower: readonly (number | null)[]
  readonly upper: readonly (number | null)[]
  readonly rowNames?: readonly string[]
  readonly columnNames?: readonly string[]
}

const vectors = ['c', 'rowLower', 'rowUpper', 'lower', 'upper'] as const
const known = new Set<string>([...vectors, 'format', 'version', 'name', 'offset', 'entries', 'rowNames', 'columnNames'])

/**
 * Reads the JSON form (see {@link LpJson}); every number comes back to the bit.
 * @throws `file`, naming the file and the field.
 */
export function readLpJson(source: string | Uint8Array, options: { readonly name?: string } = {}): LinearProgram {
  const file = options.name ?? 'program.json'
  const fail = (field: string, seen: string, hint: string): never => {
    throw fileError({ file, field }, seen, hint)
  }
  let value: unknown
  try {
    value = JSON.parse(typeof source === 'string' ? source : new TextDecoder().decode(source))
  } catch (error) {
    throw fileError(
      { file },
      `this is no JSON: ${(error as Error).message.replaceAll(/\p{Cc}/gu, ' ').slice(0, 160)}`, // says line and column
      'Write it again; MPS has its own reader, which a name that does not end in .json gets.',
      error,
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fileError({ file }, 'the file holds no JSON object', 'See LpJson for the fields.')
  }
  const fields = new Map(Object.entries(value))
  if (fields.get('format') !== 'equilibria-lp' || fields.get('version') !== 1) {
    fail(
      'format',
      `format ${show(fields.get('format'))}, version ${show(fields.get('version'))}`,
      'Legal: "equilibria-lp", 1.',
    )
  }
  for (const field of fields.keys()) {
    if (!known.has(field)) fail(field, `unknown field ${quote(field)}`, `Legal fields: ${[...known].join(', ')}.`)
  }
  const name = fields.get('name')
  if (typeof name !== 'string') throw fileError({ file, field: 'name' }, `${show(name)} is no text`, 'Give it a name.')
  const numbers = (field: string, none?: number): Float64Array => readNumbers(file, field, fields.get(field), none)
  const names = (field: string, length: number): readonly string[] | undefined => {
    const seen: unknown = fields.get(field)
    if (seen === undefined) return undefined
    if (Array.isArray(seen) && seen.length === length && seen.every((v) => typeof v === 'string')) return seen
    return fail(field, `expected ${length} texts`, 'Give one name for each, or leave the field out.')
  }
  const c = numbers('c')
  const rowLower = numbers('rowLower', -Infinity)
  const offset: unknown = fields.has('offset') ? fields.get('offset') : 0
  if (typeof offset !== 'number')
    throw fileError({ file, field: 'offset' }, `${show(offset)} is no number`, 'Leave it out for 0.')
  const rowNames = names('rowNames', rowLower.length)
  const columnNames = names('columnNames', c.length)
  const program: LinearProgram = {
    name,
    c,
    offset,
    matrix: readEntries(file, fields.get('entries'), rowLower.length, c.length),
    rowLower,
    rowUpper: numbers('rowUpper', Infinity),
    lower: numbers('lower', -Infinity),
    upper: numbers('upper', Infinity),
    ...(rowNames === undefined ? {} : { rowNames }),
    ...(columnNames === undefined ? {} : { columnNames }),
  }
  try {
    checkProgram(program)
  } catch (error) {
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    throw fileError({ file }, message.replace(/\.$/, ''), 'Correct the field that the message names.', error)
  }
  return program
}

function readNumbers(file: string, field: string, value: unknown, none?: number): Float64Array {
  if (!Array.isArray(value)) throw fileError({ file, field }, `${show(value)} is no array`, 'Give an array of numbers.')
  return Float64Array.from(value, (v: unknown, k) => {
    if (typeof v === 'number' && Number.isFinite(v)) return v
    if (v === null && none !== undefined) return none
    const hint = none === undefined ? 'Give finite numbers.' : 'Give finite numbers, or null for no bound.'
    throw fileError({ file, field: `${field}[${k}]` }, `${show(v)} is no finite number`, hint)
  })
}

function readEntries(file: string, value: unknown, rows: number, columns: number): LinearProgram['matrix'] {
  if (!Array.isArray(value)) {
    throw fileError({ file, field: 'entries' }, `${show(value)} is no array`, 'Give [row, column, value] triples.')
  }
  const row = new Int32Array(value.length)
  const column = new Int32Array(value.length)
  const values = new Float64Array(value.length)
  value.forEach((entry: unknown, k) => {
    const [i, j, v]: unknown[] = Array.isArray(entry) && entry.length === 3 ? entry : []
    if (!isIndex(i, rows) || !isIndex(j, columns) || typeof v !== 'number' || !Number.isFinite(v)) {
      throw fileError(
        { file, field: `entries[${k}]` },
        `${show(entry)} is no entry of a ${rows} × ${columns} matrix`,
        'Give [row, column, finite value], counting from 0.',
      )
    }
    row[k] = i
    column[k] = j
    values[k] = v
  })
  return csrFromTriplets({ rows, columns, row, column, value: values })
}

const isIndex = (value: unknown, below: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < below
const show = (value: unknown): string => {
  // Only the outside of lists and objects: hostile ones may be nested deeper than the stack.
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'string') return quote(value)
  return typeof value === 'object' && value !== null ? 'an object' : value === undefined ? 'nothing' : String(value)
}

/**
 * The JSON form of a program; `readLpJson` gives back the same numbers to the bit (`-0` becomes `0`).
 * @throws `data` for what is no program: see `checkProgram`.
 */
export function writeLpJson(program: LinearProgram): string {
  checkProgram(program)
  const { matrix } = program
  const entries: [number, number, number][] = []
  for (let i = 0; i < matrix.rows; i++) {
    for (let k = matrix.starts[i] ?? 0; k < (matrix.starts[i + 1] ?? 0); k++) {
      entries.push([i, matrix.indices[k] ?? 0, matrix.values[k] ?? 0])
    }
  }
  const open = (bounds: Float64Array): (number | null)[] => Array.from(bounds, (v) => (Number.isFinite(v) ? v : null))
  const json: LpJson = {
    format: 'equilibria-lp',
    version: 1,
    name: program.name,
    c: Array.from(program.c),
    offset: program.offset,
    entries,
    rowLower: open(program.rowLower),
    rowUpper: open(program.rowUpper),
    lower: open(program.lower),
    upper: open(program.upper),
    ...(program.rowNames === undefined ? {} : { rowNames: program.rowNames }),
    ...(program.columnNames === undefined ? {} : { columnNames: program.columnNames }),
  }
  return JSON.stringify(json)
}
