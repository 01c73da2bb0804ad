import type { LinearSolver, Solver, Vector } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import type { AdjointMemory } from '../warm-start.ts'

/** What to do when the adjoint of some sample did not converge. */
export type AdjointPolicy = 'throw' | 'warn' | 'fallback'
/** The gradient of samples whose adjoint failed. */
export type AdjointFallback = 'jacobian-free' | 'phantom'

/** How an adjoint is judged, and what happens when it fails: the same for every mode that solves one. */
export interface AdjointOptions {
  /** Relative residual of the solve. Default `1e-5`; float32 ends near `1e-6`. */
  readonly tolerance?: number
  /** Most vector–Jacobian products, or steps of a fixed-point solver. Default `50`. */
  readonly maxSteps?: number
  /**
   * `throw`: an `EquilibriaError`. `warn` (default): `console.warn`, the best `u` is used. `fallback`: samples whose
   * adjoint failed take a bounded one instead; the others keep theirs. A sample whose forward solve diverged or is not
   * finite counts as failed; under `fallback` it adds nothing to the gradient.
   */
  readonly onFailure?: AdjointPolicy
  /**
   * With `onFailure: 'fallback'`: `jacobian-free` (default), `u = v`, cannot explode; `phantom`, 5 damped terms
   * (`τ = 0.5`), is closer where `ρ((1 − τ) I + τ J) < 1`, for 4 products more.
   */
  readonly fallback?: AdjointFallback
}

export interface ImplicitOptions extends AdjointOptions {
  /** Solves `(I − Jᵀ) u = v`: a linear solver, or any fixed-point solver run on `u ↦ Jᵀu + v`. */
  readonly solver: LinearSolver | Solver
  /** Where adjoints of earlier training steps are kept, for the next to start from. */
  readonly warmStart?: AdjointMemory
  /**
   * The orthogonal projection `P` on the directions in which the equilibrium can move, row by row, where `I − J` is
   * singular in the others (a conserved sum: `u − mean(u)`). The system becomes `u = P Jᵀ P u + P v`.
   */
  readonly tangent?: (u: Vector) => Vector
}

/** Options with their defaults, checked. */
export type AdjointSettings = Required<AdjointOptions>
export type ImplicitSettings = AdjointSettings & Omit<ImplicitOptions, keyof AdjointOptions>

/** @throws EquilibriaError `option` on a negative tolerance, steps below 1, an unknown policy or fallback */
export function adjointSettings<T extends AdjointOptions>(where: string, options: T): T & AdjointSettings {
  const { tolerance = 1e-5, maxSteps = 50, onFailure = 'warn', fallback = 'jacobian-free' } = options
  requireRange(`${where}({ tolerance })`, tolerance, 0)
  requireWhole(`${where}({ maxSteps })`, maxSteps, 1)
  requireName(`${where}({ onFailure })`, onFailure, ['throw', 'warn', 'fallback'], 'policy')
  requireName(`${where}({ fallback })`, fallback, ['jacobian-free', 'phantom'], 'fallback')
  return { ...options, tolerance, maxSteps, onFailure, fallback }
}

function requireName(where: string, seen: string, known: readonly string[], what: string): void {
  if (!known.includes(seen))
    throw new EquilibriaError(
      'option',
      `${where} is ${String(seen)}, which is not a ${what}.`,
      `Pass one of: ${known.join(', ')}.`,
    )
}
