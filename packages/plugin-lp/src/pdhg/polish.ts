import * as tf from '@tensorflow/tfjs-core'
import { anyOf, equilibrium, nonFinite } from '@equilibria/core'
import { picard } from '@equilibria/solvers'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import type { LpInput, LpOutput } from '../graph/input.ts'
import type { LinearProgram } from '../program/program.ts'
import { estimateDual } from './dual-estimate.ts'
import { programInput, programsOf } from './input.ts'
import { evaluator, type Kkt, kktError } from './kkt.ts'
import { pdhg, type PdhgOptions } from './operator.ts'
import { type Guess, startFrom } from './start.ts'
import { kktBelow } from './stop.ts'

export interface PolishOptions extends Omit<PdhgOptions, 'programs' | 'inner'> {
  /** Most PDHG steps. */
  readonly steps: number
  /** A sample with at most this relative KKT error is left as it is. Default `0`. */
  readonly tolerance?: number
}

/** One sample, before and after. */
export interface Polished {
  /** `[n]`, within its bounds. */
  readonly y: Float64Array
  /** `[m]` */
  readonly dual: Float64Array
  readonly before: Kkt
  readonly after: Kkt
  readonly steps: number
}

/**
 * Feasibility polish: at most `steps` PDHG steps that begin at a prediction. A dual that is not given is estimated from
 * `y` (`estimateDual`). Every step costs two products with the matrix.
 *
 * `prediction` is one guess per program, or for a graph batch the predicted `y`, `[batch, n]`.
 *
 * Not for a prediction that is already optimal to the tolerance wanted: first steps may move it away before they bring
 * it back.
 *
 * @throws EquilibriaError when numbers or lengths do not fit
 * @example
 * ```ts
 * import { polish, readMps } from '@equilibria/plugin-lp'
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
 * const [better] = polish([program], [{ y: [3.5] }], { steps: 200 })
 * console.log(better?.before.error, better?.after.error, better?.y[0]) // … about 4
 * ```
 */
export function polish(
  target: readonly LinearProgram[] | LpInput,
  prediction: readonly Guess[] | LpOutput,
  options: PolishOptions,
): readonly Polished[] {
  const { steps, tolerance = 0, ...rest } = options
  if (!Number.isInteger(steps) || steps < 1)
    throw new EquilibriaError('option', `polish({ steps: ${steps} }) is not a number of steps.`, 'A whole number ≥ 1.')
  const programs = 'edgeIndex' in target ? programsOf(target) : target
  const guesses = prediction instanceof tf.Tensor ? rowsOf(prediction) : prediction
  if (programs.length !== guesses.length)
    throw new EquilibriaError(
      'shape',
      `${guesses.length} predictions for ${programs.length} programs.`,
      'Pass one prediction per program, in the same order.',
    )
  const applications = Math.ceil(steps / 64)
  const inner = Math.floor(steps / applications)
  return programs.map((program, k) => {
    const of = evaluator(program)
    const { y } = guesses[k]!
    const dual = guesses[k]!.dual ?? (y.length === program.c.length ? estimateDual(of, y) : undefined)
    return scoped(() => {
      const operator = pdhg({ ...rest, inner, programs: [program] })
      const input = programInput([0])
      const initial = startFrom(operator, input, [dual ? { y, dual } : { y }])
      const layer = equilibrium(operator, {
        solver: picard(),
        stop: anyOf(nonFinite(), kktBelow(tolerance, [program])),
        maxSteps: applications,
      })
      const { state, stats } = layer.solve(input, { initial, measureLast: false })
      const out = {
        y: sum(state.y, state.yLow).map((v, j) => Math.min(program.upper[j]!, Math.max(program.lower[j]!, v))),
        dual: sum(state.dual, state.dualLow),
      }
      return {
        ...out,
        before: kktError(of, y, dual!),
        after: kktError(of, out.y, out.dual),
        steps: stats.steps * inner,
      }
    })
  })
}

/** A pair of float32 as float64. */
export const sum = (high: tf.Tensor, low: tf.Tensor): Float64Array => {
  const l = low.dataSync()
  return Float64Array.from(high.dataSync(), (v, i) => v + l[i]!)
}

/** Predicted rows as guesses. */
export const rowsOf = (y: tf.Tensor): Guess[] => {
  const n = y.shape[1] ?? y.size
  const values = y.dataSync()
  return Array.from({ length: y.size / n }, (_, k) => ({ y: Float64Array.from(values.slice(k * n, (k + 1) * n)) }))
}
