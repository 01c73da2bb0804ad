import * as tf from '@tensorflow/tfjs-core'
import type { AdjointStatus, AttachSite, Status, Vector } from '@equilibria/spec'
import { largest, pick } from '@equilibria/core'
import { add, EquilibriaError, scale } from '@equilibria/tensor'
import type { AdjointSettings } from './options.ts'
import type { Adjoint } from './solve.ts'

type Judged = Pick<AdjointSettings, 'tolerance' | 'onFailure' | 'fallback'>

/** The adjoint of this sample can be used as it is. */
export const isSolved = (s: AdjointStatus): boolean => s === 'converged' || s === 'floor'
/** There is no equilibrium to differentiate. */
export const isLost = (s: Status): boolean => s === 'diverged' || s === 'non-finite' || s === 'cycle'
const isFound = (s: Status): boolean => s === 'converged' || s === 'floor' || s === 'exited'

/**
 * Report an adjoint, and do with its failed samples what the policy says: the `u` to use, `[batch, size]`.
 * @throws EquilibriaError `gradient` when a sample failed under `throw`
 */
export function settle(
  name: string,
  found: Adjoint,
  v: Vector,
  vjp: (u: Vector) => Vector,
  { tolerance, onFailure, fallback }: Judged,
  site: Pick<AttachSite, 'status' | 'report'>,
): Vector {
  const { u, steps, residual, perSampleSteps } = found
  const mode = found.mode ?? name
  const status = found.status.map((s, b): AdjointStatus => (isLost(site.status[b]!) ? 'unsolved' : s))
  const solved = status.map(isSolved)
  const failed = solved.filter((s) => !s).length
  const worst = largest(residual, 0)
  const replaced = failed > 0 && onFailure === 'fallback' ? replacement(status, solved, fallback) : undefined
  const notes = [...(found.notes ?? []), ...forwardNotes(site.status)]
  site.report({
    mode,
    steps,
    residual: worst,
    converged: failed === 0,
    perSample: { status, steps: perSampleSteps, residual },
    ...(replaced === undefined ? {} : { fallback: replaced }),
    ...(notes.length === 0 ? {} : { notes }),
  })
  if (failed === 0) return u
  const lost = status.filter((s) => s === 'unsolved').length
  const message =
    lost === failed
      ? `The gradient of ${lost} of ${status.length} samples means nothing (${mode}): ${forwardNotes(site.status)[0]}.`
      : `The adjoint solve of ${failed} of ${status.length} samples failed (${mode}, worst relative residual ${worst.toExponential(2)} after ${steps} steps, asked ${tolerance}).`
  const hint =
    'Raise maxSteps, use gmres(), loosen tolerance, or set onFailure: "fallback"; first check that the forward solve converged.'
  if (onFailure === 'throw') throw new EquilibriaError('gradient', message, hint)
  if (onFailure === 'warn') console.warn(`${message}\n  → ${hint}`)
  if (onFailure !== 'fallback') return u
  const bounded = fallback === 'phantom' ? finite(damped(vjp, v), v) : v
  return pick(
    solved,
    u,
    pick(
      status.map((s) => s === 'unsolved'),
      tf.zerosLike(v),
      bounded,
    ),
  )
}

/** `τ Σ_{i<k} ((1 − τ) I + τ Jᵀ)ⁱ v` with `τ = 0.5`, `k = 5`. */
function damped(vjp: (u: Vector) => Vector, v: Vector): Vector {
  let term = v
  let sum = v
  for (let i = 1; i < 5; i++) {
    term = scale(add(term, vjp(term)), 0.5)
    sum = add(sum, term)
  }
  return scale(sum, 0.5)
}

/** Rows of `a` that are finite, and the others of `b`. */
function finite(a: Vector, b: Vector): Vector {
  const sums = tf.sum(tf.abs(a), 1).dataSync()
  return pick(Array.from(sums, Number.isFinite), a, b)
}

function replacement(
  status: readonly AdjointStatus[],
  solved: readonly boolean[],
  fallback: AdjointSettings['fallback'],
): string {
  const lost = status.filter((s) => s === 'unsolved').length
  const bounded = solved.filter((s) => !s).length - lost
  const name = fallback === 'phantom' ? 'phantom' : 'Jacobian-free'
  return [
    ...(bounded > 0 ? [`${name} for ${bounded} of ${status.length} samples`] : []),
    ...(lost > 0 ? [`nothing from ${lost} of ${status.length} samples without an equilibrium`] : []),
  ].join(', ')
}

/** In words, how many samples have no equilibrium, or one that the solve did not reach. */
export function forwardNotes(status: readonly Status[]): string[] {
  const counts = new Map<Status, number>()
  for (const s of status) if (!isFound(s)) counts.set(s, (counts.get(s) ?? 0) + 1)
  if (counts.size === 0) return []
  const words = [...counts].map(([s, n]) => `${n} ${s}`).join(', ')
  return [`the forward solve did not reach an equilibrium for all ${status.length} samples: ${words}`]
}
