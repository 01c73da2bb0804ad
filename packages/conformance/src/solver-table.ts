import type { Solver, Status } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import {
  aitken,
  anderson,
  andersonI,
  auto,
  broyden,
  chebyshev,
  davisYin,
  douglasRachford,
  forwardBackward,
  halpern,
  krasnoselskiiMann,
  levenbergMarquardt,
  minimalPolynomial,
  newtonKrylov,
  peacemanRachford,
  picard,
  pseudoTransient,
  reducedRank,
  vectorEpsilon,
} from '@equilibria/solvers'
import { scoped } from '@equilibria/tensor'
import { truthMaps } from './fixtures/truth.ts'
import { inputOf, operatorOf } from './fixtures/truth/tools.ts'
import type { TruthMap } from './fixtures/truth/entry.ts'
import { monotone, published, zoo, type ZooProblem, zooError } from './zoo/index.ts'

/** One problem of the table: a zoo problem, or the map of a truth case. */
export interface TableRow {
  readonly name: string
  readonly from: 'published' | 'zoo' | 'monotone' | 'truth'
  readonly problem: Pick<ZooProblem, 'operator' | 'input' | 'answers' | 'also' | 'tolerance'>
  /** `ρ` where the spectrum is real and lies in `[−ρ, ρ]`: what `chebyshev()` must be told. */
  readonly realRadius?: number
}
/** One solver of the table. `undefined`: it cannot be used on this problem. */
export interface TableColumn {
  readonly name: string
  make(row: TableRow): Solver | undefined
  /** Default `1000`. */
  readonly maxSteps?: number
}
/** How one solver did on one problem. */
export interface TableCell {
  readonly row: string
  readonly column: string
  /** `none`: cannot be used here; `elsewhere`: converged, to a point that is none of the known answers. */
  readonly outcome: Status | 'none' | 'elsewhere'
  /** Calls of `G` on the batch, products with its Jacobian included. */
  readonly evaluations: number
}

/** Relative residual that counts as solved. */
export const TABLE_TOLERANCE = 1e-5
const MAX_STEPS = 1000
/** A step of these may take 50 products: 1000 steps that lead nowhere would take a minute. */
const NEWTON_STEPS = 60

/** Splitting methods need an operator that offers its monotone parts. */
const split =
  (make: () => Solver) =>
  ({ from }: TableRow): Solver | undefined =>
    from === 'monotone' ? make() : undefined

/** Every solver of `@equilibria/solvers`, with its defaults. */
export const tableColumns: readonly TableColumn[] = [
  { name: 'picard', make: () => picard() },
  { name: 'krasnoselskiiMann', make: () => krasnoselskiiMann() },
  { name: 'halpern', make: () => halpern() },
  { name: 'aitken', make: () => aitken() },
  {
    name: 'chebyshev',
    make: ({ realRadius }) => (realRadius === undefined ? undefined : chebyshev({ radius: realRadius })),
  },
  { name: 'reducedRank', make: () => reducedRank() },
  { name: 'minimalPolynomial', make: () => minimalPolynomial() },
  { name: 'vectorEpsilon', make: () => vectorEpsilon() },
  { name: 'anderson', make: () => anderson() },
  { name: 'andersonI', make: () => andersonI() },
  { name: 'broyden', make: () => broyden() },
  { name: 'broyden (bad)', make: () => broyden({ update: 'bad' }) },
  { name: 'pseudoTransient', make: () => pseudoTransient(), maxSteps: NEWTON_STEPS },
  { name: 'newtonKrylov', make: () => newtonKrylov(), maxSteps: NEWTON_STEPS },
  { name: 'levenbergMarquardt', make: () => levenbergMarquardt(), maxSteps: NEWTON_STEPS },
  { name: 'auto', make: () => auto() },
  { name: 'forwardBackward', make: split(forwardBackward) },
  { name: 'peacemanRachford', make: split(peacemanRachford) },
  { name: 'douglasRachford', make: split(douglasRachford) },
  { name: 'davisYin', make: split(davisYin) },
]

/** Real spectra in `[−ρ, ρ]`, by the name of the row. */
const REAL: Readonly<Record<string, number>> = {
  affineSymmetric90: 0.9,
  affineSymmetric99: 0.99,
  poisson: Math.cos(Math.PI / 32),
  affine_symmetric_4: 0.95,
  poisson_jacobi_1d: Math.cos(Math.PI / 8),
  affine: 0.9,
  reciprocal: 0.95,
}

/** The rows: the published set, the zoo, and the cases of a truth file that are maps. */
export function tableRows(truth?: unknown): TableRow[] {
  const from = (name: TableRow['from'], made: Readonly<Record<string, () => ZooProblem>>) =>
    Object.entries(made).map(([key, make]) => rowOf(key, name, make()))
  const own = Object.keys(published)
  return [
    ...from('published', published),
    ...from('zoo', Object.fromEntries(Object.entries(zoo).filter(([key]) => !own.includes(key)))),
    ...from('monotone', monotone),
    ...(truth === undefined ? [] : truthMaps(truth).map(([id, map]) => rowOf(id, 'truth', problemOf(map)))),
  ]
}

