import * as tf from '@tensorflow/tfjs-core'
import { add, column, EquilibriaError, offTape, scale, sub } from '@equilibria/tensor'
import type { Solver, Vector } from '@equilibria/spec'
import { refuseTape } from './broyden/recorded.ts'
import { applyInverse, applyInverseTransposed, type InverseFactors, through } from './broyden/inverse.ts'

/** What the method remembers: the inverse, the orthonormal directions it was learnt along, and the last point. */
export interface AndersonIMemory extends InverseFactors {
  readonly [key: string]: AndersonILast | tf.Tensor2D | tf.Tensor3D | null
  /** Orthonormal rows, `[batch, k, size]`. */
  readonly directions: tf.Tensor3D | null
  /** Per row: `‖r‖` of the first step, and accelerated steps so far; `[batch, 2]`. */
  readonly budget: tf.Tensor2D | null
  readonly last: AndersonILast | null
}
type AndersonILast = {
  readonly z: Vector
  readonly r: Vector
  /** 1 where the last step was a plain one, `[batch, 1]`. */
  readonly plain: tf.Tensor2D
}
export interface AndersonIOptions {
  /** `m`: after so many differences everything is forgotten but the newest. Default `5`. */
  readonly memory?: number
  /** `α` of the averaged step that is taken where the safeguard fires. Default `0.5`. */
  readonly damping?: number
  /** `θ̄` in `(0, 1)`: how far from singular the inverse is kept. Default `0.01`. */
  readonly regularization?: number
  /** `τ` in `(0, 1)`: a direction with less than this share of news in it empties the memory. Default `0.001`. */
  readonly independence?: number
  /** `D`: with `a` accelerated steps done, one more is taken while `‖r‖ ≤ D ‖r₀‖ (a + 1)^(−1.000001)`. Default `1e6`. */
  readonly safeguard?: number
}

/**
 * Anderson acceleration, type I, made globally convergent for nonexpansive maps: Broyden's good update with the direction
 * `ŝ` orthogonal to the earlier ones, `r = G(z) − z`, `s = Δz`, `B` from `−I`:
 *
 * `z ← z − B r`,   `B ← B + (s − B ỹ) ŝᵀ B / (ŝᵀ B ỹ)`,   `ỹ = θ Δr + (1 − θ) B⁻¹ s`,
 *
 * where Powell's `θ` keeps `|ŝᵀ B ỹ| ≥ θ̄ ‖ŝ‖²`, so that `B` stays invertible and bounded. The memory starts again when
 * it is full or a step brings no news; a safeguard takes averaged steps while the residual is out of proportion. Choose
 * it for maps that are nonexpansive without being contractions (projections, splittings, first-order methods for linear
 * programs); `anderson()` usually needs fewer evaluations on contractions.
 *
 * States are `[batch, size]`; inverse, restarts and safeguard are per row. Cannot be unrolled: with `B` as a
 * constant, directions that no step went along would get the slope of a Picard step.
 *
 * @cost 1 evaluation, `3m + 2` stored vectors, `12 m` multiplications per entry
 * @throws EquilibriaError on a memory below 1, or options outside the ranges above; `gradient` while the solve itself is
 * recorded
 * @cite zhang2020, fang2009
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { andersonI } from '@equilibria/solvers'
 *
 * // A quarter turn about (1, 1): nonexpansive, and Picard goes round for ever.
 * const turn = defineOperator({
 *   name: 'turn',
 *   initial: (x: tf.Tensor2D) => tf.zerosLike(x),
 *   apply: (z, x) => tf.add(tf.matMul(z, tf.tensor2d([[0, 1], [-1, 0]])), x),
 * })
 * const { state } = equilibrium(turn, { solver: andersonI() }).solve(tf.tensor2d([[2, 0]]))
 * console.log(state.dataSync()) // about [1, 1]
 * ```
 */
