import * as tf from '@tensorflow/tfjs-core'
import type { AttachSite, GradientMode, LinearSolver, Memory, Solver, Vector } from '@equilibria/spec'
import { pick, requireWhole } from '@equilibria/core'
import { add, EquilibriaError, keepForBackward, leaves, rebuild, rowDot, sub } from '@equilibria/tensor'
import { attachAdjoint } from './adjoint/attach.ts'
import { type AdjointOptions, type AdjointPolicy, adjointSettings, type AdjointSettings } from './adjoint/options.ts'
import { refuseSecondOrder } from './adjoint/second-order.ts'
import { type Adjoint, judged, solveAdjoint } from './adjoint/solve.ts'
import { asSystem } from './adjoint/system.ts'
import { reporting } from './phantom.ts'

export interface ShineOptions extends AdjointOptions {
  /**
   * `(memory, x) ↦ Bᵀ x`, `[batch, size]`, with `B ≈ (J − I)⁻¹` as the forward solver remembers it:
   * `applyInverseTransposed` of `broyden()`.
   */
  readonly inverse: (memory: never, x: Vector) => Vector
  /** Relative residual up to which an adjoint is accepted. Default `0.1`: a good descent direction; `1e-5` for exactness. */
  readonly tolerance?: number
  /** `k`: most corrections `u ← u − Bᵀ (v + Jᵀu − u)` by the same inverse, one product each. Default `2`. */
  readonly refine?: number
  /**
   * Solves what is still not accepted, with `−Bᵀ` as a preconditioner. Left out: those samples have failed, see
   * `onFailure`.
   */
  readonly solver?: LinearSolver | Solver
  /** Default `fallback`, to the Jacobian-free gradient. */
  readonly onFailure?: AdjointPolicy
}

/**
 * SHINE: the adjoint from the inverse that the forward quasi-Newton solve has built, `u = −Bᵀ v` with `B ≈ (J − I)⁻¹`, in
 * place of a solve of `(I − Jᵀ) u = v`.
 *
 * `B` was built for the directions of the forward search and may be poor along `v`; nothing in the method tells. So the
 * residual `‖v + Jᵀu − u‖ / ‖v‖` of every sample is measured (one product), samples above `tolerance` are corrected by the
 * same inverse as long as that helps, those still above it go to `solver`, preconditioned by it, and without one to the fallback. A residual of
 * `ε` bounds the relative gradient error by about `ε` times the condition of `I − J`.
 *
 * Needs a forward solver that keeps factors of an inverse: `broyden()`. Not for second derivatives.
 *
 * @cost 1 recorded evaluation; 1 product, and up to `refine` more; no product at all is the part that `B` saves; the
 * factors, `2 k` vectors, are kept until the backward pass, and finished samples do not leave the batch
 * @throws EquilibriaError `requirement` where the forward solver has no such memory; `gradient` where a second derivative is
 * asked, or an adjoint fails under `throw`; `option` on unusable options
 * @cite ramzi2022
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { applyInverseTransposed, broyden } from '@equilibria/solvers'
 * import { shine } from '@equilibria/implicit-diff'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const layer = equilibrium(half, { solver: broyden(), gradient: shine({ inverse: applyInverseTransposed }) })
 * const slope = tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D).state))(tf.ones([1, 2]))
 * console.log(slope.dataSync()) // about [2, 2], from one product
 * ```
 */
export function shine({ inverse, refine = 2, solver, ...rest }: ShineOptions): GradientMode {
  requireWhole('shine({ refine })', refine, 0)
  const settings = adjointSettings('shine', { tolerance: 0.1, onFailure: 'fallback', ...rest } satisfies AdjointOptions)
  const name = `shine(${refine}${solver ? `, ${solver.name}` : ''})`
  return {
    kind: 'gradient',
    spec: 1,
    name,
    forward: 'detached',
    needs: ['memory'],
    attach(site) {
      const memory = factorsOf(name, site)
      const approximate = (x: Vector): Vector => tf.neg(inverse(memory as never, x))
      const z = attachAdjoint(site, name, settings, (apply, v) =>
        find(site, apply, v, approximate, { ...settings, refine, solver }),
      )
      return reporting(z, () => refuseSecondOrder(name))
    },
  }
}