/** Names are kept apart: the zoo and the truth cases both have a `kepler`. */
const rowOf = (name: string, from: TableRow['from'], problem: TableRow['problem']): TableRow => ({
  name: from === 'truth' || from === 'monotone' ? `${from}: ${name}` : name,
  from,
  problem,
  ...(REAL[name] === undefined ? {} : { realRadius: REAL[name] }),
})

const problemOf = (map: TruthMap): TableRow['problem'] => {
  const largest = Math.max(1, ...map.answers.map((row) => Math.hypot(...row)))
  return {
    operator: () => operatorOf(map),
    input: () => inputOf(map),
    answers: map.answers,
    also: map.also,
    tolerance: 2 * (1e-6 + 4 * 2 ** -24) * map.resolvent * largest, // as zoo problems have it
  }
}

/** Runs one cell on the current backend. */
export function tableCell(row: TableRow, column: TableColumn): TableCell {
  const named = { row: row.name, column: column.name }
  const solver = column.make(row)
  if (!solver) return { ...named, outcome: 'none', evaluations: 0 }
  return scoped(() => {
    const layer = equilibrium(row.problem.operator(), {
      solver,
      tolerance: TABLE_TOLERANCE,
      maxSteps: column.maxSteps ?? MAX_STEPS,
    })
    const { state, status, stats } = layer.solve(row.problem.input())
    // Tolerances of problems are for a residual of 1e-6; the error scales with it.
    const near = zooError(row.problem, state) <= row.problem.tolerance * (TABLE_TOLERANCE / 1e-6)
    return { ...named, outcome: status === 'converged' && !near ? 'elsewhere' : status, evaluations: stats.evaluations }
  })
}

/** Did this cell end at a fixed point? */
export const isSolved = (cell: TableCell): boolean => cell.outcome === 'converged' || cell.outcome === 'elsewhere'

/** Every cell, row by row. */
export const solverTable = (rows: readonly TableRow[], columns: readonly TableColumn[] = tableColumns): TableCell[] =>
  rows.flatMap((row) => columns.map((column) => tableCell(row, column)))

const TITLES = {
  published: 'Published problems',
  zoo: 'Small problems with closed-form answers',
  monotone: 'Monotone operator networks',
  truth: 'Truth cases that are maps',
} as const

const text = (cell: TableCell | undefined): string => {
  if (!cell || cell.outcome === 'none') return '·'
  if (cell.outcome === 'converged') return String(cell.evaluations)
  return cell.outcome === 'elsewhere' ? `${cell.evaluations}*` : cell.outcome
}

/** The tables as Markdown: evaluations, or how it ended. A second backend is shown where it differs. */
export function formatSolverTable(
  rows: readonly TableRow[],
  cells: readonly TableCell[],
  other: readonly TableCell[] = [],
): string {
  const find = (all: readonly TableCell[], row: string, column: string) =>
    all.find((cell) => cell.row === row && cell.column === column)
  const sections = (['published', 'zoo', 'monotone', 'truth'] as const).map((from) => {
    const own = rows.filter((row) => row.from === from)
    if (own.length === 0) return ''
    const columns = tableColumns.filter(({ name }) => own.some((row) => text(find(cells, row.name, name)) !== '·'))
    const head = `| problem | ${columns.map((c) => c.name).join(' | ')} |\n|---|${columns.map(() => '--:|').join('')}`
    const lines = own.map((row) => {
      const shown = columns.map((column) => {
        const [one, two] = [text(find(cells, row.name, column.name)), text(find(other, row.name, column.name))]
        return other.length > 0 && one !== two ? `${one} / ${two}` : one
      })
      return `| ${row.name} | ${shown.join(' | ')} |`
    })
    return `## ${TITLES[from]}\n\n${head}\n${lines.join('\n')}\n`
  })
  return sections.filter(Boolean).join('\n')
}

/** Reads a page written by `formatSolverTable` back: the figures of its first or second backend by row and column. */
export function parseSolverTable(
  page: string,
  backend: 'first' | 'second' = 'first',
): Map<string, Map<string, string>> {
  const rows = new Map<string, Map<string, string>>()
  let columns: string[] = []
  for (const line of page.split('\n')) {
    if (!line.startsWith('|') || line.startsWith('|-') || line.startsWith('| -')) continue
    const [first, ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    if (first === 'case') break // what the truth cases compare: another table
    if (first === 'problem') columns = cells
    else
      rows.set(
        first!,
        new Map(cells.map((cell, i) => [columns[i]!, cell.split(' / ').at(backend === 'first' ? 0 : -1)!])),
      )
  }
  return rows
}
