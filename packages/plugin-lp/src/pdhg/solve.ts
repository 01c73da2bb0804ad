import { anyOf, equilibrium, nonFinite, timeBudget } from '@equilibria/core'
import { picard } from '@equilibria/solvers'
import type { Solution, Solver } from '@equilibria/spec'
import { EquilibriaError, hold, leaves, scoped } from '@equilibria/tensor'
import type { LinearProgram } from '../program/program.ts'
import type { Certificate } from './certificate.ts'
import { certificateFound } from './infeasibility.ts'
import { checkSolvable, programInput } from './input.ts'
import { evaluator, type Kkt, kktError } from './kkt.ts'
import { pdhg, type PdhgOptions } from './operator.ts'
import { startFrom } from './start.ts'
import { innerSteps, type PdhgState } from './state.ts'
import { kktBelow } from './stop.ts'

/** When to stop, where to start, and which method. */
export interface SolveLpOptions extends Omit<PdhgOptions, 'programs'> {
  /** Relative KKT error at which the answer is optimal. Default `1e-4`. */
  readonly tolerance?: number
  /** Most PDHG steps, in whole applications of `inner` steps. Default `200 000`. */
  readonly maxIterations?: number
  readonly budget?: { readonly ms: number }
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: LpProgress) => void
  /** Warm start, in the units of the program. */
  readonly initial?: { readonly y: ArrayLike<number>; readonly dual?: ArrayLike<number> }
  /** What turns the operator into a method. Default `picard()`. */
  readonly solver?: Solver
}

/** What `onProgress` is told. */
export interface LpProgress {
  readonly iterations: number
  /** Relative KKT error. */
  readonly error: number
  readonly elapsedMs: number
  /** From the rate at which the error fell so far; `undefined` while it does not fall. */
  readonly etaMs: number | undefined
}

/** The answer to one linear program, with its residuals; float64, in the units of the program. */
export interface LpResult {
  readonly status:
    | 'optimal'
    | 'infeasible'
    | 'unbounded'
    | 'iteration-limit'
    | 'time-limit'
    | 'aborted'
    | 'numerical-trouble'
  /** `[n]`, within its bounds. */
  readonly y: Float64Array
  /** `[m]`: `c = Aᵀ dual + r`. */
  readonly dual: Float64Array
  readonly objective: number
  readonly kkt: Kkt
  /** With `infeasible` and `unbounded`. */
  readonly certificate?: Certificate
  /** PDHG steps, two products with the matrix each. */
  readonly iterations: number
  readonly elapsedMs: number
}

/** tfjs has no tensors of width 0 that reshape: a program without rows gets one that asks for nothing. */
const withFreeRow = (program: LinearProgram): LinearProgram => ({
  ...program,
  matrix: { ...program.matrix, rows: 1, starts: Int32Array.of(0, 0) },
  rowLower: Float64Array.of(Number.NEGATIVE_INFINITY),
  rowUpper: Float64Array.of(Number.POSITIVE_INFINITY),
})

