import type {
  Linearization,
  LinearOptions,
  LinearResult,
  LinearStatus,
  Problem,
  Solver,
  Splitting,
  Status,
  StopRule,
  Vector,
} from '@equilibria/spec'
import { anyOf, divergence, drive, nonFinite } from '@equilibria/core'
import { add, EquilibriaError, rowDot, scoped, sub } from '@equilibria/tensor'

/** Products with the transpose of the matrix that is solved for: made when the first is asked for. */
export type Transposed = () => { push(v: Vector): Vector; dispose(): void }

export interface DualOptions extends LinearOptions {
  /** The parts of `u ↦ Jᵀu + v`, not of `G`. */
  readonly splitting?: Splitting<Vector> | undefined
  readonly transposed?: Transposed | undefined
}

/**
 * `u ← Jᵀu + v` by a fixed-point solver, started at `v` (or `initial`), stopped relative to `‖v‖` as a linear solver would
 * after at most `maxSteps` steps of it. What is counted and returned as `steps` are products, several per step for
 * Newton's method and line searches.
 */
export function fixedPointAdjoint(
  solver: Solver,
  problem: Problem,
  vjp: (u: Vector) => Vector,
  v: Vector,
  { tolerance, maxSteps, initial, splitting, transposed }: DualOptions,
): LinearResult {
  let products = 0
  const product = (u: Vector): Vector => {
    products++
    return vjp(u)
  }
  const apply = (u: Vector): Vector => scoped(() => add(product(u), v))
  const dual: Problem = {
    batch: problem.batch,
    size: problem.size,
    traits: problem.traits,
    kernels: problem.kernels,
    ...(splitting ? { splitting } : {}),
    apply,
    // The map is linear: its derivative is itself, wherever it is taken.
    linearize(u): Linearization {
      const value = apply(u)
      let back: ReturnType<Transposed> | undefined
      return {
        value,
        jvp: product,
        vjp(w) {
          if (!transposed)
            throw new EquilibriaError(
              'requirement',
              `Solver "${solver.name}" asks for products with a matrix of which only products with its transpose are known here.`,
              'Use gmres(), or a fixed-point solver that only evaluates.',
            )
          products++
          return (back ??= transposed()).push(w)
        },
        dispose() {
          value.dispose()
          back?.dispose()
          back = undefined
        },
      }
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
        residual[sample] = absolute / size[sample]!
        return residual[sample]! <= tolerance ? 'converged' : undefined
      },
  }
  const driven = drive(dual, solver, initial ?? v, {
    stop: anyOf(nonFinite(), relative, divergence()),
    maxSteps,
    compaction: false,
  })
  const { z: u } = driven
  // The state last measured is the answer; but for solvers that answer with their best, which may be an earlier one.
  if ((solver.answer === 'best' || solver.after) && driven.status.some((s) => s !== 'converged')) {
    const left = scoped(() => {
      const r = sub(apply(u), u)
      return rowDot(r, r)
    })
    left.forEach((s, b) => {
      if (driven.status[b] !== 'converged') residual[b] = Math.sqrt(s) / size[b]!
    })
  }
  return { u, steps: products, residual, perSampleSteps: driven.steps, status: driven.status.map(linear) }
}

/** In the words of linear solvers. */
const linear = (s: Status): LinearStatus => (s === 'converged' || s === 'max-steps' ? s : 'stagnated')
