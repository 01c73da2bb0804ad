import * as tf from '@tensorflow/tfjs-core'
import { abandonTape, EquilibriaError } from '@equilibria/tensor'
import type { AttachSite, GradientMode, Vector } from '@equilibria/spec'
import { forwardNotes, isLost } from './adjoint/policy.ts'
import { refuseSecondOrder } from './adjoint/second-order.ts'

export interface PhantomOptions {
  /** `k`. Default `5`. */
  readonly steps?: number
  /** `τ` in `(0, 1]`. Default `0.5`. */
  readonly damping?: number
}

/**
 * Phantom gradients: `k` damped steps of `G` after the solve, differentiated as written.
 *
 * The adjoint is `τ Σ_{i<k} ((1 − τ) I + τ Jᵀ)ⁱ v`: for a scalar multiplier `a` the gradient is `1 − (1 − τ + τa)ᵏ` of
 * the exact one, so it is biased towards 0 by up to `(1 − τ(1 − μ))ᵏ`. Cheap and stable where exact adjoints are
 * ill-conditioned; not for sensitivities or second-order methods, where the bias is the answer.
 *
 * The value returned is the `k`-th step, `[batch, size]`, at least as close to the equilibrium as the solve.
 *
 * @cost `k` recorded evaluations, memory of `k` evaluations
 * @throws EquilibriaError on `steps < 1` or a damping outside `(0, 1]`
 * @cite geng2021
 */
export function phantom({ steps = 5, damping = 0.5 }: PhantomOptions = {}): GradientMode {
  if (!Number.isInteger(steps) || steps < 1 || !(damping > 0 && damping <= 1))
    throw new EquilibriaError(
      'option',
      `phantom({ steps: ${steps}, damping: ${damping} }) is not usable.`,
      'Pass whole steps ≥ 1 and 0 < damping ≤ 1.',
    )
  return truncated(`phantom(τ=${damping}, k=${steps})`, steps, damping)
}

/**
 * Jacobian-free backpropagation: one step of `G` after the solve, differentiated; `u = v`.
 *
 * The gradient is `1 − a` times the exact one for a scalar multiplier `a`. A descent direction when `G` is contractive
 * and well conditioned in its parameters, and exact where `∂G/∂z = 0` at the solution; for strongly non-normal maps it
 * may even point uphill.
 *
 * @cost 1 recorded evaluation, memory of 1 evaluation
 * @cite fung2022
 */
export const jacobianFree = (): GradientMode => truncated('jacobian-free', 1, 1)

/** `k` recorded steps from the solved state. */
export function truncated(name: string, steps: number, damping: number): GradientMode {
  return {
    kind: 'gradient',
    spec: 1,
    name,
    forward: 'detached',
    attach(site) {
      const { z, problem } = site
      let y = z
      for (let i = 0; i < steps; i++) {
        const next = problem.apply(y)
        y = damping === 1 ? next : (tf.add(tf.mul(next, damping), tf.mul(y, 1 - damping)) as Vector)
      }
      return reporting(y, () => {
        refuseSecondOrder(name)
        reportInexact(name, steps, site)
      })
    },
  }
}

/**
 * These modes solve no adjoint system: the status says `inexact`, and no residual is claimed. Samples whose forward solve
 * was lost are `unsolved`; `steps` taken on purpose, as when unrolling, are no shortcoming and get no note.
 */
export function reportInexact(
  mode: string,
  steps: number,
  { status, report }: Pick<AttachSite, 'status' | 'report'>,
  unrolled = false,
): void {
  const batch = status.length
  const notes = forwardNotes(unrolled ? status.map((s) => (isLost(s) ? s : 'converged')) : status)
  report({
    mode,
    steps,
    residual: Number.NaN,
    converged: false,
    perSample: {
      status: status.map((s) => (isLost(s) ? 'unsolved' : 'inexact')),
      steps: new Int32Array(batch).fill(steps),
      residual: new Float32Array(batch).fill(Number.NaN),
    },
    ...(notes.length === 0 ? {} : { notes }),
  })
}

/** `y` itself, and a word when its cotangent comes by: statistics belong to the backward pass. What `tell` throws leaks nothing. */
export function reporting<T extends tf.Tensor>(y: T, tell: () => void): T {
  const listen = tf.customGrad((t: unknown) => ({
    value: tf.clone(t as T),
    gradFunc: (dy: tf.Tensor) => {
      try {
        tell()
      } catch (error) {
        abandonTape()
        throw error
      }
      return dy
    },
  }))
  return listen(y) as T
}
