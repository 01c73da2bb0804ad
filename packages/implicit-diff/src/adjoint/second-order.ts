import { abandonTape, EquilibriaError, onTape, secondDerivativesHold } from '@equilibria/tensor'

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
  abandonTape()
  throw new EquilibriaError(
    'gradient',
    `${mode} was asked for a second derivative: its gradient is an approximation that holds z* fixed, so the derivative of it would be silently wrong.`,
    'Use implicit({ solver: gmres() }), whose derivatives of any order are right, or unrolled().',
  )
}
