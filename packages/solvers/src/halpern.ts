import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, offTape, scale, sub } from '@equilibria/tensor'
import type { Solver, Vector } from '@equilibria/spec'
import { rowFill, rowNorm } from './rows.ts'

/** What the iteration remembers of each row. */
export interface HalpernMemory {
  readonly [key: string]: tf.Tensor2D
  readonly anchor: Vector
  /** Steps since the anchor was set. */
  readonly age: tf.Tensor2D
  /** `‖r‖₂` at the anchor and at the step before. */
  readonly atAnchor: tf.Tensor2D
  readonly before: tf.Tensor2D
}
export interface HalpernOptions {
  /**
   * When to move the anchor to the present state: once the residual has fallen to `sufficient` times that of the anchor,
   * or to `necessary` times and rises again. Default `{ sufficient: 0.2, necessary: 0.8 }`; `false` never restarts.
   */
  readonly restart?: { readonly sufficient?: number; readonly necessary?: number } | false
}

/**
 * Halpern iteration: every step is pulled back towards an anchor, ever more weakly,
 *
 * `z ← λ z₀ + (1 − λ) G(z)`,   `λ = 1 / (k + 2)`.
 *
 * For a nonexpansive `G`, `‖G(z_k) − z_k‖ ≤ 2 ‖z₀ − z*‖ / (k + 1)`, and no method of this kind has a better bound. Where
 * the residual also measures the distance (`‖z − z*‖ ≤ c ‖r‖`: linear programs by primal–dual methods, polyhedral
 * problems, affine maps), restarts at the present state make it linear. Restarts follow the adaptive rule of restarted
 * primal–dual methods, row by row.
 *
 * Not for contractions with a modulus well below 1, where the anchor only holds back and `picard()` is faster, and not
 * for expansive maps.
 *
 * States are `[batch, size]`; anchors and restarts are per row.
 *
 * @cost 1 evaluation, 1 stored vector
 * @throws EquilibriaError unless `0 < sufficient ≤ necessary < 1`
 * @cite applegate2021, halpern1967, lieder2021, lu2024
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { halpern } from '@equilibria/solvers'
 *
 * // A quarter turn about (1, −2), which Picard would follow forever.
 * const turn = defineOperator({
 *   name: 'turn',
 *   initial: (x: tf.Tensor2D) => tf.zerosLike(x),
 *   apply: (z, c) => tf.add(tf.matMul(tf.sub(z, c), [[0, 1], [-1, 0]]), c),
 * })
 * const { state, status } = equilibrium(turn, { solver: halpern(), maxSteps: 200 }).solve(tf.tensor2d([[1, -2]]))
 * console.log(status, state.dataSync()) // converged, about [1, −2]
 * ```
 */
export function halpern({ restart = {} }: HalpernOptions = {}): Solver {
  const { sufficient = 0.2, necessary = 0.8 } = restart || {}
  if (!(sufficient > 0 && sufficient <= necessary && necessary < 1))
    throw new EquilibriaError(
      'option',
      `halpern({ restart: { sufficient: ${sufficient}, necessary: ${necessary} } }) is not a restart rule.`,
      'Pass 0 < sufficient ≤ necessary < 1, or restart: false.',
    )
  const fresh = (batch: number, anchor: Vector): HalpernMemory => ({
    anchor,
    age: rowFill(batch, 0),
    atAnchor: rowFill(batch, 0),
    before: rowFill(batch, 0),
  })
  const solver: Solver<HalpernMemory> = {
    kind: 'solver',
    spec: 1,
    name: 'halpern',
    exactOnTape: true,
    init: ({ batch }, z) => fresh(batch, z),
    step(problem, z, past) {
      const r = sub(problem.apply(z), z)
      const seen = offTape(() => tf.tidy(() => look(r, past)))
      const anchor = restart === false ? past.anchor : (tf.where(seen.again, z, past.anchor) as Vector)
      const next = add(z, add(r, scale(sub(anchor, add(z, r)), seen.pull)))
      const { age, atAnchor, norm: before } = seen
      return { next, residual: r, memory: { anchor, age, atAnchor, before } }
    },
  }
  return solver as unknown as Solver

  function look(r: Vector, past: HalpernMemory) {
    const norm = rowNorm(r)
    const below = (share: number) => tf.lessEqual(norm, tf.mul(past.atAnchor, share))
    const again =
      restart === false
        ? tf.cast(tf.zerosLike(past.age), 'bool')
        : tf.logicalAnd(
            tf.greater(past.age, 0),
            tf.logicalOr(below(sufficient), tf.logicalAnd(below(necessary), tf.greater(norm, past.before))),
          )
    const k = tf.where(again, 0, past.age)
    const atAnchor = tf.where(tf.equal(k, 0), norm, past.atAnchor) as tf.Tensor2D
    const pull = tf.reciprocal(tf.add(k, 2)) as tf.Tensor2D
    return { again, norm, atAnchor, pull, age: tf.add(k, 1) as tf.Tensor2D }
  }
}
