const brand = Symbol.for('@equilibria/error')

/** What kind of mistake it is, for programs: a shape, an option, a missing gradient, a file … */
export type ErrorCode = 'shape' | 'option' | 'requirement' | 'spec' | 'not-converged' | 'gradient' | 'data' | 'file'

/**
 * Programmer errors and bad input. Names the offender, what was seen and what is legal; `hint` says what to do.
 * Numerical trouble is never thrown: it is a `Status`.
 */
export class EquilibriaError extends Error {
  readonly code: ErrorCode
  /** What to do about it; also the last line of the message. */
  readonly hint: string
  constructor(code: ErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(`${message}\n  → ${hint}`, options)
    this.name = 'EquilibriaError'
    Object.defineProperty(this, brand, { value: true })
    this.code = code
    this.hint = hint
    Object.defineProperty(this, brand, { value: true })
  }
  /** Works across duplicated installs, where `instanceof` does not. */
  static is(e: unknown): e is EquilibriaError {
    return typeof e === 'object' && e !== null && brand in e
  }
}
