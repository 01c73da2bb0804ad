import type { AdjointStatus, LinearResult, Problem, Vector } from '@equilibria/spec'
import { rowDot } from '@equilibria/tensor'
import { fixedPointAdjoint, type Transposed } from './fixed-point.ts'
import type { AdjointSettings, ImplicitSettings } from './options.ts'
import type { Parts } from './parts.ts'
import { type AdjointSystem, asSystem } from './system.ts'

/** Eight roundings, `8 · 2⁻²⁴`: a product, a sum and a difference in float32, with some room for their dot products. */
const FLOOR = 8 * 2 ** -24
/** Above this residual an adjoint has failed, whatever rounding explains. */
const LEGIBLE = 1e-2

/** The adjoint found, `[batch, size]`, and how each sample of it ended. */
export interface Adjoint extends Omit<LinearResult, 'status'> {
  readonly status: readonly AdjointStatus[]
  /** For the report: what was done, where that is decided on the way. */
  readonly mode?: string
}

/** What a solver may use beside products. */
export interface Aids {
  readonly parts?: Parts | undefined
  readonly from?: Vector | undefined
  readonly transposed?: Transposed | undefined
}

/**
 * Solve `(I − Jᵀ) u = v`, given `u ↦ Jᵀu`. Numerical trouble is a status. Run it off the tape, in a scope.
 *
 * `from` is a first guess; `parts` are for splitting methods, `transposed` (`w ↦ J w`) for those that take derivatives.
 */
export function solveAdjoint(
  problem: Problem,
  vjp: (u: Vector) => Vector,
  v: Vector,
  { solver, tolerance, maxSteps }: Pick<ImplicitSettings, 'solver' | 'tolerance' | 'maxSteps'>,
  { parts, from, transposed }: Aids = {},
): Adjoint {
  const system = asSystem(problem, vjp, v)
  const { packed, right, apply } = system
  const options = { tolerance, maxSteps, ...(from ? { initial: system.pack(from) } : {}) }
  const solved =
    solver.kind === 'linear-solver'
      ? solver.solve(apply, right, options)
      : fixedPointAdjoint(solver, packed, apply, right, {
          ...options,
          splitting: parts?.(right),
          transposed: transposed && system.across(transposed),
        })
  return judged(system, solved, { tolerance, maxSteps })
}

/** What was found for the rows of a system, per sample, with a status for each. */
export function judged(
  { right, unpack, spread }: AdjointSystem,
  solved: LinearResult,
  { tolerance, maxSteps }: Pick<AdjointSettings, 'tolerance' | 'maxSteps'>,
): Adjoint {
  const [sizeU, sizeV] = [rowDot(solved.u, solved.u), rowDot(right, right)]
  const status = Array.from(solved.residual, (r, b): AdjointStatus => {
    if (!Number.isFinite(r) || !Number.isFinite(sizeU[b]!)) return 'non-finite'
    // What rounding of u leaves of v. With no digit left, u = Jᵀu + v holds for any v: I − Jᵀ is singular to float32.
    const noise = FLOOR * Math.sqrt(sizeU[b]! / (sizeV[b]! || 1))
    if (noise > 0.5) return 'stagnated'
    if (r <= tolerance) return 'converged'
    // A residual of a few roundings of u is all that float32 can give, however small v is: that is not a failure.
    if (r <= Math.min(noise, LEGIBLE)) return 'floor'
    if (r > 1e3) return 'diverged'
    // A solver that stops with products to spare (it needs 2 to do anything) has given up.
    const said = solved.status?.[b]
    return (said ? said !== 'max-steps' : solved.steps + 2 <= maxSteps) ? 'stagnated' : 'max-steps'
  })
  const misled = (['indefinite', 'asymmetric'] as const).filter((s) => solved.status?.includes(s))
  const notes = [...(solved.notes ?? []), ...misled.map((s) => `I − Jᵀ is ${s}, which this solver is not for`)]
  return {
    u: unpack(solved.u),
    steps: solved.steps,
    residual: Float32Array.from(spread(Array.from(solved.residual))),
    perSampleSteps: Int32Array.from(spread(Array.from(solved.perSampleSteps))),
    status: spread(status),
    ...(notes.length > 0 ? { notes } : {}),
  }
}
