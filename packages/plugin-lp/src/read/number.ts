import { fileError, type Place, quote } from './fail.ts'

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?$/
const infinite = /^[+-]?inf(?:inity)?$/i

/** From this size on a bound means "none", as in the solvers of the field. */
export const INFINITE = 1e20

export const isNumber = (text: string): boolean => decimal.test(text) || infinite.test(text)

/** A finite number; Fortran's `D` exponents are read too. */
export function readFinite(text: string, place: Place): number {
  const value = decimal.test(text) ? Number(text.replace(/[dD]/, 'e')) : Number.NaN
  if (Number.isFinite(value)) return value
  throw fileError(place, `${quote(text)} is not a finite number`, 'Write a decimal number such as -1.5 or 2e3 here.')
}

/** A number or `±inf`; sizes from 1e20 on are infinite. */
export function readBound(text: string, place: Place): number {
  if (infinite.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  const value = decimal.test(text) ? Number(text.replace(/[dD]/, 'e')) : Number.NaN
  if (Number.isNaN(value)) {
    throw fileError(
      place,
      `${quote(text)} is not a number`,
      'Write a decimal number such as -1.5 or 2e3, or inf, here.',
    )
  }
  return Math.abs(value) >= INFINITE ? Math.sign(value) * Infinity : value
}
