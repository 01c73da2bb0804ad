import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError, sub } from '@equilibria/tensor'
import type { Problem, Solver, Vector } from '@equilibria/spec'
import { cgls } from './cgls.ts'
import { columnNorms, dampedLeastSquares, materialise, times } from './dense.ts'
import { FLOOR } from './forcing.ts'
import { checkProducts, type JacobianProducts, type Linear, linearizeAt, moved, rowsOf, table } from './products.ts'

/** `λ` per row, `[batch, 1]`. */
export type LevenbergMarquardtMemory = { readonly lambda: tf.Tensor2D }

export interface LevenbergMarquardtOptions {
  /** `λ` at first, relative to the squared lengths of the columns of `I − J`. Default `1e-3`. */
  readonly damping?: number
  /** Most evaluations per step; a step that is refused is tried again, shorter. Default `8`. */
  readonly trials?: number
  /** States of at most this size are solved with the whole `I − J`, by `size` products. Default `64`. */
  readonly direct?: number
  /** Most iterations of conjugate gradients for larger states. Default `30`. */
  readonly maxIterations?: number
  /** How `J v` is computed. Default `'exact'`. */
  readonly jacobian?: JacobianProducts
}

/**
 * Levenberg–Marquardt on `½ ‖f‖²`, `f = G(z) − z`: with `A = I − J` move to `z + d`,
 *
 * `(AᵀA + λD²) d = Aᵀ f`,
 *
 * where `λ` grows until the residual falls and shrinks while the linear model predicts it well: between a Newton step and
 * a short step downhill. `D` holds the lengths of the columns of `A`, so that the units of the unknowns do not matter; `λ` is
 * doubled by a refusal and divided by 3 by a success, which follows curved valleys better than greater eagerness. A singular `A` is no obstacle, and bad starts are handled better than by a line search along one direction.
 *
 * Converges quadratically where `A` is regular, and where it is singular on a smooth set of solutions. Not for
 * contractions, which need no derivatives; and like every descent on `‖f‖` it may end in a local minimum of it that is no
 * fixed point. Cannot be unrolled.
 *
 * States are `[batch, size]`; `λ`, `D` and acceptance are per row. Up to `direct` entries the step is solved in float64 by
 * QR; beyond, by conjugate gradients on the normal equations with `D = I`, which sees the square of the condition number.
 *
 * @cost per step 1 recorded evaluation, 1 or more to try the step, and `size` products with `J` (solved directly) or two per iteration of conjugate gradients; no stored vectors between steps
 * @throws EquilibriaError `option` on settings that are not usable; `gradient` when an op of `G` lacks the gradients, or while a gradient is being recorded
 * @cite levenberg1944, marquardt1963, more1978, transtrum2012
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { levenbergMarquardt } from '@equilibria/solvers'
 *
 * // z − z³: the derivative of z³ vanishes at the answer, and Picard needs 1/z² steps
 * const flat = defineOperator({ name: 'flat', initial: (x: tf.Tensor2D) => x, apply: (z) => tf.sub(z, tf.mul(z, tf.square(z))) })
 * const { status, stats } = equilibrium(flat, { solver: levenbergMarquardt(), tolerance: 1e-6 }).solve(tf.tensor2d([[1]]))
 * console.log(status, stats.steps)
 * ```
 */
