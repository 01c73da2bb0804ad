import { csrFromTriplets } from '../program/csr.ts'
import type { LinearProgram } from '../program/program.ts'
import { fileError, quote } from './fail.ts'

/** What an MPS file says besides the program itself. */
export interface MpsProgram extends LinearProgram {
  readonly rowNames: readonly string[]
  readonly columnNames: readonly string[]
  /** The file maximises: `c` and `offset` here are its negatives, so the file's objective is `−(cᵀy + offset)`. */
  readonly maximize: boolean
  /** Columns that the file declares integer or semi-continuous; the program is the relaxation. */
  readonly integer: readonly number[]
  /** Conventions that decided something, one sentence each. */
  readonly notes: readonly string[]
}

/** Rows that are no constraint: the objective, and further `N` rows. */
export const OBJECTIVE = -1
export const IGNORED = -2

/** An MPS file half read. */
export interface MpsDraft {
  readonly file: string
  name: string
  maximize: boolean
  readonly rows: Map<string, number>
  readonly rowTypes: string[]
  readonly rowNames: string[]
  readonly columns: Map<string, number>
  readonly columnNames: string[]
  readonly entryRow: number[]
  readonly entryColumn: number[]
  readonly entryValue: number[]
  readonly cost: number[]
  offset: number
  readonly rhs: Map<number, number>
  readonly ranges: Map<number, number>
  readonly lower: number[]
  readonly upper: number[]
  /** Line of the last bound of a column, `0` for none. */
  readonly boundLine: number[]
  /** Whether the file itself gave the lower bound. */
  readonly lowerGiven: boolean[]
  readonly integer: boolean[]
  /** First name seen in RHS, RANGES, BOUNDS: the vector that counts. */
  readonly vectors: Map<string, string>
  hasObjective: boolean
  readonly notes: Set<string>
}

export function emptyDraft(file: string): MpsDraft {
  return {
    file,
    name: '',
    maximize: false,
    rows: new Map(),
    rowTypes: [],
    rowNames: [],
    columns: new Map(),
    columnNames: [],
    entryRow: [],
    entryColumn: [],
    entryValue: [],
    cost: [],
    offset: 0,
    rhs: new Map(),
    ranges: new Map(),
    lower: [],
    upper: [],
    boundLine: [],
    lowerGiven: [],
    integer: [],
    vectors: new Map(),
    hasObjective: false,
    notes: new Set(),
  }
}

/** The program, with right-hand sides and ranges turned into row bounds. */
export function finishDraft(draft: MpsDraft, name: string): MpsProgram {
  const m = draft.rowNames.length
  const n = draft.columnNames.length
  const matrix = csrFromTriplets({
    rows: m,
    columns: n,
    row: draft.entryRow,
    column: draft.entryColumn,
    value: draft.entryValue,
  })
  const doubled = draft.entryRow.length - matrix.indices.length
  if (doubled > 0) draft.notes.add(`${doubled} coefficients were given more than once and have been added up.`)
  const rowLower = new Float64Array(m)
  const rowUpper = new Float64Array(m)
  for (let i = 0; i < m; i++) [rowLower[i], rowUpper[i]] = rowBounds(draft, i)
  for (let j = 0; j < n; j++) checkBounds(draft, j)
  const integer = draft.integer.flatMap((is, j) => (is ? [j] : []))
  if (integer.length > 0) {
    draft.notes.add(
      `${integer.length} integer columns are read as continuous; without bounds of their own they lie in [0, +inf).`,
    )
  }
  if (!draft.hasObjective) draft.notes.add('There is no N row: the objective is 0.')
  const sign = draft.maximize ? -1 : 1
  if (draft.maximize) draft.notes.add('The file maximises: c and the offset are negated, and the program minimises.')
  return {
    name,
    c: Float64Array.from(draft.cost, (value) => 0 + sign * value),
    offset: 0 + sign * draft.offset,
    matrix,
    rowLower,
    rowUpper,
    lower: Float64Array.from(draft.lower),
    upper: Float64Array.from(draft.upper),
    rowNames: draft.rowNames,
    columnNames: draft.columnNames,
    maximize: draft.maximize,
    integer,
    notes: [...draft.notes],
  }
}

/** `L`: `(−∞, b]`, `G`: `[b, ∞)`, `E`: `[b, b]`; a range `r` makes them `[b − |r|, b]`, `[b, b + |r|]`, and `b` to `b + r`. */
function rowBounds(draft: MpsDraft, row: number): [number, number] {
  const type = draft.rowTypes[row] ?? 'E'
  const b = draft.rhs.get(row) ?? 0
  const range = draft.ranges.get(row)
  let low = type === 'L' ? -Infinity : b
  let high = type === 'G' ? Infinity : b
  if (range !== undefined) {
    if (type === 'L' || (type === 'E' && range < 0)) low = b - Math.abs(range)
    else if (type === 'G' || range > 0) high = b + Math.abs(range)
  }
  if (low <= high && low < Infinity && high > -Infinity) return [low, high]
  throw fileError(
    { file: draft.file, field: `row ${quote(draft.rowNames[row] ?? '')}` },
    `right-hand side ${b}${range === undefined ? '' : ` and range ${range}`} leave no finite value for a row of type ${type}`,
    'Infinite right-hand sides are legal only on the side where they mean "no bound".',
  )
}

function checkBounds(draft: MpsDraft, column: number): void {
  const low = draft.lower[column] ?? 0
  const high = draft.upper[column] ?? Infinity
  if (low <= high && low < Infinity && high > -Infinity) return
  throw fileError(
    { file: draft.file, line: draft.boundLine[column] ?? 0, field: `column ${quote(draft.columnNames[column] ?? '')}` },
    `the lower bound ${low} and the upper bound ${high} leave no finite value`,
    'Correct the BOUNDS section; the lower bound must not exceed the upper one.',
  )
}
