import type { AdjointStatus, LinearResult, Problem, Splitting, Vector } from '@equilibria/spec'
import { rowDot } from '@equilibria/tensor'
import { fixedPointAdjoint } from './fixed-point.ts'
import type { AdjointSettings } from './options.ts'
import { asSystem } from './system.ts'

/** Eight roundings, `8 · 2⁻²⁴`: a product, a sum and a difference in float32, with some room for their dot products. */
const FLOOR = 8 * 2 ** -24

/** The adjoint found, `[batch, size]`, and how each sample of it ended. */
export interface Adjoint extends Omit<LinearResult, 'status'> {
  readonly status: readonly AdjointStatus[]
}

/** The parts of `u = A u + v` for this `v`, where the operator has them. */
export type Parts = (v: Vector) => Splitting<Vector> | undefined

/**
 * Solve `(I − Jᵀ) u = v`, given `u ↦ Jᵀu`. Numerical trouble is a status. Run it off the tape, in a scope. `parts`: for
 * splitting methods.
 */
export function solveAdjoint(
  problem: Problem,
  vjp: (u: Vector) => Vector,
  v: Vector,
  { solver, tolerance, maxSteps }: Pick<AdjointSettings, 'solver' | 'tolerance' | 'maxSteps'>,
  parts?: Parts,
): Adjoint {
  const { packed, right, apply, unpack, spread } = asSystem(problem, vjp, v)
  const joint = packed.batch !== problem.batch // then parts that are row by row are no parts of the system
  const solved =
    solver.kind === 'linear-solver'
      ? solver.solve(apply, right, { tolerance, maxSteps })
      : fixedPointAdjoint(solver, packed, apply, right, { tolerance, maxSteps }, joint ? undefined : parts?.(right))
  const [sizeU, sizeV] = [rowDot(solved.u, solved.u), rowDot(right, right)]
  const status = Array.from(solved.residual, (r, b): AdjointStatus => {
    if (!Number.isFinite(r) || !Number.isFinite(sizeU[b]!)) return 'non-finite'
    // A residual of a few roundings of u is all that float32 can give, however small v is: that is not a failure.
    if (r <= Math.max(tolerance, FLOOR * Math.sqrt(sizeU[b]! / (sizeV[b]! || 1)))) return 'converged'
    return r > 1e3 ? 'diverged' : 'max-steps'
  })
  return {
    u: unpack(solved.u),
    steps: solved.steps,
    residual: Float32Array.from(spread(Array.from(solved.residual))),
    perSampleSteps: Int32Array.from(spread(Array.from(solved.perSampleSteps))),
    status: spread(status),
  }
}