export function levenbergMarquardt({
  damping = 1e-3,
  trials = 8,
  direct = 64,
  maxIterations = 30,
  jacobian = 'exact',
}: LevenbergMarquardtOptions = {}): Solver {
  const whole = (v: number, least: number) => Number.isInteger(v) && v >= least
  if (!(damping > 0 && damping < Infinity) || !whole(trials, 1) || !whole(direct, 0) || !whole(maxIterations, 1))
    throw new EquilibriaError(
      'option',
      `levenbergMarquardt({ damping: ${damping}, trials: ${trials}, direct: ${direct}, maxIterations: ${maxIterations} }) is not usable.`,
      'Pass a damping > 0 and whole numbers: trials ≥ 1, direct ≥ 0, maxIterations ≥ 1.',
    )
  checkProducts('levenbergMarquardt', jacobian)
  const solver: Solver<LevenbergMarquardtMemory> = {
    kind: 'solver',
    spec: 1,
    name: 'levenberg-marquardt',
    init: ({ batch }) => ({ lambda: tf.fill([batch, 1], damping) }),
    step(problem, z, memory) {
      const { batch } = problem
      const at = linearizeAt(problem, z, jacobian, 'levenbergMarquardt')
      try {
        const seen = problem.kernels.norms(at.residual, z)
        const state = rowsOf(memory.lambda).map(([lambda], b) => ({
          lambda: lambda!,
          norm: seen[b]!,
          small: FLOOR * Math.max(seen[batch + b]!, 1),
          done: !(seen[b]! > 0 && seen[b]! < Infinity),
        }))
        const model = problem.size <= direct ? dense(problem, at) : krylov(problem, at)
        let next = z
        // Without Jᵀ there is no step to try: the state stays, and whoever watches sees that.
        for (let trial = 0; model && trial < trials && state.some((row) => !row.done); trial++) {
          const { d, predicted } = model.step(state.map((row) => row.lambda))
          const tried = moved(
            z,
            d,
            state.map((row) => (row.done ? 0 : 1)),
          )
          const found = problem.kernels.norms(sub(problem.apply(tried), tried), d)
          const taken = state.map((row, b) => !row.done && settle(row, found[b]!, predicted[b]!))
          next = tf.where(tf.tensor2d(taken.map(Number), [batch, 1], 'bool'), tried, next) as Vector
        }
        return {
          next,
          residual: at.residual,
          memory: { lambda: table(state.map((row) => [row.lambda])) },
        }
      } finally {
        at.dispose()
      }
    },
  }
  return solver as unknown as Solver

  /** The model with all of `A` on the host. */
  function dense(problem: Problem, at: Linear): Model {
    const { batch, size: n } = problem
    const f = at.residual.dataSync()
    const rows = materialise(at.jvp, batch, n).map((a, b) => ({
      a,
      f: f.subarray(b * n, (b + 1) * n),
      scale: columnNorms(a, n),
    }))
    return {
      step(lambda) {
        const d = new Float32Array(batch * n)
        const predicted = rows.map((row, b) => {
          const found = dampedLeastSquares(row.a, row.f, n, row.scale, lambda[b]!).d
          d.set(found, b * n)
          const ad = times(row.a, found, n)
          return Math.hypot(...ad.map((v, i) => row.f[i]! - v))
        })
        return { d: tf.tensor2d(d, [batch, n]), predicted }
      },
    }
  }

  /** The model by products only; `λ` counts in units of `‖A g‖² / ‖g‖²`, `g = Aᵀ f`. */
  function krylov(problem: Problem, at: Linear): Model | undefined {
    const { batch } = problem
    const pulled = at.vjp(at.residual)
    if (!pulled) return undefined
    const vjp = (u: Vector) => at.vjp(u)!
    const g = sub(at.residual, pulled)
    const norms = problem.kernels.norms(sub(g, at.jvp(g)), g)
    const unit = Array.from({ length: batch }, (_, b) => (norms[b]! / (norms[batch + b]! || 1)) ** 2 || 1)
    return {
      step(lambda) {
        const damping = lambda.map((l, b) => l * unit[b]!)
        const { d, ad } = cgls(at, vjp, problem.kernels, damping, { tolerance: 1e-2, iterations: maxIterations })
        return { d, predicted: Array.from(problem.kernels.norms(sub(at.residual, ad), d).subarray(0, batch)) }
      },
    }
  }
}

/** The linear model of `f` around one state. */
interface Model {
  /** The step for these `λ`, and `‖f − A d‖` per row. */
  step(lambda: readonly number[]): { readonly d: Vector; readonly predicted: readonly number[] }
}

/** Takes the step if it got at least 1e-4 of the decrease that was predicted, and updates `λ`. */
function settle(
  row: { lambda: number; readonly norm: number; readonly small: number; done: boolean },
  found: number,
  predicted: number,
): boolean {
  const gain = (1 - (found / row.norm) ** 2) / (1 - (predicted / row.norm) ** 2)
  if (found <= row.small || (gain > 1e-4 && found < row.norm)) {
    row.done = true
    row.lambda = Math.max(row.lambda / 3, 1e-14)
    return true
  }
  row.lambda = Math.min(row.lambda * 2, 1e12)
  return false
}
