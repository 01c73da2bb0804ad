import { fileError, type Place, quote } from './fail.ts'
import { IGNORED, type MpsDraft, OBJECTIVE } from './mps-draft.ts'
import { fixedFields, type MpsFormat, type MpsLine, words } from './mps-lines.ts'
import { isNumber, readBound, readFinite } from './number.ts'

/** Reads one data line of a section into the draft. */
export type SectionReader = (draft: MpsDraft, line: MpsLine, format: MpsFormat, state: SectionState) => void
/** What a section remembers between its lines. */
export interface SectionState {
  integer: boolean
}

const at = (draft: MpsDraft, line: MpsLine, field: number): Place => ({
  file: draft.file,
  line: line.number,
  field: `field ${field}`,
})
const freeHint =
  'Fields are: 1 type, 2 column or vector, 3 row, 4 value, 5 row, 6 value. Pass format "fixed" or "free".'

export const readRow: SectionReader = (draft, line, format) => {
  const fields = format === 'fixed' ? fixedFields(line.text) : words(line.text)
  const [type = '', name = ''] = fields
  if (name === '' || (format === 'free' && fields.length > 2)) {
    throw fileError(at(draft, line, 2), `a ROWS line needs a type and a name, not ${quote(line.text.trim())}`, freeHint)
  }
  if (draft.rows.has(name)) {
    throw fileError(at(draft, line, 2), `row ${quote(name)} is declared twice`, 'Row names must differ.')
  }
  if (type === 'N') {
    if (draft.hasObjective) draft.notes.add('N rows after the first are free rows and have been left out.')
    draft.rows.set(name, draft.hasObjective ? IGNORED : OBJECTIVE)
    draft.hasObjective = true
  } else if (type === 'L' || type === 'G' || type === 'E') {
    draft.rows.set(name, draft.rowNames.length)
    draft.rowNames.push(name)
    draft.rowTypes.push(type)
  } else {
    throw fileError(at(draft, line, 1), `unknown row type ${quote(type)}`, 'Legal types: N, L, G, E.')
  }
}

export const readColumn: SectionReader = (draft, line, format, state) => {
  const marker = line.text.includes("'MARKER'") ? words(line.text) : []
  if (marker[1] === "'MARKER'") {
    const kind = marker.at(-1) ?? ''
    if (kind !== "'INTORG'" && kind !== "'INTEND'") {
      throw fileError(at(draft, line, 5), `unknown marker ${quote(kind)}`, "Legal markers: 'INTORG', 'INTEND'.")
    }
    state.integer = kind === "'INTORG'"
    return
  }
  const { head, pairs } = readPairs(draft, line, format, true)
  let column = draft.columns.get(head)
  if (column === undefined) {
    column = draft.columnNames.length
    draft.columns.set(head, column)
    draft.columnNames.push(head)
    draft.cost.push(0)
    draft.lower.push(0)
    draft.upper.push(Infinity)
    draft.boundLine.push(0)
    draft.lowerGiven.push(false)
    draft.integer.push(state.integer)
  }
  for (const [row, text, field] of pairs) {
    const value = readFinite(text, at(draft, line, field + 1))
    if (row === OBJECTIVE) draft.cost[column] = (draft.cost[column] ?? 0) + value
    if (row < 0 || value === 0) continue
    draft.entryRow.push(row)
    draft.entryColumn.push(column)
    draft.entryValue.push(value)
  }
}

export const readRightHandSide: SectionReader = (draft, line, format) => {
  const { head, pairs } = readPairs(draft, line, format, false)
  if (otherVector(draft, 'RHS', head)) return
  for (const [row, text, field] of pairs) {
    const place = at(draft, line, field + 1)
    setOnce(draft.rhs, row, row === OBJECTIVE ? readFinite(text, place) : readBound(text, place), place)
    if (row === OBJECTIVE) draft.offset = 0 - readFinite(text, place)
  }
}

export const readRange: SectionReader = (draft, line, format) => {
  const { head, pairs } = readPairs(draft, line, format, false)
  if (otherVector(draft, 'RANGES', head)) return
  for (const [row, text, field] of pairs) {
    const place = at(draft, line, field + 1)
    setOnce(draft.ranges, row, readBound(text, place), place)
  }
}

function setOnce(values: Map<number, number>, row: number, value: number, place: Place): void {
  if (row === IGNORED) return
  if (values.has(row))
    throw fileError(place, 'this row already has a value', 'Give each row at most one value per section.')
  values.set(row, value)
}

/** Only the first vector of RHS, RANGES and BOUNDS counts. */
export function otherVector(draft: MpsDraft, section: string, name: string): boolean {
  const first = draft.vectors.get(section)
  if (first === undefined) draft.vectors.set(section, name)
  if (first === undefined || first === name) return false
  draft.notes.add(`${section} vectors other than ${quote(first)} have been left out.`)
  return true
}

/** `head (row value)+`, each with the number of the field its row name stands in. */
function readPairs(
  draft: MpsDraft,
  line: MpsLine,
  format: MpsFormat,
  needsHead: boolean,
): { head: string; pairs: (readonly [row: number, value: string, field: number])[] } {
  let fields = format === 'fixed' ? fixedFields(line.text).slice(1) : words(line.text)
  if (format === 'fixed') {
    while (fields.length > 1 && fields.at(-1) === '') fields = fields.slice(0, -1)
  } else if (!needsHead && fields.length % 2 === 0) fields = ['', ...fields]
  if (fields.length < 3 || fields.length % 2 === 0 || (needsHead && fields[0] === '')) {
    throw fileError(
      at(draft, line, fields.length + 2),
      `expected a name and pairs of row and value, not ${quote(line.text.trim())}`,
      freeHint,
    )
  }
  const pairs: (readonly [number, string, number])[] = []
  for (let k = 1; k < fields.length; k += 2) {
    const name = fields[k] ?? ''
    const row = draft.rows.get(name)
    if (row === undefined) {
      throw fileError(
        at(draft, line, k + 2),
        `unknown row ${quote(name)}`,
        'Declare it in the ROWS section, or pass format "fixed" if names hold spaces.',
      )
    }
    pairs.push([row, fields[k + 1] ?? '', k + 2])
  }
  return { head: fields[0] ?? '', pairs }
}

/** The parts of a BOUNDS line; the vector's name may be missing in free format. */
export function boundFields(
  draft: MpsDraft,
  line: MpsLine,
  format: MpsFormat,
  needsValue: (type: string) => boolean,
): { type: string; vector: string; column: number; value: string; place: (field: number) => Place } {
  const place = (field: number): Place => at(draft, line, field)
  const fields: readonly string[] = format === 'fixed' ? fixedFields(line.text) : words(line.text)
  const type = fields[0] ?? ''
  let [vector = '', name = '', value = ''] = fields.slice(1)
  if (format === 'free') {
    const short = needsValue(type)
      ? fields.length === 3
      : fields.length === 2 || (fields.length === 3 && !draft.columns.has(name) && isNumber(name))
    if (short) [vector, name, value] = ['', vector, name]
    if (fields.length > 4) throw fileError(place(5), `${fields.length} fields in a BOUNDS line`, freeHint)
  }
  const column = draft.columns.get(name)
  if (column === undefined) {
    throw fileError(place(3), `unknown column ${quote(name)}`, 'Give it at least one entry in the COLUMNS section.')
  }
  return { type, vector, column, value, place }
}
