import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { csrFromTriplets, type LinearProgram, readMps } from '@equilibria/plugin-lp'
import { readSafetensors } from '@equilibria/training'

/** The data pack, or `undefined` with a printed reason. */
const folder = resolve(process.env['EQUILIBRIA_DATA'] ?? resolve(import.meta.dirname, '../../../../../shared/data'))
export const data: string | undefined = existsSync(`${folder}/lp/netlib/manifest.json`) ? folder : undefined
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
    lower: Float64Array.from(parts.lower ?? Array.from({ length: n }, () => 0)),
    upper: Float64Array.from(parts.upper ?? Array.from({ length: n }, () => Number.POSITIVE_INFINITY)),
  }
}

export interface Labelled {
  readonly program: LinearProgram
  readonly y: Float64Array
  readonly dual: Float64Array
  readonly objective: number
}

/** The first `count` programs of `lp/random/NAME.safetensors`, with labels where the file has them. */
export function random(name: string, count: number): Labelled[] {
  const { tensors } = readSafetensors(readFileSync(`${data}/lp/random/${name}.safetensors`))
  const row = (key: string, k: number): Float64Array => {
    const t = tensors[key]
    if (!t) return new Float64Array(0)
    const width = t.shape.slice(1).reduce((a, b) => a * b, 1)
    return Float64Array.from(t.data.subarray(k * width, (k + 1) * width) as ArrayLike<number>, Number)
  }
  const [total, m] = tensors['b']!.shape as [number, number]
  const n = tensors['c']!.shape[1]!
  return Array.from({ length: Math.min(count, total) }, (_, k) => {
    const edges = row('edge_index', k)
    const value = row('edge_value', k)
    const equality = row('circ', k)
    const b = row('b', k)
    return {
      program: {
        name: `${name} ${k}`,
        c: row('c', k),
        offset: 0,
        lower: row('lower', k),
        upper: row('upper', k),
        rowLower: b.map((v, i) => (equality[i] === 1 ? v : Number.NEGATIVE_INFINITY)),
        rowUpper: b,
        matrix: csrFromTriplets({
          rows: m,
          columns: n,
          row: edges.subarray(0, value.length),
          column: edges.subarray(value.length),
          value,
        }),
      },
      y: row('x_star', k),
      dual: row('row_dual', k),
      objective: row('objective', k)[0] ?? Number.NaN,
    }
  })
}

/** The optimum to compare with: e226 is published without the constant of its cost row. */
export const optimum = (one: Instance): number =>
  one.lp_relaxation_objective ??
  (typeof one.published_optimum === 'number'
    ? one.published_optimum + (one.objective_offset ?? 0)
    : one.highs_objective!)
