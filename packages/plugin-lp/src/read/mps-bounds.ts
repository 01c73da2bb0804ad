import { fileError, quote } from './fail.ts'
import { boundFields, otherVector, type SectionReader } from './mps-sections.ts'
import { readBound } from './number.ts'

/** Types that carry no number. */
const bare = new Set(['FR', 'MI', 'PL', 'BV'])
const valued = new Set(['LO', 'UP', 'FX', 'LI', 'UI', 'SC'])

/**
 * One BOUNDS line. Without any, a column lies in `[0, +∞)`; a negative `UP` where no lower bound was given moves the
 * lower one to `−∞`, as most solvers do; `SC` is relaxed to the hull of `0` and its interval.
 */
export const readBounds: SectionReader = (draft, line, format) => {
  const { type, vector, column, value: text, place } = boundFields(draft, line, format, (t) => valued.has(t))
  if (!bare.has(type) && !valued.has(type)) {
    throw fileError(place(1), `unknown bound type ${quote(type)}`, `Legal types: ${[...valued, ...bare].join(', ')}.`)
  }
  const value = bare.has(type) ? 0 : readBound(text, place(4))
  if (otherVector(draft, 'BOUNDS', vector)) return
  const { lower, upper, lowerGiven } = draft
  draft.boundLine[column] = line.number
  if (type === 'LI' || type === 'UI' || type === 'BV' || type === 'SC') draft.integer[column] = true
  if (type === 'LO' || type === 'LI' || type === 'FX') lower[column] = value
  if (type === 'UP' || type === 'UI' || type === 'FX') upper[column] = value
  if (type === 'FR' || type === 'MI') lower[column] = -Infinity
  if (type === 'FR' || type === 'PL') upper[column] = Infinity
  if (type === 'BV') [lower[column], upper[column]] = [0, 1]
  if (type === 'SC') {
    upper[column] = value === 0 ? Infinity : value
    lower[column] = Math.min(0, lower[column] ?? 0)
    draft.notes.add('Semi-continuous columns are relaxed: 0 and everything up to the bound.')
  }
  if (type !== 'UP' && type !== 'UI' && type !== 'PL') lowerGiven[column] = true
  if ((type === 'UP' || type === 'UI') && value < 0 && lowerGiven[column] !== true) {
    lower[column] = -Infinity
    draft.notes.add('A negative UP bound without a lower bound frees the variable below.')
  }
}
