import type { GradientMode, LinearSolver } from '@equilibria/spec'
import { requireKind } from '@equilibria/core'
import { attachAdjoint } from './adjoint/attach.ts'
import { chooseAndSolve } from './adjoint/choose.ts'
import { type AdjointOptions, adjointSettings } from './adjoint/options.ts'

export interface AutoGradientOptions extends AdjointOptions {
  /** For everything that a short series does not solve: `gmres()`. */
  readonly krylov: LinearSolver
  /** Takes over rows that `krylov` leaves, from where it left them: `bicgstab()`. */
  readonly backup?: LinearSolver
  /** Writes small systems out (up to 8 equations): `direct()`. */
  readonly direct?: LinearSolver
  /** Most vector–Jacobian products, per method. Default `50`. */
  readonly maxSteps?: number
}

/**
 * Exact gradients by the adjoint method that the contraction at the solution asks for, chosen per sample in the backward
 * pass.
 *
 * Three products `Jᵀv`, `(Jᵀ)²v`, `(Jᵀ)³v` measure the growth along `v`. Where it says that at most 8 more terms reach the
 * tolerance, the Neumann series goes on; else `krylov` solves, starting from the sum of the series if that is nearer
 * than 0, and `backup` takes what is left. Systems of at most 8 equations go to `direct`. An estimate that was too good
 * costs products, never accuracy: the residual decides. What was chosen, for how many rows, and the measured growth, are
 * in `mode` and `notes` of the report.
 *
 * Statuses, policies and derivatives of higher order are those of `implicit()`; so are shapes. Where one method is known to
 * fit, name it there and save the three products.
 *
 * @cost 1 recorded evaluation; 3 products, of which none is wasted on contractions, and those of the method chosen
 * @throws EquilibriaError `gradient` and `option` as `implicit()`
 * @cite neumann1877, saad1986, bai2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson } from '@equilibria/solvers'
 * import { gmres } from '@equilibria/solvers/linear'
 * import { autoGradient } from '@equilibria/implicit-diff'
 *
 * const tenth = defineOperator({ name: 'tenth', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.1), x) })
 * const layer = equilibrium(tenth, { solver: anderson(), gradient: autoGradient({ krylov: gmres() }) })
 * const slope = tf.grad((x: tf.Tensor) => {
 *   const { state } = layer.solve(x as tf.Tensor2D, { onBackward: ({ mode, notes }) => console.log(mode, notes) })
 *   return tf.sum(state)
 * }) // auto(series) [ 'series for 1 of 1 rows: contraction 0.10' ]
 * console.log(slope(tf.ones([1, 2])).dataSync()) // [1.1111…, 1.1111…]
 * ```
 */
export function autoGradient({ krylov, backup, direct, ...options }: AutoGradientOptions): GradientMode {
  requireKind('autoGradient({ krylov })', krylov, 'linear-solver')
  const settings = adjointSettings('autoGradient', options)
  const candidates = { ...settings, krylov, ...(backup ? { backup } : {}), ...(direct ? { direct } : {}) }
  return {
    kind: 'gradient',
    spec: 1,
    name: 'auto',
    forward: 'detached',
    attach: (site) =>
      attachAdjoint(site, 'auto', settings, (apply, v) => chooseAndSolve(site.problem, apply, v, candidates)),
  }
}
