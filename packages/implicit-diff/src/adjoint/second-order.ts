import type { AttachSite, Solver } from '@equilibria/spec'
import { EquilibriaError, onTape, secondDerivativesHold } from '@equilibria/tensor'

/** @throws EquilibriaError `gradient` where stock tfjs would give a second derivative that is silently wrong */
export function requireRepairs(mode: string): void {
  if (secondDerivativesHold()) return
  throw new EquilibriaError(
    'gradient',
    `${mode} was asked for a second derivative, and the gradients of tfjs are not repaired: tanh, sigmoid, exp, softmax and others would make it silently wrong.`,
    "Add `import '@equilibria/tensor/gradients'` once.",
  )
}

/**
 * For a mode whose gradient is an approximation: its derivative is not the second derivative of anything. Call it in the
 * backward pass.
 * @throws EquilibriaError `gradient` while an outer gradient records that pass
 */
export function refuseSecondOrder(mode: string): void {
  if (!onTape()) return
  throw new EquilibriaError(
    'gradient',
    `${mode} was asked for a second derivative: its gradient is an approximation that holds z* fixed, so the derivative of it would be silently wrong.`,
    'Use implicit({ solver: gmres() }), whose derivatives of any order are right, or unrolled().',
  )
}

/**
 * For a mode that differentiates the steps of a solve: their second derivatives are right where every coefficient is on the
 * tape. Call it in the backward pass.
 * @throws EquilibriaError `gradient` while an outer gradient records that pass, where a coefficient may not be, or where
 * gradients are not repaired
 */
export function requireExactSteps(mode: string, run: AttachSite['run']): void {
  if (!onTape()) return
  requireRepairs(mode)
  for (let solver: Solver | undefined = run?.solver; solver || !run; solver = solver?.after?.solver)
    if (!solver?.exactOnTape)
      throw new EquilibriaError(
        'gradient',
        `${mode} was asked for a second derivative; ${solver ? `"${solver.name}" finds coefficients of its steps aside, which count as constants` : 'of several starts, or of a solve that resumed a memory, it is not known'}, so that it would be silently wrong.`,
        'Solve with picard(), krasnoselskiiMann(), halpern() or chebyshev() from one start, or use implicit({ solver: gmres() }), whose derivatives of any order are right.',
      )
}
