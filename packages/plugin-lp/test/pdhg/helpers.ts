import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { csrFromTriplets, type LinearProgram, readMps } from '@equilibria/plugin-lp'

/** The data pack, or `undefined` with a printed reason. */
const folder = resolve(process.env['EQUILIBRIA_DATA'] ?? resolve(import.meta.dirname, '../../../../../shared/data'))
const fallback = ['/shared/data', '../../shared/data'].map((p) => resolve(import.meta.dirname, '../../../..', `.${p}`))
export const data: string | undefined = [folder, ...fallback].find((p) =>
  existsSync(resolve(p, 'lp/netlib/manifest.json')),
)
if (!data) console.log(`skipped: no data pack at ${folder} (set EQUILIBRIA_DATA)`)

export interface Instance {
  readonly name: string
  readonly file?: string
  readonly rows: number
  readonly cols: number
  readonly nonzeros?: number
  readonly published_optimum?: number | null
  readonly highs_objective?: number
  readonly lp_relaxation_objective?: number
  readonly objective_offset?: number
}
export const manifest = (set: string): readonly Instance[] =>
  data ? (JSON.parse(readFileSync(`${data}/lp/${set}/manifest.json`, 'utf8')).instances as Instance[]) : []

export function instance(set: string, { name, file }: Instance): LinearProgram {
  const bytes = readFileSync(`${data}/lp/${set}/${file ?? `${name}.mps`}`)
  return readMps(file?.endsWith('.gz') ? gunzipSync(bytes) : bytes, { name })
}

/** A dense program, for tests that can be checked by hand. */
export function dense(parts: {
  readonly c: readonly number[]
  readonly a: readonly (readonly number[])[]
  readonly rowLower: readonly number[]
  readonly rowUpper: readonly number[]
  readonly lower?: readonly number[]
  readonly upper?: readonly number[]
}): LinearProgram {
  const n = parts.c.length
  const row: number[] = []
  const column: number[] = []
  const value: number[] = []
  parts.a.forEach((entries, i) =>
    entries.forEach((v, j) => {
      if (v === 0) return
      row.push(i)
      column.push(j)
      value.push(v)
    }),
  )
  return {
    name: 'dense',
    c: Float64Array.from(parts.c),
    offset: 0,
    matrix: csrFromTriplets({ rows: parts.a.length, columns: n, row, column, value }),
    rowLower: Float64Array.from(parts.rowLower),
    rowUpper: Float64Array.from(parts.rowUpper),
    lower: Float64Array.from(parts.lower ?? new Array<number>(n).fill(0)),
    upper: Float64Array.from(parts.upper ?? new Array<number>(n).fill(Number.POSITIVE_INFINITY)),
  }
}
