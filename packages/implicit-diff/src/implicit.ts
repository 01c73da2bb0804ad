import * as tf from '@tensorflow/tfjs-core'
import type {
  AdjointStatus,
  AttachSite,
  GradientMode,
  LinearOptions,
  LinearResult,
  LinearSolver,
  Problem,
  Solver,
  StopRule,
  Vector,
} from '@equilibria/spec'
import { anyOf, divergence, drive, largest, nonFinite, pick, requireRange, requireWhole } from '@equilibria/core'
import { abandonTape, add, column, EquilibriaError, offTape, record, rowDot, scale, scoped } from '@equilibria/tensor'

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
 * @cost 1 recorded evaluation, then 1 vector–Jacobian product per adjoint step; memory of one evaluation, however many
 * steps the solve took, plus what the adjoint solver stores
 * @throws EquilibriaError `gradient` when an adjoint fails under `onFailure: 'throw'` (nothing leaks, and the next gradient
 * works); `option` on a negative tolerance, steps below 1 or an unknown policy
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
  requireRange('implicit({ tolerance })', tolerance, 0)
  requireWhole('implicit({ maxSteps })', maxSteps, 1)
  if (!['throw', 'warn', 'fallback'].includes(onFailure))
    throw new EquilibriaError(
      'option',
      `implicit({ onFailure: ${String(onFailure)} }) is not a policy.`,
      'Pass "throw", "warn" or "fallback".',
    )
  const name = `implicit(${solver.name})`

  function adjoint(problem: Problem, vjp: (u: Vector) => Vector, v: Vector, report: AttachSite['report']): Vector {
    const { packed, right, apply, unpack, spread } = asSystem(problem, vjp, v)
    const solved =
      solver.kind === 'linear-solver'
        ? solver.solve(apply, right, { tolerance, maxSteps })
        : fixedPointAdjoint(solver, packed, apply, right, { tolerance, maxSteps })
    const [sizeU, sizeV] = [rowDot(solved.u, solved.u), rowDot(right, right)]
    const statusOf = Array.from(solved.residual, (r, b): AdjointStatus => {
      if (!Number.isFinite(r) || !Number.isFinite(sizeU[b]!)) return 'non-finite'
      // A residual of a few roundings of u is all that float32 can give, however small v is: that is not a failure.
      if (r <= Math.max(tolerance, FLOOR * Math.sqrt(sizeU[b]! / (sizeV[b]! || 1)))) return 'converged'
      return r > 1e3 ? 'diverged' : 'max-steps'
    })
    const found: LinearResult = {
      u: unpack(solved.u),
      steps: solved.steps,
      residual: Float32Array.from(spread(Array.from(solved.residual))),
      perSampleSteps: Int32Array.from(spread(Array.from(solved.perSampleSteps))),
    }
    const status = spread(statusOf)
    const failed = status.filter((s) => s !== 'converged').length
    const residual = largest(found.residual, 0)
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
    return pick(
      status.map((s) => s === 'converged'),
      found.u,
      v,
    )
  }

  return {
    kind: 'gradient',
    spec: 1,
    name,
    forward: 'detached',
    attach({ z, problem, report }) {
      const once = record(problem.apply, z) // the only application the tape ever sees
      const pull = (v: tf.Tensor): tf.Tensor => {
        try {
          return offTape(() => scoped(() => adjoint(problem, once.vjp, v as Vector, report)))
        } catch (error) {
          abandonTape()
          throw error
        }
      }
      // The value is the solved state, not G of it: training and inference agree to the bit.
      const withGradient = tf.customGrad(() => ({ value: tf.clone(z), gradFunc: pull }))
      return withGradient(once.value) as Vector
    },
  }
}

/**
 * `(I − Jᵀ) u = v` as a solver sees it. Samples that move each other (`traits.rowwise === false`) are one system, in one
 * row. Rows whose squares would leave the range of float32 are scaled by a power of two, which costs no digit: the system
 * is linear, and a gradient of 1e-25 is a gradient.
 */
function asSystem(problem: Problem, vjp: (u: Vector) => Vector, v: Vector) {
  const { batch, size } = problem
  const joint = problem.traits.rowwise === false && batch > 1
  const flat = (t: Vector): Vector => (joint ? tf.reshape(t, [1, batch * size]) : t)
  const rows = (t: Vector): Vector => (joint ? tf.reshape(t, [batch, size]) : t)
  const packed: Problem = joint ? { ...problem, batch: 1, size: batch * size } : problem
  const unscaled = flat(v)
  const safe = rowDot(unscaled, unscaled).every((s) => s > 1e-24 && s < 1e24)
  const unit = safe
    ? undefined
    : Array.from(tf.max(tf.abs(unscaled), 1).dataSync(), (a) =>
        a > 0 && a < Number.POSITIVE_INFINITY ? 2 ** Math.max(-126, Math.floor(Math.log2(a))) : 1,
      )
  return {
    packed,
    apply: (u: Vector): Vector => flat(vjp(rows(u))),
    right: unit ? scale(unscaled, column(unit.map((s) => 1 / s))) : unscaled,
    unpack: (u: Vector): Vector => rows(unit ? scale(u, column(unit)) : u),
    /** What was found per row of the system, per sample. */
    spread: <T>(found: readonly T[]): readonly T[] => (joint ? Array.from({ length: batch }, () => found[0]!) : found),
  }
}

/** `u ← Jᵀu + v` by a fixed-point solver, started at `v`, stopped relative to `‖v‖` as a linear solver would. */
function fixedPointAdjoint(
  solver: Solver,
  problem: Problem,
  vjp: (u: Vector) => Vector,
  v: Vector,
  { tolerance, maxSteps }: LinearOptions,
): LinearResult {
  const dual: Problem = {
    batch: problem.batch,
    size: problem.size,
    traits: problem.traits,
    kernels: problem.kernels,
    apply: (u) => add(vjp(u), v),
    linearize: () => {
      throw new EquilibriaError(
        'requirement',
        `Solver "${solver.name}" asks for products with J itself; an adjoint problem only has products with Jᵀ.`,
        'Use gmres(), or a fixed-point solver that only evaluates.',
      )
    },
  }
  const size = rowDot(v, v).map((s) => Math.sqrt(s) || 1)
  const residual = new Float32Array(v.shape[0])
  const relative: StopRule = {
    kind: 'stop-rule',
    spec: 1,
    name: 'adjoint',
    start:
      () =>
      ({ absolute, sample }) => {
        residual[sample] = absolute / size[sample]! // the driver measures the state that it returns
        return residual[sample]! <= tolerance ? 'converged' : undefined
      },
  }
  const driven = drive(dual, solver, v, {
    stop: anyOf(nonFinite(), relative, divergence()),
    maxSteps,
    compaction: false,
  })
  return { u: driven.z, steps: driven.total, residual, perSampleSteps: driven.steps }
}
