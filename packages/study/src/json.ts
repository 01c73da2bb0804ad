import { EquilibriaError } from '@equilibria/tensor'
import type { StudyResult } from './types.ts'

/** The study as JSON text, one line per field of the top levels. */
export const stringifyStudy = (study: StudyResult): string => `${JSON.stringify(study, refuseNonFinite, 1)}\n`

/**
 * A study back from its JSON text.
 * @throws EquilibriaError `data` when the text is not JSON, or not a study of a version that this package reads.
 */
export function parseStudy(text: string): StudyResult {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new EquilibriaError('data', `Not JSON: ${(cause as Error).message}.`, 'Is the file complete?', { cause })
  }
  const fail = (what: string, hint: string): never => {
    throw new EquilibriaError('data', `Not a study: ${what}.`, hint)
  }
  if (!isRecord(value)) return fail(`the top level is ${kindOf(value)}`, 'Pass what stringifyStudy() wrote.')
  if (value['schema'] !== 'equilibria-study/1')
    fail(`schema is ${JSON.stringify(value['schema'])}`, 'This package reads "equilibria-study/1".')
  for (const [key, kind] of FIELDS)
    if (kindOf(value[key]) !== kind) fail(`"${key}" is ${kindOf(value[key])}, not ${kind}`, 'Is the file complete?')
  for (const [i, model] of (value['models'] as unknown[]).entries()) {
    if (!isRecord(model)) return fail(`models[${i}] is ${kindOf(model)}, not object`, 'Is the file complete?')
    for (const [key, kind] of MODEL_FIELDS)
      if (kindOf(model[key]) !== kind)
        fail(`models[${i}].${key} is ${kindOf(model[key])}, not ${kind}`, 'Is the file complete?')
  }
  return value as unknown as StudyResult
}

const FIELDS = [
  ['title', 'string'],
  ['summary', 'string'],
  ['task', 'object'],
  ['data', 'object'],
  ['metrics', 'array'],
  ['models', 'array'],
  ['peers', 'array'],
  ['sections', 'array'],
  ['settings', 'object'],
  ['provenance', 'object'],
  ['notes', 'array'],
] as const
const MODEL_FIELDS = [
  ['name', 'string'],
  ['depth', 'string'],
  ['parameters', 'number'],
  ['rows', 'array'],
  ['perSample', 'array'],
  ['answers', 'array'],
] as const

const isRecord = (value: unknown): value is Record<string, unknown> => kindOf(value) === 'object'
const kindOf = (value: unknown): string => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value)

/* JSON would write null silently; a section given by a domain may hold one. */
const refuseNonFinite = (key: string, value: unknown): unknown => {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new EquilibriaError('data', `"${key}" of the study is ${value}, which JSON cannot hold.`, 'Use null instead.')
  return value
}
