import { EquilibriaError } from '@equilibria/tensor'
import { type DrawOptions, drawProgram } from '../data/draw.ts'
import type { LabelledProgram } from '../data/labelled.ts'
import { type ExactSolver, loadExact } from './solve-exact.ts'

export interface RandomProgramOptions extends DrawOptions {
  /** Feasible programs wanted. */
  readonly count: number
  /** Most draws. Default `100 + 20 · count`; at the default sizes about half the draws are feasible. */
  readonly maxDraws?: number
  /** A solver that is loaded already. */
  readonly solver?: ExactSolver
}

/**
 * Random linear programs of the published distribution (see `drawProgram`), the feasible ones in the order drawn, with
 * exact primal and dual labels. Cost per draw: one simplex solve, about 3 ms at the default sizes.
 * @throws `requirement` when `highs` is not installed; `option` for sizes that do not fit together, or when `maxDraws`
 * draws do not hold `count` feasible programs.
 * @cite liu2026
 * @example
 * ```ts
 * import { randomPrograms } from '@equilibria/plugin-lp/exact'
 * const [first] = await randomPrograms({ seed: 1, count: 1 })
 * console.log(first?.program.matrix.rows, first?.y.length) // 10 50
 * ```
 */
export async function randomPrograms(options: RandomProgramOptions): Promise<LabelledProgram[]> {
  const { count, maxDraws = 100 + 20 * count } = options
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new EquilibriaError('option', `randomPrograms: count is ${count}.`, 'Give a whole number from 0.')
  }
  const solve = options.solver ?? (await loadExact())
  const found: LabelledProgram[] = []
  for (let index = 0; found.length < count; index++) {
    if (index >= maxDraws) {
      throw new EquilibriaError(
        'option',
        `randomPrograms: ${maxDraws} draws held only ${found.length} of ${count} feasible programs.`,
        'Use fewer equality rows or more nonzeros, or raise maxDraws.',
      )
    }
    const program = drawProgram(options, index)
    const { status, ...label } = solve(program)
    if (status === 'optimal') found.push({ program, ...label })
  }
  return found
}
