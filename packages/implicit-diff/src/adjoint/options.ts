import type { LinearSolver, Solver } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'

/** What to do when the adjoint of some sample did not converge. */
export type AdjointPolicy = 'throw' | 'warn' | 'fallback'

export interface ImplicitOptions {
  /** Solves `(I − Jᵀ) u = v`: a linear solver, or any fixed-point solver run on `u ↦ Jᵀu + v`. */
  readonly solver: LinearSolver | Solver
  /** Relative residual of that solve. Default `1e-5`; float32 ends near `1e-6`. */
  readonly tolerance?: number
  /** Most vector–Jacobian products. Default `50`. */
  readonly maxSteps?: number
  /**
   * `throw`: an `EquilibriaError`. `warn` (default): `console.warn`, the best `u` is used. `fallback`: samples whose
   * adjoint failed take `u = v`, the Jacobian-free gradient, which cannot explode; the others keep theirs.
   */
  readonly onFailure?: AdjointPolicy
}

/** Options with their defaults, checked. */
export type AdjointSettings = Required<ImplicitOptions>

/** @throws EquilibriaError `option` on a negative tolerance, steps below 1 or an unknown policy */
export function adjointSettings(
  where: string,
  { solver, tolerance = 1e-5, maxSteps = 50, onFailure = 'warn' }: ImplicitOptions,
): AdjointSettings {
  requireRange(`${where}({ tolerance })`, tolerance, 0)
  requireWhole(`${where}({ maxSteps })`, maxSteps, 1)
  if (!['throw', 'warn', 'fallback'].includes(onFailure))
    throw new EquilibriaError(
      'option',
      `${where}({ onFailure: ${String(onFailure)} }) is not a policy.`,
      'Pass "throw", "warn" or "fallback".',
    )
  return { solver, tolerance, maxSteps, onFailure }
}
