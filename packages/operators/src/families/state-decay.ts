import * as tf from '@tensorflow/tfjs-core'
import type { BoundOperator } from '@equilibria/spec'
import { picard } from '@equilibria/solvers'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import type { Layer } from '../layer.ts'
import { spectralBound } from '../parameters/spectral-bound.ts'
import { requireSizes } from '../parameters/validate.ts'
import { createVariables, prefixed } from '../parameters/variables.ts'

export interface StateDecayOptions {
  /** Entries of the state `h`, `[batch, size]`. */
  readonly size: number
  /** Entries of the input `e`, `[batch, inputs]`. */
  readonly inputs: number
  /** `R`, from `[h, e]` side by side, `[batch, size + inputs]`, to `[batch, size]`. Default: none. Disposed with the operator. */
  readonly remainder?: Layer
  /** Default `0`. */
  readonly seed?: number
}

/** Decays are kept at or below this, where float32 still sees `1 − decay`. */
const SLOWEST = 1 - 2 ** -20

/**
 * Diagonal state decay (Parcae): `h ← decay · h + Δ · (e B) + R(h, e)`, `Δ = softplus(δ)`, `decay = exp(−Δ eᵃ)`, with free `δ`, `a`
 * and `B`. Every decay is in `[0, 1)`, whatever the weights are.
 *
 * Without `R` this is a contraction with equilibrium `Δ (e B) / (1 − decay)`. With `R` it is no more than what it says: the linear
 * part is stable, so states stay within `sup |Δ (e B) + R| / (1 − decay)` where `R` is bounded. Neither an equilibrium nor
 * convergence is promised then (the certificate is `bounded-state`), unless `R`'s Lipschitz bound leaves room:
 * `modulusNow()` adds it to the largest decay.
 *
 * When not to use it: where an equilibrium must exist; take a contraction then.
 *
 * @cost a few products of `[batch, size]` per evaluation, and `R`
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` when the input is not `[batch, inputs]`
 * @cite prairie2026
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { stateDecay } from '@equilibria/operators'
 *
 * const family = stateDecay({ size: 8, inputs: 2 })
 * const { status } = equilibrium(family, { solver: family.solver(), maxSteps: 200 }).solve(tf.ones([4, 2]))
 * console.log(status, family.certificate.property) // converged …, contraction
 * family.dispose()
 * ```
 */
export function stateDecay({
  size,
  inputs,
  remainder,
  seed = 0,
}: StateDecayOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  requireSizes('stateDecay', { size, inputs })
  const own = createVariables(
    {
      rate: { shape: [size], value: 0 },
      step: { shape: [size], value: 0 },
      input: { shape: [inputs, size], deviation: 1 / Math.sqrt(inputs) },
    },
    seed,
  )
  const parts = () => {
    const step = tf.softplus(own.step)
    const rate = tf.exp(tf.minimum(own.rate, 80)) // within float32
    return { step, decay: tf.minimum(tf.exp(tf.neg(tf.mul(step, rate))), SLOWEST) }
  }
  const largestDecay = (): number =>
    scoped(() => parts().decay.dataSync<'float32'>().slice()).reduce((a, b) => (b <= a ? a : b), 0)
  const slope = remainder?.lipschitz
  return {
    kind: 'operator',
    spec: 1,
    name: 'stateDecay',
    traits: {
      ...(remainder ? {} : { lipschitz: SLOWEST, monotone: 1 - SLOWEST }),
      ...(remainder?.rowwise === false ? { rowwise: false } : {}),
    },
    variables: { ...own, ...(remainder ? prefixed({ remainder }) : {}) },
    certificate: {
      property: remainder ? 'bounded-state' : 'contraction',
      norm: '2',
      modulus: remainder ? Number.POSITIVE_INFINITY : SLOWEST,
      ...(remainder && !slope
        ? {}
        : { modulusNow: () => (slope ? (largestDecay() + slope.call(remainder)) * (1 + 2 ** -51) : largestDecay()) }),
      ...(remainder
        ? {}
        : {
            solutionLipschitz: () => {
              const gain = scoped(() => {
                const { step, decay } = parts()
                return tf
                  .mul(own.input, tf.div(step, tf.sub(1, decay)))
                  .dataSync<'float32'>()
                  .slice()
              })
              return spectralBound(gain, inputs, size) * (1 + 2 ** -20)
            },
          }),
      statement: remainder
        ? 'Every entry of the linear part is in [0, 1) for all weights: states stay bounded where R is. An equilibrium is not promised.'
        : `G(·, e) contracts by at most ${SLOWEST} in each entry for all weights and inputs: every decay is in [0, 1).`,
      assumptions: ['the weights are finite', ...(remainder ? ['R is bounded'] : [])],
      sources: ['prairie2026'],
    },
    bind: (e): BoundOperator<tf.Tensor2D> => {
      if (e.rank !== 2 || e.shape[1] !== inputs)
        throw new EquilibriaError(
          'shape',
          `stateDecay() of ${inputs} inputs was given a tensor (${e.shape}).`,
          `Pass one of shape [batch, ${inputs}].`,
        )
      const { decay, injection } = scoped(() => {
        const { step, decay } = parts()
        return { decay, injection: tf.mul(tf.matMul(e, own.input as unknown as tf.Tensor2D), step) }
      })
      const rest = remainder?.bind()
      return {
        initial: () => tf.zeros([e.shape[0], size]),
        apply: (h) => {
          const linear = tf.add(tf.mul(h, decay), injection)
          return rest ? tf.add(linear, rest(tf.concat([h, e], 1))) : linear
        },
      }
    },
    solver: () => picard(),
    dispose: () => {
      tf.dispose(Object.values(own))
      remainder?.dispose()
    },
  }
}
