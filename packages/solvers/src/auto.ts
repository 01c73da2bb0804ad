import { EquilibriaError } from '@equilibria/tensor'
import type { Problem, Requirements, Solver } from '@equilibria/spec'
import { anderson } from './anderson.ts'
import { leaveWhen } from './auto/leave.ts'
import { broyden } from './broyden.ts'
import { levenbergMarquardt } from './newton/levenberg-marquardt.ts'
import { withDifferences } from './newton/products.ts'
import { newtonKrylov } from './newton-krylov.ts'
import { pseudoTransient } from './pseudo-transient.ts'
import { peacemanRachford } from './splitting/peaceman-rachford.ts'

/** Eight methods with the patience below, and room for one of them to converge slowly. */
const MAX_STEPS = 500

/** One method of `auto()`, and when to give it up. */
export interface AutoMethod {
  readonly solver: Solver
  /** Steps within which the best residual has to fall to `ratio` of itself. Default `20`. */
  readonly patience?: number
  /** Default `0.5`. */
  readonly ratio?: number
  /** Where it starts: the best state of the methods before (default), or where the solve began. */
  readonly from?: 'best' | 'start'
}

export interface AutoOptions {
  /** What is tried, in this order. Default: the list in the description of `auto`. */
  readonly methods?: readonly (AutoMethod | Solver)[]
}

/**
 * The default order: what takes one evaluation per step first, then derivatives, then what is bound to no descent. All but
 * one begin where the solve began, so that none pays for the wanderings of another: on the 23 nonlinear systems from
 * perturbed starts, Newton's method begun at the best state of the methods before solves fewer.
 */
const defaults = (): readonly AutoMethod[] => [
  // Of the problems that it solves alone, 14 steps lose one, whose tanh layer then takes twice the evaluations.
  { solver: anderson(), patience: 16 },
  { solver: { ...peacemanRachford(), suits: isMonotone }, patience: 50, ratio: 0.9, from: 'start' },
  {
    solver: { ...anderson({ mixing: 0.5, memory: 10 }), name: 'anderson(mixing 0.5)' },
    patience: 15,
    from: 'start',
  },
  { solver: broyden(), patience: 25, from: 'start' },
  { solver: newtonKrylov({ jacobian: 'either' }), patience: 30, ratio: 0.9, from: 'start' },
  { solver: levenbergMarquardt({ jacobian: 'either' }), patience: 30, ratio: 0.9 },
  { solver: withDifferences(pseudoTransient()), from: 'start' },
  { solver: newtonKrylov({ jacobian: 'either', lineSearch: 0 }), patience: 50, from: 'start' },
]

/**
 * Tries one method after another, row by row, until one converges: a polyalgorithm as a value.
 *
 * In this order: `anderson()`; `peacemanRachford()`, where the operator offers a splitting with a resolvent of `A` and says
 * that it is strongly monotone; `anderson()` damped by half, with memory 10; `broyden()`; `newtonKrylov()`;
 * `levenbergMarquardt()`; `pseudoTransient()`; full Newton steps. A row moves on when its method stagnates (the best
 * residual did not halve in 15 to 25 steps; slower, safer methods: did not fall by a tenth in 30 to 50), diverges (1e4 times
 * the best and rising; transient growth of non-normal maps stays far below), cycles or meets NaN. Levenberg–Marquardt
 * begins at the best state so far, the others where the solve began. The last method ends `stagnated` in the same way.
 * Rows that are done stay done. `stats.perSample.tried` says what each row went through, `stats.notes` sums it up.
 *
 * Contractions and mildly expansive maps are solved by the first method, at its cost. Derivatives are exact where the
 * operator has them, else differences. When not to use it: where you know the method; inside `unrolled()`, where a Newton
 * step cannot be recorded. `maxSteps` counts the steps of all methods together; where
 * neither layer nor solve says one, it is 500. A row that no method
 * solves is answered with its best state.
 *
 * @cost that of the method at work; 1 stored vector more
 * @throws EquilibriaError `option` on an empty list, a method that has fallbacks of its own, a patience below 1 or a ratio outside `(0, 1)`
 * @cite pal2024
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { auto } from '@equilibria/solvers'
 *
 * const cubic = defineOperator({ name: 'cubic', initial: (x: tf.Tensor2D) => x, apply: (z) => tf.sub(z, tf.mul(z, tf.square(tf.sub(z, 5)))) })
 * const { status, stats } = equilibrium(cubic, { solver: auto(), maxSteps: 500, tolerance: 1e-6 }).solve(tf.tensor2d([[1], [30]]))
 * console.log(status, stats.notes)
 * ```
 */
export function auto({ methods = defaults() }: AutoOptions = {}): Solver {
  const list = methods.map((m): AutoMethod => ('kind' in m ? { solver: m } : m))
  if (list.length === 0)
    throw new EquilibriaError('option', 'auto({ methods: [] }) has nothing to try.', 'Name at least one method.')
  for (const { solver, patience = 20, ratio = 0.5 } of list) {
    if (solver.after)
      throw new EquilibriaError(
        'option',
        `auto() was given "${solver.name}", which has fallbacks of its own.`,
        'Name its methods one by one.',
      )
    if (!(Number.isInteger(patience) && patience >= 1) || !(ratio > 0 && ratio < 1))
      throw new EquilibriaError(
        'option',
        `auto() was given "${solver.name}" with patience ${patience} and ratio ${ratio}.`,
        'Pass a whole patience ≥ 1 and 0 < ratio < 1.',
      )
  }
  const chain = list.reduceRight<{ readonly solver: Solver; readonly from: 'best' | 'start' } | undefined>(
    (after, { solver, patience = 20, ratio = 0.5, from = 'best' }) => ({
      solver: after
        ? { ...solver, after: { ...after, leave: leaveWhen({ patience, ratio }) } }
        : { ...solver, giveUp: leaveWhen({ patience, ratio }) },
      from,
    }),
    undefined,
  )!.solver
  return { ...chain, name: 'auto', stage: chain.name, answer: 'best', maxSteps: MAX_STEPS, requires: together(list) }
}

/** Peaceman–Rachford converges whatever the norm of `∂G/∂z`: a strongly monotone `A` with a resolvent, and no `C`. */
const isMonotone = ({ splitting, traits }: Problem): boolean =>
  splitting?.resolventA !== undefined &&
  splitting.applyC === undefined &&
  Math.max(splitting.monotonicity ?? 0, traits.monotone ?? 0) > 0

/** What all of them cannot do without. */
function together(list: readonly AutoMethod[]): Requirements {
  const all = <K extends keyof Requirements>(key: K) => [
    ...new Set(list.flatMap(({ solver }) => solver.requires?.[key] ?? [])),
  ]
  return { kernels: all('kernels'), traits: all('traits'), features: all('features') } as Requirements
}
