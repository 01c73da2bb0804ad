import * as tf from '@tensorflow/tfjs-core'
import type { AdjointStatus, AttachSite, GradientMode, LinearSolver, Problem, Solver, Vector } from '@equilibria/spec'
import { anyOf, divergence, drive, nonFinite } from '@equilibria/core'
import { add, EquilibriaError, offTape, record, rowDot, scoped } from '@equilibria/tensor'

/** What to do when the adjoint of some sample did not converge. */
export type AdjointPolicy = 'throw' | 'warn' | 'fallback'

export interface ImplicitOptions {
  /** Solves `(I − Jᵀ) u = v`: a linear solver, or any fixed-point solver run on `u ↦ Jᵀu + v`. */
  readonly solver: LinearSolver | Solver
  /** Relative residual of that solve. Default `1e-5`; float32 ends near `1e-6`. */
  readonly tolerance?: number
  /** Most vector–Jacobian products. Default `50`. */
  readonly maxSteps?: number
  /**
   * `throw`: an `EquilibriaError`. `warn` (default): `console.warn`, the best `u` is used. `fallback`: samples whose
   * adjoint failed take `u = v`, the Jacobian-free gradient, which cannot explode; the others keep theirs.
   */
  readonly onFailure?: AdjointPolicy
}

/** Eight roundings, `8 · 2⁻²⁴`: a product, a sum and a difference in float32, with some room for their dot products. */
const FLOOR = 8 * 2 ** -24

interface Outcome {
  readonly u: Vector
  readonly steps: number
  readonly residual: Float32Array
  readonly perSampleSteps: Int32Array
}

/**
 * Exact gradients by the implicit function theorem.
 *
 * With `z* = G(z*, x; θ)`, `v = ∂ℓ/∂z*` and `J = ∂G/∂z` at `z*`, solve `u = Jᵀu + v`; then `∂ℓ/∂θ = uᵀ ∂G/∂θ` and
 * `∂ℓ/∂x = uᵀ ∂G/∂x`. `z*`, `u`, `v` are `[batch, size]`.
 *
 * The gradient error is linear in the forward residual: about `0.1–0.3 ×` it for moderate contractions, more near
 * `μ = 1`; solve the adjoint no tighter than the forward. Meaningless where the forward solve failed: check its status.
 *
 * @cost 1 recorded evaluation, then 1 vector–Jacobian product per adjoint step; memory of one evaluation, however many
 * steps the solve took, plus what the adjoint solver stores
 * @throws EquilibriaError `gradient` when an adjoint fails under `onFailure: 'throw'`
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
export function implicit({
  solver,
  tolerance = 1e-5,
  maxSteps = 50,
  onFailure = 'warn',
}: ImplicitOptions): GradientMode {
  const name = `implicit(${solver.name})`

  function solveAdjoint(problem: Problem, vjp: (u: Vector) => Vector, v: Vector): Outcome {
    if (solver.kind === 'linear-solver') return solver.solve(vjp, v, { tolerance, maxSteps })
    const dual: Problem = {
      batch: problem.batch,
      size: problem.size,
      traits: problem.traits,
      kernels: problem.kernels,
      apply: (u) => add(vjp(u), v),
      linearize: problem.linearize,
    }
    const size = rowDot(v, v).map((s) => Math.sqrt(s) || 1)
    // Relative to ‖v‖, as for linear solvers; the driver's own measure is relative to the state.
    const relative = {
      kind: 'stop-rule',
      spec: 1,
      name: 'adjoint',
      start: () => (seen: { absolute: number; sample: number }) =>
        seen.absolute <= tolerance * size[seen.sample]! ? 'converged' : undefined,
    } as const
    const driven = drive(dual, solver, v, {
      stop: anyOf(nonFinite(), relative, divergence()),
      maxSteps,
      compaction: false,
      measureLast: true,
    })
    const residual = relativeResidual(vjp, driven.z, v, size)
    return { u: driven.z, steps: driven.total, residual, perSampleSteps: driven.steps }
  }

  function adjoint(problem: Problem, vjp: (u: Vector) => Vector, v: Vector, report: AttachSite['report']): Vector {
    const found = solveAdjoint(problem, vjp, v)
    // A residual of a few roundings of u is all that float32 can give, however small v is: that is not a failure.
    const [sizeU, sizeV] = [rowDot(found.u, found.u), rowDot(v, v)]
    const status = Array.from(found.residual, (r, b): AdjointStatus =>
      r <= Math.max(tolerance, FLOOR * Math.sqrt(sizeU[b]! / sizeV[b]!))
        ? 'converged'
        : !Number.isFinite(r)
          ? 'non-finite'
          : r > 1e3
            ? 'diverged'
            : 'max-steps',
    )
    const failed = status.filter((s) => s !== 'converged').length
    const residual = found.residual.reduce((a, b) => (b <= a ? a : b), 0)
    const fallback =
      failed > 0 && onFailure === 'fallback' ? `Jacobian-free for ${failed} of ${status.length} samples` : undefined
    report({
      mode: name,
      steps: found.steps,
      residual,
      converged: failed === 0,
      perSample: { status, steps: found.perSampleSteps, residual: found.residual },
      ...(fallback === undefined ? {} : { fallback }),
    })
    if (failed === 0) return found.u
    const message = `The adjoint solve of ${failed} of ${status.length} samples failed (${name}, worst relative residual ${residual.toExponential(2)} after ${found.steps} steps, asked ${tolerance}).`
    const hint =
      'Raise maxSteps, use gmres(), loosen tolerance, or set onFailure: "fallback"; first check that the forward solve converged.'
    if (onFailure === 'throw') throw new EquilibriaError('gradient', message, hint)
    if (onFailure === 'warn') console.warn(`${message}\n  → ${hint}`)
    if (fallback === undefined) return found.u
    const keep = tf.tensor2d(
      status.map((s) => Number(s === 'converged')),
      [status.length, 1],
      'bool',
    )
    return tf.where(keep, found.u, v)
  }

  return {
    kind: 'gradient',
    spec: 1,
    name,
    forward: 'detached',
    attach({ z, problem, report }) {
      const once = record(problem.apply, z) // the only application the tape ever sees
      const withGradient = tf.customGrad(() => ({
        value: tf.clone(z), // the solved state, not G of it: training and inference agree to the bit
        gradFunc: (v: tf.Tensor) => offTape(() => scoped(() => adjoint(problem, once.vjp, v as Vector, report))),
      }))
      return withGradient(once.value) as Vector
    },
  }
}

/** `‖v + Jᵀu − u‖ / ‖v‖` per row: one more product, so that fixed-point solvers report what linear ones do. */
function relativeResidual(vjp: (u: Vector) => Vector, u: Vector, v: Vector, size: Float32Array): Float32Array {
  return scoped(() => {
    const r = tf.sub(tf.add(v, vjp(u)), u) as Vector
    return rowDot(r, r).map((s, b) => Math.sqrt(s) / size[b]!)
  })
}
