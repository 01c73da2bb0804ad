import type { Solver } from '@equilibria/spec'

/**
 * The same method, whose rows that do not converge are answered with the state of smallest residual instead of the last
 * one. For methods that are not monotone (`anderson()`, Broyden's, extrapolation) under a small budget of steps:
 * the answer is then what it is for subgradient methods, the best record.
 *
 * @cost what `solver` costs, and 1 stored vector
 * @cite shor1985
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson, bestSoFar } from '@equilibria/solvers'
 *
 * const cosine = defineOperator({ name: 'cosine', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z) => tf.cos(z) })
 * const { status } = equilibrium(cosine, { solver: bestSoFar(anderson()), maxSteps: 3 }).solve(tf.ones([1, 1]))
 * console.log(status) // max-steps, with the best of the states seen
 * ```
 */
export const bestSoFar = (solver: Solver): Solver => ({ ...solver, answer: 'best' })