export function andersonI({
  memory = 5,
  damping = 0.5,
  regularization = 0.01,
  independence = 0.001,
  safeguard = 1e6,
}: AndersonIOptions = {}): Solver {
  const share = (v: number) => v > 0 && v < 1
  if (!Number.isInteger(memory) || memory < 1 || !share(damping))
    throw new EquilibriaError(
      'option',
      `andersonI({ memory: ${memory}, damping: ${damping} }) is not usable.`,
      'Pass a whole memory ≥ 1 and 0 < damping < 1.',
    )
  if (!share(regularization) || !share(independence) || !(safeguard > 0))
    throw new EquilibriaError(
      'option',
      `andersonI({ regularization: ${regularization}, independence: ${independence}, safeguard: ${safeguard} }) is not usable.`,
      'Pass regularization and independence in (0, 1) and a safeguard > 0 (Infinity: none).',
    )
  const nothing = { u: null, v: null, directions: null }
  const solver: Solver<AndersonIMemory> = {
    kind: 'solver',
    spec: 1,
    name: 'andersonI',
    requires: { kernels: ['norms'] },
    init: () => ({ ...nothing, budget: null, last: null }),
    resume: (_problem, _z, { u, v, directions }) => ({ u, v, directions, budget: null, last: null }),
    step(problem, z, past) {
      refuseTape('andersonI')
      const r = sub(problem.apply(z), z)
      const learnt = past.last ? offTape(() => learn(past, past.last!, z, r)) : past
      const { plain, budget } = offTape(() => spend(problem.kernels.norms(r, z), past.budget))
      const full = applyInverse(learnt, r)
      const next = tf.where(tf.cast(plain, 'bool'), add(z, scale(r, damping)), sub(z, full)) as Vector
      const { u, v, directions } = learnt
      return { next, residual: r, memory: { u, v, directions, budget, last: { z, r, plain } } }
    },
  }
  return solver as unknown as Solver

  /** Which rows take a plain step, and their accounts afterwards. */
  function spend(norms: Float32Array, account: tf.Tensor2D | null): { plain: tf.Tensor2D; budget: tf.Tensor2D } {
    const batch = norms.length / 2
    const before = account?.dataSync()
    const plain = new Float32Array(batch)
    const after = new Float32Array(2 * batch)
    for (let b = 0; b < batch; b++) {
      const [first, taken] = [before?.[2 * b] ?? norms[b]!, before?.[2 * b + 1] ?? 0]
      plain[b] = norms[b]! <= safeguard * first * (taken + 1) ** -1.000001 ? 0 : 1
      after.set([first, taken + 1 - plain[b]!], 2 * b)
    }
    return { plain: column(plain), budget: tf.tensor2d(after, [batch, 2]) }
  }

  /** The inverse with the last step in it. */
  function learn(
    past: AndersonIMemory,
    last: AndersonILast,
    z: Vector,
    r: Vector,
  ): Pick<AndersonIMemory, 'u' | 'v' | 'directions'> {
    const dot = (a: Vector, b: Vector) => tf.sum(tf.mul(a, b), 1, true) as tf.Tensor2D
    const full = past.directions !== null && past.directions.shape[1] >= memory
    const dz = sub(z, last.z)
    const unit = tf.max(tf.abs(dz), 1, true) // squares then neither overflow nor vanish
    const s = tf.divNoNan(dz, unit) as Vector
    const y = tf.divNoNan(sub(r, last.r), unit) as Vector
    const length = dot(s, s)
    let old: Pick<AndersonIMemory, 'u' | 'v' | 'directions'> = full ? nothing : past
    let fresh = s
    if (old.directions && old.u && old.v) {
      fresh = sub(s, through(old.directions, old.directions, s))
      // Rows without news, and rows that took a plain step, which B⁻¹ knows nothing about, start again from −I.
      const news = tf.greater(dot(fresh, fresh), tf.mul(length, independence ** 2))
      const stay = tf.mul(tf.cast(news, 'float32'), tf.sub(1, last.plain)) as tf.Tensor2D
      fresh = add(scale(fresh, stay), scale(s, tf.sub(1, stay) as tf.Tensor2D))
      const rows = tf.expandDims(stay, 2)
      old = { u: tf.mul(old.u, rows), v: tf.mul(old.v, rows), directions: tf.mul(old.directions, rows) }
    }
    const straight = dot(fresh, fresh)
    const eta = tf.divNoNan(dot(fresh, applyInverse(old, y)), straight)
    const away = tf.mul(tf.where(tf.less(eta, 0), -1, 1), regularization)
    const theta = tf.where(
      tf.less(tf.abs(eta), regularization),
      tf.div(tf.sub(1, away), tf.sub(1, eta)),
      tf.onesLike(eta),
    ) as tf.Tensor2D
    // B⁻¹ s: the step was s = −B r, or it starts from B = −I.
    const model = tf.where(tf.cast(last.plain, 'bool'), tf.neg(s), tf.neg(tf.divNoNan(last.r, unit))) as Vector
    const mixed = add(scale(y, theta), scale(model, tf.sub(1, theta) as tf.Tensor2D))
    const image = applyInverse(old, mixed)
    const weight = tf.divNoNan(1, dot(fresh, image)) as tf.Tensor2D
    const line = tf.divNoNan(fresh, tf.sqrt(straight)) as Vector
    const append = (all: tf.Tensor3D | null, x: Vector) => {
      const row = tf.expandDims(x, 1) as tf.Tensor3D
      return all ? (tf.concat([all, row], 1) as tf.Tensor3D) : row
    }
    return {
      u: append(old.u, scale(sub(s, image), weight)),
      v: append(old.v, applyInverseTransposed(old, fresh)),
      directions: append(old.directions, line),
    }
  }
}
