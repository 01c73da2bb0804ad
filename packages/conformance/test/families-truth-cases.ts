import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import path from 'node:path'

const folder = process.env['EQUILIBRIA_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const file = path.join(folder, 'truth', 'truth_cases.json')

/** One part of a case, read as what it is known to be. */
export interface Values {
  number(key: string): number
  vector(key: string): number[]
  matrix(key: string): number[][]
  list<T>(key: string): T[]
  object<T>(key: string): T
}
const values = (of: Readonly<Record<string, unknown>>): Values => ({
  number: (key) => of[key] as number,
  vector: (key) => of[key] as number[],
  matrix: (key) => of[key] as number[][],
  list: <T>(key: string) => of[key] as T[],
  object: <T>(key: string) => of[key] as T,
})

interface Stored {
  readonly id: string
  readonly params: Readonly<Record<string, unknown>>
  readonly truth: Readonly<Record<string, unknown>>
}

/** The closed-form cases of the data pack; `undefined` (and one printed line) where there is no data pack. */
export function truthCases(): ((id: string) => { readonly params: Values; readonly truth: Values }) | undefined {
  if (!existsSync(file)) {
    console.log(`skipped: no ${file} (set EQUILIBRIA_DATA to the data pack)`)
    return undefined
  }
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Stored[] }
  return (id) => {
    const found = cases.find((one) => one.id === id)!
    return { params: values(found.params), truth: values(found.truth) }
  }
}
