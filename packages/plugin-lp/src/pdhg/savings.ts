import { anyOf, equilibrium, nonFinite } from '@equilibria/core'
import { picard } from '@equilibria/solvers'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import type { LinearProgram } from '../program/program.ts'
import { estimateDual } from './dual-estimate.ts'
import { programInput } from './input.ts'
import { evaluator } from './kkt.ts'
import { pdhg, type PdhgOptions } from './operator.ts'
import { type Guess, startFrom } from './start.ts'
import { kktBelow } from './stop.ts'

/** What starting from a prediction saved, per program and in all. */
export interface SavingsOptions extends Omit<PdhgOptions, 'programs'> {
  /** Relative KKT error that both runs go to. Default `1e-4`. */
  readonly tolerance?: number
  /** Most PDHG steps of each run. Default `20 000`. */
  readonly maxIterations?: number
  /** Steps are counted in units of this. Default `8`. */
  readonly inner?: number
}
/** Mean, median and quantiles over programs. */
export interface Spread {
  readonly mean: number
  readonly median: number
  /** At 5, 25, 75 and 95 %. */
  readonly quantiles: readonly [number, number, number, number]
}
/** What starting from a prediction saved, per program and in all. */
export interface Savings {
  readonly tolerance: number
  /** PDHG steps per program from `y = proj(0)`, `λ = 0`; the limit where it was reached. */
  readonly cold: Int32Array
  /** The same from the prediction. */
  readonly warm: Int32Array
  readonly coldSteps: Spread
  readonly warmSteps: Spread
  /** `cold − warm`. */
  readonly savedSteps: Spread
  /** `1 − Σ warm / Σ cold`. */
  readonly savedShare: number
  /** Programs that did not reach the tolerance. */
  readonly unfinished: { readonly cold: number; readonly warm: number }
}

/**
 * How many PDHG steps a warm start saves: every program is solved to the same relative KKT error twice, from zero and
 * from its prediction (with the dual given or else estimated), by the same operator, solver and stop rule.
 *
 * All programs share their numbers of rows and columns: they run as one batch, each stopping by itself.
 *
 * @throws EquilibriaError when numbers or lengths do not fit
 */
export function warmStartSavings(
  programs: readonly LinearProgram[],
  predictions: readonly Guess[],
  { tolerance = 1e-4, maxIterations = 20_000, inner = 8, ...rest }: SavingsOptions = {},
): Savings {
  if (programs.length === 0 || programs.length !== predictions.length)
    throw new EquilibriaError(
      'shape',
      `${predictions.length} predictions for ${programs.length} programs.`,
      'Pass one prediction per program, and at least one.',
    )
  const operator = pdhg({ ...rest, inner, programs })
  const layer = equilibrium(operator, {
    solver: picard(),
    stop: anyOf(nonFinite(), kktBelow(tolerance, programs)),
    maxSteps: Math.floor(maxIterations / inner) + 1, // the first look is at the start
  })
  const [cold, warm] = [false, true].map((fromPrediction) =>
    scoped(() => {
      const input = programInput(programs.map((_, k) => k))
      const guesses = () =>
        predictions.map(({ y, dual }, k) => ({ y, dual: dual ?? estimateDual(evaluator(programs[k]!), y) }))
      const { stats } = layer.solve(
        input,
        fromPrediction
          ? { initial: startFrom(operator, input, guesses()), measureLast: false }
          : { measureLast: false },
      )
      return {
        steps: stats.perSample.steps.map((s) => (s - 1) * inner), // the first look is at the start
        unfinished: stats.perSample.status.filter((s) => s !== 'converged').length,
      }
    }),
  ) as [{ steps: Int32Array; unfinished: number }, { steps: Int32Array; unfinished: number }]
  const total = (v: Int32Array) => v.reduce((a, b) => a + b, 0)
  return {
    tolerance,
    cold: cold.steps,
    warm: warm.steps,
    coldSteps: spread(cold.steps),
    warmSteps: spread(warm.steps),
    savedSteps: spread(cold.steps.map((s, k) => s - warm.steps[k]!)),
    savedShare: total(cold.steps) > 0 ? 1 - total(warm.steps) / total(cold.steps) : 0,
    unfinished: { cold: cold.unfinished, warm: warm.unfinished },
  }
}

function spread(values: Int32Array): Spread {
  const sorted = Array.from(values).sort((a, b) => a - b)
  const at = (share: number) => {
    const place = share * (sorted.length - 1)
    const low = sorted[Math.floor(place)]!
    return low + (place % 1) * (sorted[Math.ceil(place)]! - low)
  }
  return {
    mean: sorted.reduce((a, b) => a + b, 0) / sorted.length,
    median: at(0.5),
    quantiles: [at(0.05), at(0.25), at(0.75), at(0.95)],
  }
}
