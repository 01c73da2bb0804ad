import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, offTape, scale, sub } from '@equilibria/tensor'
import type { Solver, Vector } from '@equilibria/spec'
import { refuseTape } from './broyden/recorded.ts'
import { applyInverse, applyInverseTransposed, type InverseFactors } from './broyden/inverse.ts'
import { armijo, type LineSearch, liFukushima } from './line-search.ts'

/** What the method remembers: the inverse, and the point the step under way started from. */
export interface BroydenMemory extends InverseFactors {
  readonly [key: string]: BroydenBase | tf.Tensor3D | number | null
  /** `k` at which everything is forgotten. */
  readonly room: number
  /** Steps taken, this one included. */
  readonly steps: number
  readonly base: BroydenBase | null
}
type BroydenBase = {
  readonly z: Vector
  /** `G(z) − z`. */
  readonly r: Vector
  /** `−B r`: the full step. */
  readonly d: Vector
  /** `‖r‖₂` and the share of the step that was tried, `[batch, 1]`; only with a line search. */
  readonly norm: tf.Tensor2D | null
  readonly alpha: tf.Tensor2D | null
}
export interface BroydenOptions {
  /** Which least change: of the Jacobian (`good`, default) or of its inverse (`bad`). */
  readonly update?: 'good' | 'bad'
  /** How many factor pairs are kept before everything is forgotten but the newest. Default `16`. */
  readonly memory?: number
  /** Shortens steps that do not pay. Default `none`. */
  readonly lineSearch?: 'none' | 'armijo' | 'li-fukushima' | LineSearch
}

/** Below this cosine between `Δz` and `B Δg`, an update would divide rounding noise by rounding noise. */
const FLAT = 1e-5

/**
 * Broyden's method on `g(z) = G(z) − z`, one approximate inverse `B` per sample, from `B = −I`:
 *
 * `z ← z − B g`,   good: `B ← B + (Δz − B Δg) Δzᵀ B / (Δzᵀ B Δg)`,   bad: `B ← B + (Δz − B Δg) Δgᵀ / ‖Δg‖²`.
 *
 * Solves `n` linear equations in at most `2n` steps, and converges superlinearly near a regular solution, contraction or
 * not. Memory is limited by restart: when `memory` pairs are there, all but the newest are forgotten. (Overwriting the
 * oldest instead leaves later factors that were computed with it, and diverges.) Updates that would divide by noise are
 * skipped. Each row has its own factors, line search and restarts; states are `[batch, size]`.
 *
 * With a line search, a step that does not pay is cut in half and tried again from the same point, one evaluation each;
 * the answer is then the best state seen.
 *
 * The factors stay in the solver's memory (`InverseFactors`) and can be used again at another start, on a
 * problem nearby (`keepMemory`), and for the adjoint (`applyInverseTransposed`). Cannot be unrolled: with `B` as a constant,
 * directions that no step went along would get the slope of a Picard step.
 *
 * @cost 1 evaluation, `2 · memory + 3` stored vectors, `8 · memory` multiplications per entry
 * @throws EquilibriaError on a memory below 1 or a name that is not one of those above; `gradient` while the solve itself
 * is recorded
 * @cite broyden1965, gay1979, fang2009
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { broyden } from '@equilibria/solvers'
 *
 * const stiff = defineOperator({ name: 'stiff', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.sub(x, tf.mul(z, 5)) })
 * const { state } = equilibrium(stiff, { solver: broyden() }).solve(tf.tensor2d([[1, 2]]))
 * console.log(state.dataSync()) // about [1/6, 1/3], where Picard diverges
 * ```
 */
