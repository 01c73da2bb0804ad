import { EquilibriaError } from '@equilibria/tensor'

/** Where in a text file something is. Lines count from 1; `field` is what the format calls it. */
export interface Place {
  readonly file: string
  readonly line?: number
  readonly field?: string
}

/** The one error of the readers: file, line and field, what was seen, what to do. */
export function fileError(place: Place, seen: string, hint: string, cause?: unknown): EquilibriaError {
  const line = place.line === undefined ? '' : `, line ${place.line}`
  const field = place.field === undefined ? '' : `, ${place.field}`
  return new EquilibriaError(
    'file',
    `${place.file}${line}${field}: ${seen}.`,
    hint,
    cause === undefined ? {} : { cause },
  )
}

/** Text for a message: quoted, control characters shown, cut at 40 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