/** What both ways of solving share. */
function setUp(given: LinearProgram, options: SolveLpOptions) {
  checkSolvable(given)
  const program = given.matrix.rows === 0 ? withFreeRow(given) : given
  const { tolerance = 1e-4, maxIterations = 200_000 } = options
  if (!(Number.isInteger(maxIterations) && maxIterations >= 1))
    throw new EquilibriaError(
      'option',
      `solveLp({ maxIterations: ${maxIterations} }) is not a number of steps.`,
      'Pass a whole number ≥ 1.',
    )
  if (options.budget && !(options.budget.ms > 0))
    throw new EquilibriaError('option', `solveLp({ budget: { ms: ${options.budget.ms} } }) is no time.`, 'Pass ms > 0.')
  const inner = Math.min(options.inner ?? 64, maxIterations)
  const operator = pdhg({ ...options, inner, programs: [program] })
  const began = performance.now()
  const seen: { certificate?: Certificate } = {}
  let step = 0
  let firstError: number | undefined
  const progress = (kkt: Kkt) => {
    step++
    firstError ??= kkt.error
    if (!options.onProgress) return
    const elapsedMs = performance.now() - began
    const fallen = Math.log(firstError / kkt.error)
    const left = Math.log(kkt.error / tolerance)
    options.onProgress({
      iterations: (step - 1) * inner,
      error: kkt.error,
      elapsedMs,
      etaMs: left <= 0 ? 0 : fallen > 0 ? (elapsedMs * left) / fallen : undefined,
    })
  }
  const rules = [
    nonFinite(),
    kktBelow(tolerance, [program], (_, kkt) => progress(kkt)),
    certificateFound([program], (_, found) => (seen.certificate = found)),
    ...(options.budget ? [timeBudget(options.budget.ms)] : []),
  ]
  const layer = equilibrium(operator, {
    solver: options.solver ?? picard(),
    stop: anyOf(...rules),
    maxSteps: Math.floor(maxIterations / inner), // the last state is measured after the last step
  })
  const run = options.signal ? { signal: options.signal } : {}
  const finish = (solution: Solution<PdhgState>): LpResult => {
    const { state } = solution
    const both = (high: PdhgState['y'], low: PdhgState['y']) => {
      const h = high.dataSync()
      const l = low.dataSync()
      return Float64Array.from(h, (v, i) => v + l[i]!)
    }
    const y = both(state.y, state.yLow)
    for (let j = 0; j < y.length; j++) y[j] = Math.min(program.upper[j]!, Math.max(program.lower[j]!, y[j]!))
    const dual = both(state.dual, state.dualLow).slice(0, given.matrix.rows)
    const kkt = kktError(evaluator(given), y, dual)
    const status = {
      converged: 'optimal',
      exited: 'optimal',
      floor: 'optimal',
      cycle: 'iteration-limit',
      stagnated: 'iteration-limit',
      'max-steps': kkt.error <= tolerance ? 'optimal' : 'iteration-limit',
      'out-of-time': 'time-limit',
      aborted: 'aborted',
      diverged: seen.certificate?.kind === 'ray' ? 'unbounded' : 'infeasible',
      'non-finite': 'numerical-trouble',
    } as const
    return {
      status: status[solution.status],
      y,
      dual,
      objective: kkt.objective,
      kkt,
      ...(seen.certificate ? { certificate: seen.certificate } : {}),
      iterations: innerSteps(state.bookkeeping.dataSync() as Float32Array),
      elapsedMs: performance.now() - began,
    }
  }
  return { operator, layer, run, finish }
}

/**
 * Solves one linear program to a relative KKT error (`kktError` states the formula), or proves that it has no optimum:
 * `pdhg()` under `picard()` and the driver of core, stopped by `kktBelow` and `certificateFound`.
 *
 * First-order: good for 1e-4 to 1e-6 and for warm starts. For vertices to full precision use a simplex or
 * interior-point code. With a loose tolerance the objective can be off by far more than the tolerance, because residuals
 * are relative to `‖b‖` and `‖c‖` (Netlib: forplan 6 % off at 1e-4; those solved to 1e-6 at most 0.006 %).
 *
 * `infeasible` and `unbounded` come with a certificate that was checked in float64. `unbounded` means that the objective
 * falls for ever along a feasible direction; whether any point is feasible is not settled by it.
 *
 * @cost two products with the matrix per iteration
 * @throws EquilibriaError `data` on what is no linear program, `option` on options out of range
 * @cite applegate2021, applegate2024
 * @example
 * ```ts
 * import { readMps, solveLp } from '@equilibria/plugin-lp'
 *
 * const program = readMps(`NAME TINY
 * ROWS
 *  N COST
 *  L LIM
 * COLUMNS
 *  X COST -1.0 LIM 1.0
 * RHS
 *  RHS LIM 4.0
 * ENDATA
 * `)
 * const { status, y, objective } = solveLp(program, { tolerance: 1e-8 })
 * console.log(status, y, objective) // optimal, about [4] and -4
 * ```
 */
export function solveLp(program: LinearProgram, options: SolveLpOptions = {}): LpResult {
  const { operator, layer, run, finish } = setUp(program, options)
  return scoped(() => {
    const input = programInput([0])
    const initial = options.initial && startFrom(operator, input, [options.initial])
    return finish(layer.solve(input, { ...run, ...(initial ? { initial } : {}) }))
  })
}

/**
 * `solveLp`, giving the event loop a turn every few milliseconds: pages, timers and `signal` stay alive.
 * @throws EquilibriaError as `solveLp`, as a rejection
 */
export async function solveLpAsync(program: LinearProgram, options: SolveLpOptions = {}): Promise<LpResult> {
  const { operator, layer, run, finish } = setUp(program, options)
  const held = hold(() => {
    const input = programInput([0])
    return { input, initial: options.initial && startFrom(operator, input, [options.initial]) }
  })
  try {
    const { input, initial } = held.value
    const solution = await layer.solveAsync(input, { ...run, ...(initial ? { initial } : {}) })
    try {
      return finish(solution)
    } finally {
      for (const t of leaves(solution.state)) t.dispose()
    }
  } finally {
    held.release()
  }
}
