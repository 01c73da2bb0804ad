import { EquilibriaError } from '@equilibria/tensor'
import type { Highs } from 'highs'
import type { LinearProgram } from '../program/program.ts'
import { checkProgram } from '../read/check.ts'

/** How the exact solve ended. `optimal` alone comes with numbers that mean something. */
export type ExactStatus = 'optimal' | 'infeasible' | 'unbounded' | 'infeasible-or-unbounded' | 'unknown'

/** Primal and dual answer of one program, with `c = Aᵀ rowDual + lowerDual + upperDual`. */
export interface ExactSolution {
  readonly status: ExactStatus
  /** `cᵀy + offset`; `NaN` unless optimal. */
  readonly objective: number
  /** Length `n`. A vertex of the optimal face: unique for almost all programs, any vertex for the rest. */
  readonly y: Float64Array
  /** `∂ objective / ∂ right-hand side`, length `m`. */
  readonly rowDual: Float64Array
  /** Reduced costs of variables at their lower bound, `≥ 0`, length `n`. */
  readonly lowerDual: Float64Array
  /** Reduced costs of variables at their upper bound, `≤ 0`, length `n`. */
  readonly upperDual: Float64Array
}

/** Solves one program; synchronous once HiGHS is loaded. */
export type ExactSolver = (program: LinearProgram) => ExactSolution

type Loader = () => Promise<object>
type Start = () => Promise<Highs>

// The declarations describe the CommonJS build: its function is the ES module's `default`, or that one's `default`.
function startOf(module: object): Start | undefined {
  const inner: unknown = 'default' in module ? module.default : module
  if (typeof inner === 'function') return inner as Start
  return typeof inner === 'object' && inner !== null && 'default' in inner ? startOf(inner) : undefined
}

/**
 * Loads HiGHS (the optional peer `highs`, 3.5 MB of wasm, about 0.1 s) and returns a solver. Every solve frees its
 * native model, so thousands of solves hold memory level.
 * @param load For tests and bundlers: where the module comes from.
 * @throws `requirement` when `highs` is not installed.
 */
export async function loadExact(load: Loader = () => import('highs')): Promise<ExactSolver> {
  let highs: Highs | undefined
  let cause: unknown
  try {
    highs = await startOf(await load())?.()
  } catch (error) {
    cause = error
  }
  if (highs === undefined) {
    throw new EquilibriaError(
      'requirement',
      'Exact solutions of linear programs need the package "highs", which cannot be loaded.',
      'Install it: npm install highs@^1.15.3',
      { cause },
    )
  }
  const loaded = highs
  return (program) => solve(loaded, program)
}

let shared: Promise<ExactSolver> | undefined

/** The solver of `solveExact`: HiGHS loaded once; a failure is not kept. */
export async function sharedExact(): Promise<ExactSolver> {
  shared ??= loadExact()
  try {
    return await shared
  } catch (error) {
    shared = undefined
    throw error
  }
}

/**
 * Solves a linear program exactly (simplex, float64):
 *
 * `min cᵀy + offset` subject to `rowLower ≤ A y ≤ rowUpper`, `lower ≤ y ≤ upper`.
 *
 * HiGHS is loaded on the first call and kept. Not for thousands of variables in a page that must stay responsive: the
 * solve blocks.
 * @throws `requirement` when `highs` is not installed; `data` for what is no program.
 * @cite huangfu2018
 * @example
 * ```ts
 * import { readMps } from '@equilibria/plugin-lp'
 * import { solveExact } from '@equilibria/plugin-lp/exact'
 * const program = readMps(`ROWS
 *  N cost
 *  L limit
 * COLUMNS
 *  x cost -1 limit 1
 * RHS
 *  RHS limit 4
 * ENDATA
 * `)
 * const { status, objective, y } = await solveExact(program)
 * console.log(status, objective, y[0]) // optimal -4 4
 * ```
 */
export async function solveExact(program: LinearProgram): Promise<ExactSolution> {
  return (await sharedExact())(program)
}

function solve(highs: Highs, program: LinearProgram): ExactSolution {
  checkProgram(program)
  const { matrix, c, lower, upper, rowLower, rowUpper } = program
  const { rows: numRows, columns: numCols, starts, indices, values } = matrix
  if (numCols === 0) {
    // HiGHS leaves these unsolved: every row reads rowLower ≤ 0 ≤ rowUpper.
    const feasible = rowLower.every((low, i) => low <= 0 && 0 <= (rowUpper[i] ?? 0))
    if (!feasible) return empty('infeasible', numRows, 0)
    return { ...empty('optimal', numRows, 0), objective: program.offset, rowDual: new Float64Array(numRows) }
  }
  const status = highs.constants.modelStatus
  const names: Partial<Record<number, ExactStatus>> = {
    [status.optimal]: 'optimal',
    [status.infeasible]: 'infeasible',
    [status.unbounded]: 'unbounded',
    [status.unboundedOrInfeasible]: 'infeasible-or-unbounded',
  }
  return highs.withModel(
    {
      numCols,
      numRows,
      offset: program.offset,
      colCost: c,
      colLower: lower,
      colUpper: upper,
      rowLower,
      rowUpper,
      matrix: { format: 'csr', numRows, numCols, starts, indices, values },
    },
    (model) => {
      model.options.set({ output_flag: false })
      model.run()
      const ended = names[model.getModelStatus()] ?? 'unknown'
      if (ended !== 'optimal') return empty(ended, numRows, numCols)
      const { colValue, colDual, rowDual } = model.getSolution()
      return {
        status: ended,
        objective: model.getObjectiveValue(),
        y: Float64Array.from(colValue),
        rowDual: Float64Array.from(rowDual),
        lowerDual: Float64Array.from(colDual, (d) => Math.max(d, 0)),
        upperDual: Float64Array.from(colDual, (d) => Math.min(d, 0)),
      }
    },
  )
}

const empty = (status: ExactStatus, m: number, n: number): ExactSolution => ({
  status,
  objective: Number.NaN,
  y: new Float64Array(n).fill(Number.NaN),
  rowDual: new Float64Array(m).fill(Number.NaN),
  lowerDual: new Float64Array(n).fill(Number.NaN),
  upperDual: new Float64Array(n).fill(Number.NaN),
})
