import * as tf from '@tensorflow/tfjs-core'
import type { AttachSite, Vector } from '@equilibria/spec'
import { pick } from '@equilibria/core'
import { abandonTape, add, EquilibriaError, offTape, onTape, record, type Recorded, scoped } from '@equilibria/tensor'
import type { Transposed } from './fixed-point.ts'
import type { AdjointSettings, ImplicitSettings } from './options.ts'
import { freezeParts, type Parts, type Side } from './parts.ts'
import { isLost, isSolved, settle } from './policy.ts'
import { refuseSecondOrder, requireRepairs } from './second-order.ts'
import { type Adjoint, solveAdjoint } from './solve.ts'

/** Solves `(I − A) u = v`, `[batch, size]`, given `u ↦ A u`. */
export type AdjointSolve = (
  apply: (u: Vector) => Vector,
  v: Vector,
  side: Side,
  aids: { readonly parts: Parts | undefined; readonly transposed: Transposed },
) => Adjoint

/**
 * The value of `z`, with the gradient of an equilibrium: `v ↦ u` with `u = Jᵀu + v`, then back through one recorded
 * application of `G`.
 *
 * While an outer gradient records the backward pass, `u` is a function too, and the same trick is used again: found off
 * the tape, it is tied to one recorded product `Jᵀu + v`, whose cotangent `ū` passes through `p = Jp + ū`. There `J` and
 * `∂G/∂θ` are taken at `z*` as a function of `x` and `θ`. `p` is tied in the same way, so that derivatives of any order
 * are right.
 *
 * @throws EquilibriaError `gradient` (from the backward pass) when a sample fails under `throw`; when it fails under
 * `fallback` in a pass that is recorded; when one is recorded without `@equilibria/tensor/gradients`
 */
export function attachAdjoint(
  site: AttachSite,
  name: string,
  settings: AdjointSettings & Partial<Pick<ImplicitSettings, 'solver' | 'tangent'>>,
  solve: AdjointSolve,
): Vector {
  const { z, problem } = site
  const once = record(problem.apply, settings.onFailure === 'fallback' ? harmless(z, site.status) : z) // all a tape sees

  const frozen = offTape(() => freezeParts(problem, z, settings.solver))
  let held: readonly tf.Tensor[] = [] // what was saved for the backward pass; tfjs frees it after the outermost one

  const adjoint = (v: Vector, kept: readonly tf.Tensor[] = []): Vector => {
    if (kept.length > 0) held = kept
    return tied(
      v,
      name,
      (right) =>
        solve(once.vjp, right, 'adjoint', { parts: frozen.of('adjoint', held), transposed: () => once.tangents() }),
      once.taped.vjp,
      tangent,
    )
  }
  const tangent = (v: Vector): Vector =>
    tied(
      v,
      `${name}, tangent`,
      (right) => {
        const forward = once.tangents()
        try {
          return solve(forward.push, right, 'tangent', {
            parts: frozen.of('tangent', held),
            transposed: () => ({ push: once.vjp, dispose: () => {} }),
          })
        } finally {
          forward.dispose()
        }
      },
      once.taped.jvp,
      adjoint,
    )

  /** The solution of `u = A u + v`, found off the tape; on a tape, tied to one recorded `A u + v`. */
  function tied(
    v: Vector,
    mode: string,
    find: (v: Vector) => Adjoint,
    product: (u: Vector) => Vector,
    back: (cotangent: Vector) => Vector,
  ): Vector {
    const recorded = onTape()
    if (recorded) requireRepairs(name)
    if (recorded && settings.tangent) refuseSecondOrder(`${name} in a tangent space`)
    const u = offTape(() =>
      scoped(() => {
        const found = find(v)
        const used = settle(mode, found, v, once.vjp, settings, site)
        if (recorded && used !== found.u) throw inexact(mode)
        return used
      }),
    )
    if (!recorded) return u
    return tie(
      record((w) => add(product(w), v), u),
      u,
      back,
    )
  }

  return tie(once, z, adjoint, frozen.tensors)
}

/**
 * `at` itself, tied to one recorded application of the map it is a fixed point of: a cotangent of it passes through
 * `back` first. The value is `at`, not the application: training and inference agree to the bit. `keep`: what `back` needs
 * of the forward pass.
 */
function tie(
  once: Recorded,
  at: Vector,
  back: (cotangent: Vector, kept: readonly tf.Tensor[]) => Vector,
  keep: readonly tf.Tensor[] = [],
): Vector {
  const pull = (dy: tf.Tensor, kept: readonly tf.Tensor[]): tf.Tensor => {
    try {
      if (onTape()) once.follow(state)
      return back(dy as Vector, kept)
    } catch (error) {
      abandonTape()
      throw error
    }
  }
  const state = tf.customGrad((...inputs: (tf.Tensor | tf.GradSaveFunc)[]) => {
    if (keep.length > 0) (inputs[1] as tf.GradSaveFunc)([...keep])
    return { value: tf.clone(at), gradFunc: pull }
  })(once.value) as Vector
  return state
}

/** `z` with zeros for samples that have no equilibrium: under `fallback` they add nothing, and 0 times NaN would be NaN. */
function harmless(z: Vector, status: AttachSite['status']): Vector {
  const lost = status.map(isLost)
  return lost.some(Boolean) ? offTape(() => pick(lost, tf.zerosLike(z), z)) : z
}

/** The solve that `implicit()` does: by its solver, from what its memory knows, in the tangent space. */
export function plainSolve({ problem }: Pick<AttachSite, 'problem'>, settings: ImplicitSettings): AdjointSolve {
  const { warmStart, tangent } = settings
  return (apply, v, side, { parts, transposed }) => {
    if (tangent) {
      const across: Transposed = () => {
        const { push, dispose } = transposed()
        return { push: (w) => tangent(push(tangent(w))), dispose }
      }
      const product = (u: Vector): Vector => tangent(apply(tangent(u)))
      const inside = solveAdjoint(problem, product, tangent(v), settings, { transposed: across })
      return { ...inside, u: tangent(inside.u) }
    }
    if (side === 'tangent') return solveAdjoint(problem, apply, v, settings, { parts, transposed })
    const found = solveAdjoint(problem, apply, v, settings, { parts, transposed, from: warmStart?.recall(v) })
    warmStart?.remember(found.u, v, found.status.map(isSolved))
    return found
  }
}

const inexact = (mode: string): EquilibriaError =>
  new EquilibriaError(
    'gradient',
    `A second derivative was asked of ${mode}, where some samples fell back to the Jacobian-free gradient.`,
    'Raise maxSteps or loosen tolerance, so that the adjoint of every sample converges.',
  )
