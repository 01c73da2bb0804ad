import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

const folder = process.env['EQUILIBRIA_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const file = path.join(folder, 'truth', 'truth_cases.json')

/** The closed-form cases of the data pack; `undefined` (and one printed line) where there is no data pack. */
export const truthCases = (): Map<string, TruthCase> | undefined => {
  if (!existsSync(file)) {
    console.log(`skipped: no ${file} (set EQUILIBRIA_DATA to the data pack)`)
    return undefined
  }
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: TruthCase[] }
  return new Map(cases.map((one) => [one.id, one]))
}

export interface TruthCase {
  readonly id: string
  readonly params: Readonly<Record<string, unknown>>
  readonly truth: Readonly<Record<string, unknown>>
}
