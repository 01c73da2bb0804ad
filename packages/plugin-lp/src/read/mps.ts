import { fileError, quote } from './fail.ts'
import { readBounds } from './mps-bounds.ts'
import { emptyDraft, finishDraft, type MpsDraft, type MpsProgram } from './mps-draft.ts'
import { detectFormat, type MpsFormat, type MpsLine, mpsLines, words } from './mps-lines.ts'
import {
  readColumn,
  readRange,
  readRightHandSide,
  readRow,
  type SectionReader,
  type SectionState,
} from './mps-sections.ts'

export type { MpsProgram } from './mps-draft.ts'
export type { MpsFormat } from './mps-lines.ts'

export interface MpsOptions {
  /** Name for messages and, where the file has none, of the program. Default `'program.mps'`. */
  readonly name?: string
  /** Default `'auto'`: `'fixed'` where names hold spaces, `'free'` otherwise. */
  readonly format?: MpsFormat | 'auto'
}

const sections: Readonly<Record<string, SectionReader>> = {
  ROWS: readRow,
  COLUMNS: readColumn,
  RHS: readRightHandSide,
  RANGES: readRange,
  BOUNDS: readBounds,
  OBJSENSE: (draft, line) => readSense(draft, line, words(line.text)[0] ?? ''),
}
const legal = ['NAME', ...Object.keys(sections), 'ENDATA'].join(', ')

/**
 * Reads a linear program in MPS, fixed or free:
 *
 * `min cᵀy + offset` subject to `rowLower ≤ A y ≤ rowUpper`, `lower ≤ y ≤ upper`.
 *
 * The first `N` row is the objective and further ones are left out; the right-hand side of the objective row is the
 * negative of the offset; entries of the same place are added up; coefficients that are exactly 0 are not stored.
 * Integer columns become continuous in `[0, +∞)` unless BOUNDS says more. What a convention decided is in `notes`.
 *
 * Not for quadratic, conic or SOS sections, which are refused, and not for gzipped bytes: `loadMps` opens those.
 * @throws `file`, with file, line and field: unknown sections, rows, columns and types, bad numbers, crossed bounds, a
 * missing ENDATA.
 * @example
 * ```ts
 * import { readMps } from '@equilibria/plugin-lp'
 * const program = readMps(`NAME          TINY
 * ROWS
 *  N  COST
 *  L  LIM
 * COLUMNS
 *     X         COST              -1.0   LIM                1.0
 * RHS
 *     RHS       LIM                4.0
 * ENDATA
 * `)
 * console.log(program.matrix.rows, program.rowUpper[0]) // 1 4
 * ```
 */
export function readMps(source: string | Uint8Array, options: MpsOptions = {}): MpsProgram {
  const file = options.name ?? 'program.mps'
  const text = typeof source === 'string' ? source : decode(source, file)
  const format = options.format === undefined || options.format === 'auto' ? detectFormat(text) : options.format
  const draft = emptyDraft(file)
  const state: SectionState = { integer: false }
  const seen = new Set<string>()
  let section = ''
  let last = 0
  for (const line of mpsLines(text)) {
    last = line.number
    if (line.header) {
      section = header(draft, line, seen)
      if (section === 'ENDATA') {
        return finishDraft(draft, draft.name === '' ? file : draft.name)
      }
      continue
    }
    const read = sections[section]
    if (read === undefined) {
      throw fileError(
        { file, line: line.number },
        `data outside of any section: ${quote(line.text.trim())}`,
        `Section headers begin in column 1; legal ones: ${legal}.`,
      )
    }
    read(draft, line, format, state)
  }
  throw fileError(
    last === 0 ? { file } : { file, line: last },
    last === 0 ? 'the file is empty' : 'the file ends without ENDATA',
    'It is probably cut short; fetch or write it again.',
  )
}

function header(draft: MpsDraft, line: MpsLine, seen: Set<string>): string {
  const [section = '', ...rest] = words(line.text)
  const place = { file: draft.file, line: line.number, field: 'section' }
  if (section !== 'NAME' && section !== 'ENDATA' && !Object.hasOwn(sections, section)) {
    throw fileError(
      place,
      `unknown section ${quote(section)}`,
      `Only linear programs are read; legal sections: ${legal}.`,
    )
  }
  if (seen.has(section)) throw fileError(place, `section ${section} appears twice`, 'Merge the two.')
  seen.add(section)
  const needed = section === 'COLUMNS' ? ['ROWS'] : section === 'ENDATA' ? ['ROWS', 'COLUMNS'] : []
  for (const earlier of needed) {
    if (!seen.has(earlier)) {
      throw fileError(
        place,
        `${section} comes before any ${earlier}`,
        'The order is NAME, ROWS, COLUMNS, RHS, RANGES, BOUNDS, ENDATA.',
      )
    }
  }
  if (section === 'NAME') draft.name = rest.join(' ')
  if (section === 'OBJSENSE' && rest[0] !== undefined) readSense(draft, line, rest[0])
  return section
}

function readSense(draft: MpsDraft, line: MpsLine, word: string): void {
  const sense = word.toUpperCase()
  if (!['MAX', 'MAXIMIZE', 'MIN', 'MINIMIZE'].includes(sense)) {
    throw fileError(
      { file: draft.file, line: line.number, field: 'OBJSENSE' },
      `unknown sense ${quote(word)}`,
      'Legal: MIN, MINIMIZE, MAX, MAXIMIZE.',
    )
  }
  draft.maximize = sense.startsWith('MAX')
}

function decode(bytes: Uint8Array, file: string): string {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw fileError({ file }, 'the bytes are gzipped', 'Open them with loadMps (or readMpsFile in Node).')
  }
  return new TextDecoder().decode(bytes)
}
