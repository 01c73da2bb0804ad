import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError, sub } from '@equilibria/tensor'
import type { LinearSolver, Problem, Solver, Vector } from '@equilibria/spec'
import { gmres } from './linear/gmres.ts'
import { judge, type Search } from './newton/backtrack.ts'
import { columnNorms, dampedLeastSquares, materialise } from './newton/dense.ts'
import { FLOOR, forcing } from './newton/forcing.ts'
import {
  checkProducts,
  type JacobianProducts,
  type Linear,
  linearizeAt,
  moved,
  rowsOf,
  table,
} from './newton/products.ts'

/** What the method remembers, `[batch, 3 + history]`: `η`, whether the last search failed, steps taken, `‖f‖` newest first. */
export type NewtonKrylovMemory = { readonly past: tf.Tensor2D }

export interface NewtonKrylovOptions {
  /** Solves `(I − J) d = f`. Default `gmres()`. */
  readonly linear?: LinearSolver
  /** Most products per step. Default `50`. */
  readonly maxProducts?: number
  /**
   * States of at most this size are solved with the whole `I − J` instead, by `size` products and a QR factorisation in
   * float64, which no bad scaling disturbs. Default `16`; `0`: never.
   */
  readonly direct?: number
  /** Most evaluations per step that the line search may spend; `0`: full steps, whatever the residual does. Default `10`. */
  readonly lineSearch?: number
  /** A step is accepted when it improves on the largest of this many last `‖f‖`. Default `1`: every step descends. */
  readonly history?: number
  /** `η` of the first step and the largest of all. Default `{ first: 0.5, most: 0.9 }`. */
  readonly forcing?: { readonly first?: number; readonly most?: number }
  /** How `J v` is computed. Default `'exact'`. */
  readonly jacobian?: JacobianProducts
}

/**
 * Newton–Krylov: with `f = G(z) − z` and `J = ∂G/∂z`, solve `(I − J) d = f` inexactly and move to `z + λ d`.
 *
 * The system is solved by GMRES, to `‖f − (I − J) d‖ ≤ η ‖f‖` with the `η` of Eisenstat and Walker (choice 2) per row: loose
 * far away, tight where convergence is quadratic. `λ` is found per row by backtracking on `‖f‖`, with three-point
 * parabolas, so that every step descends; a trial that is not finite is shortened too. Where `I − J` is too close to
 * singular for a solve, or the last search failed, the step is the Cauchy point: the minimiser of `‖f − (I − J) d‖` along
 * `(I − J)ᵀ f`.
 *
 * Converges quadratically near a fixed point at which `I − J` is regular, whatever the spectral radius of `J`; linearly
 * where it is singular. Not for `G` that is cheap and contractive (`anderson()` takes fewer evaluations), nor for maps with
 * kinks everywhere. Descent on `‖f‖` can end in a local minimum that is no fixed point: `lineSearch: 0` then wanders on,
 * `levenbergMarquardt()` and `auto()` may help. Cannot be unrolled.
 *
 * States are `[batch, size]`; `η`, `λ` and the choice of direction are per row.
 *
 * @cost per step 1 recorded evaluation, 1 or more of the line search, and the products with `J` that the linear solver takes (`size` of them when solved directly), each about one evaluation more; `restart + 1` stored vectors while GMRES runs, none between steps
 * @throws EquilibriaError `option` on settings that are not usable; `gradient` when an op of `G` lacks a gradient of its gradient (then pass `jacobian: 'differences'`), or while a gradient is being recorded
 * @cite knoll2004, eisenstat1996, kelley1995
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { newtonKrylov } from '@equilibria/solvers'
 *
 * const steep = defineOperator({ name: 'steep', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.sub(x, tf.mul(z, tf.square(z))) })
 * const { state, stats } = equilibrium(steep, { solver: newtonKrylov(), tolerance: 1e-6 }).solve(tf.tensor2d([[2], [10]]))
 * console.log(stats.steps, state.dataSync()) // a few steps to 1 and 2, where the slope of G is −3 and −12
 * ```
 */
