import type { GradientMode } from '@equilibria/spec'
import { requireKind } from '@equilibria/core'
import { attachAdjoint, plainSolve } from './adjoint/attach.ts'
import { adjointSettings, type ImplicitOptions } from './adjoint/options.ts'

/**
 * Exact gradients by the implicit function theorem.
 *
 * With `z* = G(z*, x; θ)`, `v = ∂ℓ/∂z*` and `J = ∂G/∂z` at `z*`, solve `u = Jᵀu + v`; then `∂ℓ/∂θ = uᵀ ∂G/∂θ` and
 * `∂ℓ/∂x = uᵀ ∂G/∂x`. `z*`, `u`, `v` are `[batch, size]`.
 *
 * With `traits.rowwise: false` the whole batch is one system, solved and reported as one.
 *
 * The gradient error is linear in the forward residual: about `0.1–0.3 ×` it for moderate contractions, more near
 * `μ = 1`; solve the adjoint no tighter than the forward. Meaningless where the forward solve failed: check its status.
 *
 * Derivatives of any order are right, by nesting `tf.grad`: Hessian–vector products, gradient penalties and so on. A
 * pass that an outer gradient records adds 1 solve with `J` (steps are products `Jv`), 1 recorded product and
 * a second adjoint solve, each reported. They need the repaired gradients of `@equilibria/tensor/gradients`.
 *
 * @cost 1 recorded evaluation, then 1 vector–Jacobian product per adjoint step; memory of one evaluation, however many
 * steps the solve took, plus what the adjoint solver stores
 * @throws EquilibriaError `gradient` when an adjoint fails under `onFailure: 'throw'` (nothing leaks, and the next gradient
 * works), or in a second derivative where a sample fell back or gradients are not repaired; `option` on a
 * solver that is none, a negative tolerance, steps below 1 or an unknown policy
 * @cite bai2019, krantz2013
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson } from '@equilibria/solvers'
 * import { gmres } from '@equilibria/solvers/linear'
 * import { implicit } from '@equilibria/implicit-diff'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const layer = equilibrium(half, { solver: anderson(), gradient: implicit({ solver: gmres() }) })
 * const slope = tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D).state))(tf.ones([1, 2]))
 * console.log(slope.dataSync()) // [2, 2]: z* = 2x
 * ```
 */
export function implicit(options: ImplicitOptions): GradientMode {
  requireKind('implicit({ solver })', options?.solver, 'linear-solver', 'solver')
  const settings = adjointSettings('implicit', options)
  const name = `implicit(${settings.solver.name})`
  return {
    kind: 'gradient',
    spec: 1,
    name,
    forward: 'detached',
    attach: (site) => attachAdjoint(site, name, settings, plainSolve(site, settings)),
  }
}
