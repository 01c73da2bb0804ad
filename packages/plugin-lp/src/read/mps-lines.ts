import { isNumber } from './number.ts'

/** `fixed`: fields by column, so that names may hold spaces. `free`: fields by white space. */
export type MpsFormat = 'fixed' | 'free'

/** One line that is neither blank nor a comment. Headers begin in column 1. */
export interface MpsLine {
  readonly number: number
  readonly text: string
  readonly header: boolean
}

/** The lines that say something, up to the end of the text. */
export function* mpsLines(text: string): Generator<MpsLine> {
  let number = 0
  let from = 0
  while (from < text.length) {
    let to = text.indexOf('\n', from)
    if (to < 0) to = text.length
    const line = text.slice(from, text[to - 1] === '\r' && to > from ? to - 1 : to)
    from = to + 1
    number++
    if (line.startsWith('*') || line.trim() === '') continue
    yield { number, text: line, header: line[0] !== ' ' && line[0] !== '\t' }
  }
}

export const words = (text: string): string[] => text.trim().split(/\s+/)

const rowType = /^[NLGE]$/

/**
 * Fixed only where white space cannot separate the fields and columns can: a row name of several words, or a COLUMNS line
 * whose words are not `column (row value)+`.
 */
export function detectFormat(text: string): MpsFormat {
  let section = ''
  for (const line of mpsLines(text)) {
    if (line.header) {
      section = words(line.text)[0] ?? ''
      if (section !== 'NAME' && section !== 'ROWS' && section !== 'COLUMNS' && !section.startsWith('OBJ')) break
    } else if (section === 'ROWS') {
      if (words(line.text).length > 2 && rowType.test(fixedFields(line.text)[0])) return 'fixed'
    } else if (section === 'COLUMNS') {
      const field = words(line.text)
      if (line.text.includes("'MARKER'")) continue
      // A bad number is not a sign of fixed format: it is one when the columns hold a number where they should.
      const odd = field.length > 3 && (field.length % 2 === 0 || !isNumber(field[2] ?? ''))
      if (odd && isNumber(fixedFields(line.text)[3])) return 'fixed'
    }
  }
  return 'free'
}

/**
 * The six fields of a fixed line: columns 2–3, 5–12, 15–22, 25–36, 40–47, 50–61. Numbers may run into the blanks
 * around them; a `$` at the start of field 3 or 5 begins a comment.
 */
export function fixedFields(text: string): readonly [string, string, string, string, string, string] {
  const at = (from: number, to: number): string => text.slice(from, to).trim()
  const third = at(14, 22)
  if (third.startsWith('$')) return [at(1, 4), at(4, 14), '', '', '', '']
  const fifth = at(39, 47)
  const rest = fifth.startsWith('$') ? '' : at(47, 72)
  return [at(1, 4), at(4, 14), third, at(22, 39), fifth.startsWith('$') ? '' : fifth, rest]
}