/** The factors, alive until the backward pass is over. */
function factorsOf(name: string, { memory }: AttachSite): Memory {
  const found = memory?.memory
  if (found === null || typeof found !== 'object' || !('u' in found && 'v' in found))
    throw new EquilibriaError(
      'requirement',
      `${name} needs the inverse that a quasi-Newton solver builds; ${memory ? `"${memory.solver.name}" keeps none` : 'the solve kept no memory'}.`,
      'Solve with broyden(), or use implicit({ solver: gmres() }).',
    )
  const { u, v } = found as { readonly [key: string]: Memory }
  return rebuild({ u: u!, v: v! }, keepForBackward(leaves({ u: u!, v: v! })))
}

type Plan = AdjointSettings & { readonly refine: number; readonly solver: LinearSolver | Solver | undefined }

function find(
  { problem }: AttachSite,
  vjp: (u: Vector) => Vector,
  v: Vector,
  approximate: (x: Vector) => Vector,
  plan: Plan,
): Adjoint {
  const system = asSystem(problem, vjp, v)
  const { apply, right, pack, unpack } = system
  const inverse = (x: Vector): Vector => pack(approximate(unpack(x)))
  const norms = (t: Vector): number[] => Array.from(rowDot(t, t), Math.sqrt)
  const size = norms(right).map((s) => s || 1)
  const measure = (at: Vector) => {
    const r = sub(add(right, apply(at)), at)
    return { r, relative: Float32Array.from(norms(r), (s, b) => s / size[b]!) }
  }

  let u = inverse(right)
  let { r, relative: residual } = measure(u)
  const perSampleSteps = new Int32Array(size.length).fill(1)
  let steps = 1
  for (; steps <= plan.refine && residual.some((x) => !(x <= plan.tolerance)); steps++) {
    const next = add(u, inverse(r))
    const tried = measure(next)
    const better = Array.from(residual, (x, b) => !(x <= plan.tolerance) && !(tried.relative[b]! >= x))
    better.forEach((yes, b) => yes && (perSampleSteps[b] = steps + 1))
    u = pick(better, next, u)
    r = pick(better, tried.r, r)
    residual = residual.map((x, b) => (better[b] ? tried.relative[b]! : x))
  }
  const accepted = residual.filter((x) => x <= plan.tolerance).length
  const rows = residual.length
  const notes = [`the forward inverse served ${accepted} of ${rows} rows`]
  const own = judged(system, { u, steps, residual, perSampleSteps }, { ...plan, maxSteps: steps })
  const { solver } = plan
  if (accepted === rows || !solver) return { ...own, notes }

  // u = M y with M = −Bᵀ, or I where that made things worse: a preconditioner from the right, which leaves residuals true.
  const kind = Array.from(residual, (x) => x < 1)
  const M = (y: Vector): Vector => (kind.every(Boolean) ? approximate(y) : pick(kind, approximate(y), y))
  const product = (y: Vector): Vector => {
    const u = M(y)
    return add(sub(y, u), vjp(u))
  }
  const solved = solveAdjoint(problem, product, v, { ...plan, solver }, { from: v })
  const done = Array.from(own.residual, (x) => x <= plan.tolerance)
  return {
    ...solved,
    u: pick(done, own.u, M(solved.u)),
    steps: steps + solved.steps,
    residual: solved.residual.map((x, b) => (done[b] ? own.residual[b]! : x)),
    perSampleSteps: solved.perSampleSteps.map((s, b) => own.perSampleSteps[b]! + (done[b] ? 0 : s)),
    status: solved.status.map((s, b) => (done[b] ? own.status[b]! : s)),
    notes: [...notes, `${solver.name} the others${kind.some(Boolean) ? ', preconditioned by it' : ''}`],
  }
}