export function broyden({ update = 'good', memory = 16, lineSearch = 'none' }: BroydenOptions = {}): Solver {
  const search = lineSearch === 'armijo' ? armijo() : lineSearch === 'li-fukushima' ? liFukushima() : lineSearch
  if (!Number.isInteger(memory) || memory < 1)
    throw new EquilibriaError('option', `broyden({ memory: ${memory} }) is not usable.`, 'Pass a whole memory ≥ 1.')
  if (!['good', 'bad'].includes(update) || (typeof search === 'string' && search !== 'none'))
    throw new EquilibriaError(
      'option',
      `broyden({ update: ${String(update)}, lineSearch: ${String(lineSearch)} }) is not known.`,
      "Pass update 'good' or 'bad', and lineSearch 'none', 'armijo', 'li-fukushima' or a LineSearch.",
    )
  const solver: Solver<BroydenMemory> = {
    kind: 'solver',
    spec: 1,
    name: search === 'none' ? 'broyden' : `broyden+${search.name}`,
    ...(search !== 'none' && { answer: 'best' }),
    init: () => ({ u: null, v: null, room: memory, steps: 0, base: null }),
    // The factors of a nearby problem are as good a start as −I; when they are many, the memory is due anyway.
    resume: (_problem, _z, { u, v }) =>
      u && u.shape[1] <= memory
        ? { u, v, room: u.shape[1] + memory, steps: 0, base: null }
        : { u: null, v: null, room: memory, steps: 0, base: null },
    step(problem, z, past) {
      refuseTape('broyden')
      const r = sub(problem.apply(z), z)
      // Counted only where it is asked for: memories of rows at different steps can then be told apart by their shapes.
      const steps = search !== 'none' && search.counts !== false ? past.steps + 1 : 0
      const norm = search === 'none' ? null : offTape(() => tf.norm(r, 2, 1, true) as tf.Tensor2D)
      const { base } = past
      if (!base) {
        const d = scale(applyInverse(past, r), -1)
        const alpha = norm && (tf.onesLike(norm) as tf.Tensor2D)
        return { next: add(z, d), residual: r, memory: { ...past, steps, base: { z, r, d, norm, alpha } } }
      }
      if (search === 'none' || !norm) {
        const { factors, room } = learn(past, base, z, r)
        const d = scale(applyInverse(factors, r), -1)
        const next = { ...factors, room, steps, base: { z, r, d, norm: null, alpha: null } }
        return { next: add(z, d), residual: r, memory: next }
      }
      const alpha = base.alpha!
      const { taken, given } = offTape(() => {
        const given = tf.cast(tf.lessEqual(alpha, 2 ** -search.halvings), 'float32')
        const paid = search.accepts({ norm, base: base.norm!, alpha, step: steps })
        return {
          taken: tf.maximum(paid, given) as tf.Tensor2D,
          given: tf.sub(given, tf.mul(given, paid)) as tf.Tensor2D,
        }
      })
      const { factors, room } = learn(past, base, z, r, { taken, given })
      const is = offTape(() => tf.cast(taken, 'bool'))
      const choose = <T extends tf.Tensor2D>(a: T, b: T) => tf.where(is, a, b) as T
      const from = { z: choose(z, base.z), r: choose(r, base.r), norm: choose(norm, base.norm!) }
      const d = choose(scale(applyInverse(factors, r), -1), base.d)
      const share = offTape(() => choose(tf.onesLike(alpha), tf.mul(alpha, 0.5)))
      return {
        next: add(from.z, scale(d, share)),
        residual: r,
        memory: { ...factors, room, steps, base: { ...from, d, alpha: share } },
      }
    },
  }
  return solver as unknown as Solver

  /** The factors with the last step in them, `B_new Δg = Δz`; unchanged in rows where that step is not taken. */
  function learn(
    past: BroydenMemory,
    base: BroydenBase,
    z: Vector,
    r: Vector,
    rows?: { readonly taken: tf.Tensor2D; readonly given: tf.Tensor2D },
  ): { factors: InverseFactors; room: number } {
    return offTape(() => {
      const full = past.u !== null && past.u.shape[1] >= past.room
      let old: InverseFactors = full ? { u: null, v: null } : past
      if (rows && old.u && old.v) {
        // A step that never paid was a bad step: that row starts again from −I.
        const stay = tf.expandDims(tf.sub(1, rows.given), 2)
        old = { u: tf.mul(old.u, stay), v: tf.mul(old.v, stay) }
      }
      const dz = sub(z, base.z)
      const dg = sub(r, base.r)
      // In units of the largest entry of the step: squares then neither overflow nor vanish.
      const unit = tf.max(tf.abs(update === 'good' ? dz : dg), 1, true)
      const s = tf.divNoNan(dz, unit) as Vector
      const y = tf.divNoNan(dg, unit) as Vector
      const q = applyInverse(old, y)
      const dot = (a: Vector, b: Vector) => tf.sum(tf.mul(a, b), 1, true) as tf.Tensor2D
      const below = update === 'good' ? dot(s, q) : dot(y, y)
      let sound = tf.greater(tf.square(below), 0)
      if (update === 'good') sound = tf.greater(tf.abs(below), tf.mul(tf.sqrt(tf.mul(dot(s, s), dot(q, q))), FLAT))
      if (rows) sound = tf.logicalAnd(sound, tf.cast(rows.taken, 'bool'))
      const weight = tf.where(sound, tf.div(1, below), 0) as tf.Tensor2D
      const u = tf.expandDims(scale(sub(s, q), weight), 1) as tf.Tensor3D
      const v = tf.expandDims(update === 'good' ? applyInverseTransposed(old, s) : y, 1) as tf.Tensor3D
      const factors = {
        u: old.u ? (tf.concat([old.u, u], 1) as tf.Tensor3D) : u,
        v: old.v ? (tf.concat([old.v, v], 1) as tf.Tensor3D) : v,
      }
      return { factors, room: full ? memory : past.room }
    })
  }
}
