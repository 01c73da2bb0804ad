import { add, EquilibriaError, scale, sub } from '@equilibria/tensor'
import type { Solver } from '@equilibria/spec'
import { wrapped } from './inherit.ts'

/**
 * The same method, going only the share `β` of every step: `z ← z + β (step(z) − z)`.
 *
 * For methods that choose each step from where they are: `aitken()`, `pseudoTransient()`, Newton's and Broyden's. `damped(picard(), β)` is
 * `picard({ damping: β })`. Not for extrapolation, Chebyshev or Halpern, whose coefficients assume that their steps are
 * taken, and which have a damping of their own where it makes sense; `anderson()` has `mixing`.
 *
 * @cost what `solver` costs
 * @throws EquilibriaError when `beta` is outside `(0, 1]`
 * @cite mann1953
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { damped, picard } from '@equilibria/solvers'
 *
 * const stiff = defineOperator({ name: 'stiff', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.sub(x, tf.mul(z, 5)) })
 * const { stats } = equilibrium(stiff, { solver: damped(picard(), 1 / 6) }).solve(tf.tensor2d([[6]]))
 * console.log(stats.steps) // 2 or 3: 1/6 is exactly right here
 * ```
 */
export function damped(solver: Solver, beta: number): Solver {
  if (!(beta > 0 && beta <= 1))
    throw new EquilibriaError('option', `damped(${solver.name}, ${beta}) is not a step.`, 'Pass 0 < beta ≤ 1.')
  return wrapped(
    solver,
    (name) => `damped(${name})`,
    (method) => ({
      ...(method.resume ? { resume: (problem, z, memory) => method.resume!(problem, z, memory) } : {}),
      init: (problem, z) => method.init(problem, z),
      step(problem, z, memory) {
        const step = method.step(problem, z, memory)
        return { ...step, next: add(z, scale(sub(step.next, z), beta)) }
      },
    }),
  )
}
