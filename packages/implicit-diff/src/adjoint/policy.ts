import type { AttachSite, Vector } from '@equilibria/spec'
import { largest, pick } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import type { AdjointSettings } from './options.ts'
import type { Adjoint } from './solve.ts'

/**
 * Report an adjoint, and do with its failed samples what the policy says: the `u` to use, `[batch, size]`.
 * @throws EquilibriaError `gradient` when a sample failed under `throw`
 */
export function settle(
  mode: string,
  { u, steps, residual, perSampleSteps, status }: Adjoint,
  v: Vector,
  { tolerance, onFailure }: Pick<AdjointSettings, 'tolerance' | 'onFailure'>,
  report: AttachSite['report'],
): Vector {
  const failed = status.filter((s) => s !== 'converged').length
  const worst = largest(residual, 0)
  const fallback =
    failed > 0 && onFailure === 'fallback' ? `Jacobian-free for ${failed} of ${status.length} samples` : undefined
  report({
    mode,
    steps,
    residual: worst,
    converged: failed === 0,
    perSample: { status, steps: perSampleSteps, residual },
    ...(fallback === undefined ? {} : { fallback }),
  })
  if (failed === 0) return u
  const message = `The adjoint solve of ${failed} of ${status.length} samples failed (${mode}, worst relative residual ${worst.toExponential(2)} after ${steps} steps, asked ${tolerance}).`
  const hint =
    'Raise maxSteps, use gmres(), loosen tolerance, or set onFailure: "fallback"; first check that the forward solve converged.'
  if (onFailure === 'throw') throw new EquilibriaError('gradient', message, hint)
  if (onFailure === 'warn') console.warn(`${message}\n  → ${hint}`)
  if (fallback === undefined) return u
  return pick(
    status.map((s) => s === 'converged'),
    u,
    v,
  )
}
