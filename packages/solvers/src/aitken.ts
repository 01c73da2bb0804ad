import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, offTape, scale, sub } from '@equilibria/tensor'
import type { Solver, Vector } from '@equilibria/spec'
import { rowScale, TINY } from './rows.ts'

/** The step before; nothing at the start. */
export type AitkenMemory = { readonly z?: never } | { readonly z: Vector; readonly r: Vector }
export interface AitkenOptions {
  /** One relaxation factor per `'row'` (default), or one per `'component'` of a state. */
  readonly by?: 'row' | 'component'
  /** The factor of the first step, and of steps that say nothing about the next. Default `1`. */
  readonly damping?: number
  /** Largest `|ω|`. Default `1e4`. */
  readonly cap?: number
}

/**
 * Aitken's Δ² process as a dynamic relaxation: `z ← z + ω r`, `r = G(z) − z`, with the factor from the last two steps,
 *
 * `ω = −⟨Δz, Δr⟩ / ‖Δr‖²`   (Irons–Tuck; by component `ω = −Δz / Δr`, the secant method).
 *
 * Exact after three evaluations when the error is `c qᵏ` along one direction, whatever `q ≠ 1`: a scalar affine map, or a
 * dominant mode. By row it is also the minimal-residual step along the last direction. With several modes of
 * comparable size it is not monotone, and on non-symmetric maps it may wander: `anderson()` is the answer there. By
 * component only where components do not act on each other: coupled states diverge easily.
 *
 * Guard: where `Δr` is no more than rounding (below `4 · 2⁻²⁴` of the state), `ω` is `damping`.
 * States are `[batch, size]`; factors are per row or per component.
 *
 * @cost 1 evaluation, 2 stored vectors
 * @throws EquilibriaError on an unknown `by`, a `damping` outside `(0, 1]` or a `cap` below 1
 * @cite aitken1926, irons1969, kuttler2008
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { aitken } from '@equilibria/solvers'
 *
 * const slow = defineOperator({ name: 'slow', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.99), x) })
 * const { stats } = equilibrium(slow, { solver: aitken() }).solve(tf.tensor2d([[1, 2]]))
 * console.log(stats.evaluations) // 3 or 4: the error has one rate
 * ```
 */
export function aitken({ by = 'row', damping = 1, cap = 1e4 }: AitkenOptions = {}): Solver {
  if ((by !== 'row' && by !== 'component') || !(damping > 0 && damping <= 1) || !(cap >= 1))
    throw new EquilibriaError(
      'option',
      `aitken({ by: '${String(by)}', damping: ${damping}, cap: ${cap} }) is not usable.`,
      "Pass by 'row' or 'component', 0 < damping ≤ 1 and a cap ≥ 1.",
    )
  const solver: Solver<AitkenMemory> = {
    kind: 'solver',
    spec: 1,
    name: by === 'row' ? 'aitken' : 'aitken by component',
    init: () => ({}),
    step(problem, z, past) {
      const r = sub(problem.apply(z), z)
      const omega = past.z ? offTape(() => tf.tidy(() => relaxation(z, r, past.z, past.r))) : damping
      return { next: add(z, scale(r, omega)), residual: r, memory: { z, r } }
    },
  }
  return solver as unknown as Solver

  function relaxation(z: Vector, r: Vector, oldZ: Vector, oldR: Vector): tf.Tensor2D {
    const [dz, dr] = [sub(z, oldZ), sub(r, oldR)]
    const rounding = 4 * 2 ** -24
    if (by === 'component') {
      const told = tf.greater(tf.abs(dr), tf.maximum(tf.mul(tf.abs(z), rounding), TINY))
      const secant = tf.div(tf.neg(dz), tf.where(told, dr, tf.onesLike(dr)))
      return tf.where(told, tf.clipByValue(secant, -cap, cap), damping) as Vector
    }
    const size = rowScale(dr)
    const told = tf.logicalAnd(tf.greater(size, tf.mul(rowScale(z), rounding)), tf.greater(size, TINY))
    const unit = tf.div(dr, size) // its largest entry is 1: squares are safe
    const along = tf.sum(tf.mul(tf.div(dz, size), unit), 1, true)
    const omega = tf.div(tf.neg(along), tf.maximum(tf.sum(tf.square(unit), 1, true), TINY))
    return tf.where(told, tf.clipByValue(omega, -cap, cap), damping) as tf.Tensor2D
  }
}