export function newtonKrylov(options: NewtonKrylovOptions = {}): Solver {
  const { linear = gmres(), maxProducts = 50, direct = 16, lineSearch = 10, history = 1, jacobian = 'exact' } = options
  const { first = 0.5, most = 0.9 } = options.forcing ?? {}
  const whole = (v: number, least: number) => Number.isInteger(v) && v >= least
  if (!whole(maxProducts, 2) || !whole(direct, 0) || !whole(lineSearch, 0) || !whole(history, 1))
    throw new EquilibriaError(
      'option',
      `newtonKrylov({ maxProducts: ${maxProducts}, direct: ${direct}, lineSearch: ${lineSearch}, history: ${history} }) is not usable.`,
      'Pass whole numbers: maxProducts ≥ 2, direct ≥ 0, lineSearch ≥ 0, history ≥ 1.',
    )
  if (!(most > 0 && most < 1) || !(first > 0 && first <= most))
    throw new EquilibriaError(
      'option',
      `newtonKrylov({ forcing: { first: ${first}, most: ${most} } }) is not usable.`,
      'Pass 0 < first ≤ most < 1.',
    )
  checkProducts('newtonKrylov', jacobian)
  const solver: Solver<NewtonKrylovMemory> = {
    kind: 'solver',
    spec: 1,
    name: lineSearch === 0 ? 'newton-krylov(full steps)' : 'newton-krylov',
    init: ({ batch }) => ({ past: tf.zeros([batch, 3 + history]) }),
    step(problem, z, memory) {
      const rows = rowsOf(memory.past).map(([eta, failed, taken, ...norms]) => ({
        eta: eta!,
        failed: failed === 1,
        taken: taken!,
        norms: norms.slice(0, taken),
      }))
      const at = linearizeAt(problem, z, jacobian, 'newtonKrylov')
      try {
        const residual = at.residual
        const seen = problem.kernels.norms(residual, z)
        const state = rows.map((row, b) => {
          const norm = seen[b]!
          const small = FLOOR * Math.max(seen[problem.batch + b]!, 1)
          const eta = forcing(norm, row.norms[0] ?? 0, row.eta, { first, most, least: small })
          return { norm, small, eta, bound: Math.max(norm, ...row.norms.slice(0, history - 1)) }
        })
        const cauchy = rows.map((row) => row.failed)
        const d = direction(problem, at, state, cauchy)
        const lambda = lineSearch === 0 ? state.map(({ norm }) => (norm > 0 ? 1 : 0)) : search(problem, z, d, state)
        const failed = lambda.map((l) => l < 0)
        return {
          next: moved(z, d, lambda.map(Math.abs)),
          residual,
          memory: {
            past: table(
              rows.map(({ norms, taken }, b) => {
                const kept = [state[b]!.norm, ...norms].slice(0, history)
                const padding = Array.from({ length: history - kept.length }, () => 0)
                // A Cauchy step that failed gives the Newton direction its turn again.
                return [
                  state[b]!.eta,
                  failed[b]! && !cauchy[b] ? 1 : 0,
                  Math.min(taken + 1, history),
                  ...kept,
                  ...padding,
                ]
              }),
            ),
          },
        }
      } finally {
        at.dispose()
      }
    },
  }
  return solver as unknown as Solver

  /** The Newton direction, or the Cauchy step where there is none. Marks the rows that took the latter. */
  function direction(
    problem: Problem,
    at: Linear,
    state: readonly { readonly norm: number; readonly eta: number }[],
    cauchy: boolean[],
  ): Vector {
    const f = at.residual
    let d: Vector
    if (problem.size <= direct) {
      const n = problem.size
      const host = f.dataSync()
      const values = new Float32Array(host.length)
      materialise(at.jvp, problem.batch, n).forEach((a, b) => {
        const right = host.subarray(b * n, (b + 1) * n)
        const scale = columnNorms(a, n)
        let { d: found, pivot } = dampedLeastSquares(a, right, n, scale, 0)
        // The products are float32: what their rounding could have made singular is damped by as much.
        const rounding = n * 2 ** -24
        if (!(pivot > rounding)) found = dampedLeastSquares(a, right, n, scale, rounding ** 2).d
        values.set(found, b * n)
      })
      d = tf.tensor2d(values, [problem.batch, n])
    } else {
      const tolerances = Float32Array.from(state, ({ eta }) => eta)
      const solved = linear.solve(at.jvp, f, { tolerance: Math.min(...tolerances), tolerances, maxSteps: maxProducts })
      d = solved.u
      solved.residual.forEach((r, b) => {
        if (!(r < 0.99)) cauchy[b] = true // no headway
      })
    }
    if (!cauchy.some(Boolean)) return d
    const pulled = at.vjp(f)
    const g = pulled ? sub(f, pulled) : f // without gradients, the direction of a Picard step
    const ag = sub(g, at.jvp(g))
    const norms = problem.kernels.norms(g, ag)
    const length = Array.from({ length: problem.batch }, (_, b) => {
      const ratio = norms[b]! / norms[problem.batch + b]!
      return Number.isFinite(ratio) ? ratio ** 2 : 1
    })
    const chosen = tf.tensor2d(cauchy.map(Number), [problem.batch, 1], 'bool')
    return tf.where(chosen, tf.mul(g, tf.tensor2d(length, [problem.batch, 1])), d) as Vector
  }

  /** One `λ` per row; negative where every trial failed, 0 where there is nothing to do. */
  function search(
    problem: Problem,
    z: Vector,
    d: Vector,
    state: readonly { readonly norm: number; readonly bound: number; readonly eta: number; readonly small: number }[],
  ): number[] {
    const rows = state.map(({ norm }): Search => ({ lambda: 1, done: !(norm > 0 && norm < Infinity), refused: [] }))
    for (let trial = 0; trial < lineSearch && rows.some((row) => !row.done); trial++) {
      const found = tf.tidy(() => {
        const there = moved(
          z,
          d,
          rows.map((row) => row.lambda),
        )
        const r = sub(problem.apply(there), there)
        return problem.kernels.norms(r, r)
      })
      rows.forEach((row, b) => {
        if (!row.done) judge(row, found[b]!, state[b]!)
      })
    }
    return rows.map((row, b) => (!(state[b]!.norm > 0) ? 0 : row.done ? row.lambda : -row.lambda))
  }
}
