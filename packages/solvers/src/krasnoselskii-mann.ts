import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, offTape, scale, sub } from '@equilibria/tensor'
import type { Solver, Vector } from '@equilibria/spec'
import { picard } from './picard.ts'
import { rowFill, rowNorm, TINY } from './rows.ts'

/** Cosine above which a residual that does not fall only creeps along its direction, which less damping is for. */
const STRAIGHT = 0.99

/** What the adaptive iteration remembers of each row. */
export interface KrasnoselskiiMannMemory {
  readonly [key: string]: tf.Tensor2D
  /** The residual before, of unit length. */
  readonly direction: Vector
  /** Smallest `‖r‖` since `β` was last reduced. */
  readonly mark: tf.Tensor2D
  readonly beta: tf.Tensor2D
  /** For how many steps in a row the residual turned without becoming smaller than that. */
  readonly stuck: tf.Tensor2D
}
export interface KrasnoselskiiMannOptions {
  /** `β` in `(0, 1]` for every row and step, or `'adaptive'` (default): each row finds its own. */
  readonly damping?: number | 'adaptive'
  /** Smallest adaptive `β`. Default `1/64`. */
  readonly least?: number
  /** So many steps in a row without progress halve `β`. Default `3`. */
  readonly patience?: number
}

/**
 * Krasnosel'skii–Mann iteration `z ← z + β (G(z) − z)`, with a `β` that every row finds by itself.
 *
 * Each step, with residual `r` and the one before `r'`: `⟨r, r'⟩ < 0` (the step overshot) multiplies `β` by 0.7;
 * `patience` steps in a row at which `r` turned (by more than 8°) without a new smallest `‖r‖` (an orbit) halve it; else it grows by
 * 1.1. It stays in `[least, 1]`.
 *
 * With a fixed `β` in `(0, 1)`, the residual of a nonexpansive map (which Picard may orbit forever) never grows and is
 * at most `‖z₀ − z*‖ / √(k β (1 − β))`; a rotation by `θ` contracts by `cos(θ/2)` at `β = ½`. A map with a real spectrum in
 * `[a, b]`, `b < 1`, converges when `β < 2 / (1 − a)`, however negative `a` is: stiff steps, best responses of many
 * players. The adaptive rule finds such a `β` without being told, and stays at 1, which is Picard, where the residual keeps
 * its direction: it is a heuristic without a proof. Eigenvalues at 1 or above, or below `1 − 2/least`, are out of reach, and
 * slow smooth contractions stay slow: there `anderson()` is faster.
 *
 * States are `[batch, size]`; `β` and all bookkeeping are per row.
 *
 * @cost 1 evaluation, 1 stored vector (none with a fixed `β`)
 * @throws EquilibriaError when `damping` is neither `'adaptive'` nor in `(0, 1]`, `least` is outside `(0, 1]` or
 * `patience` is not a whole number ≥ 1
 * @cite cominetti2014, krasnoselskii1955, mann1953
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { krasnoselskiiMann } from '@equilibria/solvers'
 *
 * // An implicit Euler step of a stiff equation: z = x − 5 z. Picard diverges.
 * const stiff = defineOperator({ name: 'stiff', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.sub(x, tf.mul(z, 5)) })
 * const { state } = equilibrium(stiff, { solver: krasnoselskiiMann() }).solve(tf.tensor2d([[6]]))
 * console.log(state.dataSync()) // about [1]
 * ```
 */
export function krasnoselskiiMann({
  damping = 'adaptive',
  least = 1 / 64,
  patience = 3,
}: KrasnoselskiiMannOptions = {}): Solver {
  const name = 'krasnoselskii-mann'
  if (
    !(damping === 'adaptive' || (damping > 0 && damping <= 1)) ||
    !(least > 0 && least <= 1) ||
    !Number.isInteger(patience) ||
    patience < 1
  )
    throw new EquilibriaError(
      'option',
      `krasnoselskiiMann({ damping: ${damping}, least: ${least}, patience: ${patience} }) is not usable.`,
      "Pass damping 'adaptive' or in (0, 1], least in (0, 1] and a whole patience ≥ 1.",
    )
  if (damping !== 'adaptive') return { ...picard({ damping }), name } as unknown as Solver
  const fresh = (z: Vector, beta: tf.Tensor2D): KrasnoselskiiMannMemory => ({
    direction: tf.zerosLike(z),
    mark: rowFill(z.shape[0], Number.POSITIVE_INFINITY),
    beta,
    stuck: rowFill(z.shape[0], 0),
  })
  const solver: Solver<KrasnoselskiiMannMemory> = {
    kind: 'solver',
    spec: 1,
    name,
    exactOnTape: true, // β is a product of numbers, chosen by comparisons
    init: ({ batch }, z) => fresh(z, rowFill(batch, 1)),
    step(problem, z, past) {
      const r = sub(problem.apply(z), z)
      const memory = offTape(() => tf.tidy(() => adapt(r, past)))
      return { next: add(z, scale(r, memory.beta)), residual: r, memory }
    },
    // The step sizes are worth keeping; the residual before belongs to another solve.
    resume: (_problem, z, { beta }) => fresh(z, tf.clone(beta)),
  }
  return solver as unknown as Solver

  function adapt(r: Vector, past: KrasnoselskiiMannMemory) {
    const norm = rowNorm(r)
    const direction = tf.div(r, tf.maximum(norm, TINY)) as Vector
    const cosine = tf.sum(tf.mul(direction, past.direction), 1, true)
    // Isometries keep the norm, rounding aside: that is no progress either. Against the smallest and not the last norm,
    // because rounding makes some of the steps of an orbit look like progress.
    const flat = tf.greaterEqual(norm, tf.mul(past.mark, 1 - 1e-5))
    const stuck = tf.logicalAnd(flat, tf.less(cosine, STRAIGHT))
    const counted = tf.where(stuck, tf.add(past.stuck, 1), 0)
    const overshot = tf.less(cosine, 0)
    const tired = tf.greaterEqual(counted, patience)
    const factor = tf.where(overshot, 0.7, tf.where(tired, 0.5, tf.where(stuck, 1, 1.1)))
    const beta = tf.clipByValue(tf.mul(past.beta, factor), least, 1) as tf.Tensor2D
    const reduced = tf.logicalOr(overshot, tired)
    const mark = tf.where(reduced, norm, tf.minimum(norm, past.mark)) as tf.Tensor2D
    return { direction, mark, beta, stuck: tf.where(reduced, 0, counted) as tf.Tensor2D }
  }
}
