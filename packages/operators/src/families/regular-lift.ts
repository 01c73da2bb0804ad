import * as tf from '@tensorflow/tfjs-core'
import type { BoundOperator } from '@equilibria/spec'
import { picard } from '@equilibria/solvers'
import { EquilibriaError, offTape, scoped } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { requireBetween } from '../parameters/validate.ts'

/** The constant of a `regularLift`, and its name. */
export interface RegularLiftOptions {
  /** `c` in `(0, 1)`: larger contracts faster and is steeper in `x`. Default `0.5`. */
  readonly c?: number
  readonly name?: string
}

/** An operator that is regular in the sense of the paper, with its constants. */
export interface RegularOperator extends CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  readonly regularity: {
    /** `‖G(y, x) − G(y, x′)‖ ≤ (L0 + L1 ‖y‖) ‖x − x′‖`, 2-norms. */
    readonly L0: number
    readonly L1: number
    /** `μ(x)`: one modulus per sample, continuous in `x`. */
    modulus(x: tf.Tensor2D): Float64Array
  }
}

/**
 * The regular lift of a locally Lipschitz map `F`: `G(y, x) = y + ε(x) (F(x) − y)` with `ε = c ρ²`. Its fixed point is `F(x)`, and it
 * is regular, with known constants: `Lip G(y, ·) ≤ L0 + L1 ‖y‖` for `L0 = 4c`, `L1 = 2c`, and `μ(x) = 1 − c ρ(x)²`. This is the
 * sufficiency half of the paper's theorem, as an operator: every locally Lipschitz map is the fixed point of a simple one.
 *
 * `F` is `[batch, inputs] → [batch, size]`. `ρ`, `[batch, inputs] → [batch, 1]`, is the caller's promise: `ρ(x) ∈ (0, 1]` is a radius
 * such that on the ball around `x`, `F` is `1/ρ`-Lipschitz and `‖F‖ ≤ 1/ρ`; and it is 1-Lipschitz itself, as the largest such
 * radius is. A smaller function will do if it is 1-Lipschitz too.
 *
 * The price is the rate: Picard needs `ln(1/δ) / (c ρ²)` steps, which grows as the square of the slope of `F`. The residual is
 * `ε ‖F − y‖`, far below the error where `ε` is small: stop on `residual / (1 − μ)`. When not to use it: to compute `F`, which it
 * evaluates; it is a yardstick and a source of operators whose constants are known.
 *
 * @cost `F` and `ρ` once per solve, then one product of `[batch, size]` per evaluation
 * @throws EquilibriaError `option` unless `0 < c < 1`; `data` when a radius is outside `(0, 1]`; `shape` when `F` or `ρ` returns
 * another shape
 * @cite liu2026
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { regularLift } from '@equilibria/operators'
 *
 * // 1/x on (0, 1], and the largest radius that is allowed there
 * const radius = (x: tf.Tensor2D): tf.Tensor => tf.div(tf.sub(tf.add(tf.mul(x, 2), 1), tf.sqrt(tf.add(tf.mul(x, 4), 1))), 2)
 * const lift = regularLift((x) => tf.reciprocal(x), radius)
 * const { state } = equilibrium(lift, { solver: lift.solver(), tolerance: 1e-7, maxSteps: 5000 }).solve(tf.tensor2d([[1], [0.5]]))
 * console.log(state.dataSync(), lift.regularity.L0, lift.regularity.L1) // about [1, 2], 2, 1
 * ```
 */
export function regularLift(
  F: (x: tf.Tensor2D) => tf.Tensor,
  rho: (x: tf.Tensor2D) => tf.Tensor,
  { c = 0.5, name = 'regularLift' }: RegularLiftOptions = {},
): RegularOperator {
  requireBetween('regularLift', 0, 1, { c })
  const radii = (x: tf.Tensor2D): tf.Tensor => {
    const radius = rho(x)
    if (radius.size !== x.shape[0])
      throw new EquilibriaError(
        'shape',
        `The radius given to ${name}() is of shape (${radius.shape}) for ${x.shape[0]} samples.`,
        'Return one number per sample: [batch, 1].',
      )
    // NaN passes: it ends as the status of its sample.
    const wrong = offTape(() => radius.dataSync()).findIndex((r) => r <= 0 || r > 1)
    if (wrong >= 0)
      throw new EquilibriaError(
        'data',
        `The radius given to ${name}() is ${offTape(() => radius.dataSync())[wrong]} at sample ${wrong}.`,
        'Return numbers in (0, 1]; a smaller radius is always safe.',
      )
    return tf.reshape(radius, [x.shape[0], 1])
  }
  const modulus = (x: tf.Tensor2D): Float64Array =>
    Float64Array.from(
      offTape(() => scoped(() => radii(x).dataSync<'float32'>().slice())),
      (r) => 1 - c * r * r,
    )
  return {
    kind: 'operator',
    spec: 1,
    name,
    traits: { lipschitz: 1 },
    variables: {},
    regularity: { L0: 4 * c, L1: 2 * c, modulus },
    certificate: {
      property: 'pointwise-contraction',
      norm: '2',
      modulus: 1,
      modulusAt: modulus,
      statement: `G(·, x) contracts by μ(x) = 1 − ${c} ρ(x)² < 1 with fixed point F(x), and Lip G(y, ·) ≤ ${4 * c} + ${2 * c} ‖y‖.`,
      assumptions: [
        'on the ball of radius ρ(x), F is 1/ρ-Lipschitz and at most 1/ρ in norm',
        'ρ is 1-Lipschitz, in (0, 1]',
      ],
      sources: ['liu2026'],
    },
    bind: (x): BoundOperator<tf.Tensor2D> => {
      const { target, epsilon } = scoped(() => {
        const target = F(x)
        if (target.rank !== 2 || target.shape[0] !== x.shape[0])
          throw new EquilibriaError(
            'shape',
            `The map given to ${name}() returns a tensor (${target.shape}) for ${x.shape[0]} samples.`,
            'Return one of shape [batch, size].',
          )
        return { target, epsilon: tf.mul(tf.square(radii(x)), c) }
      })
      return {
        initial: () => tf.zeros([x.shape[0], target.shape[1]!]),
        // The same as (1 − ε) y + ε F, without losing the digits of a small ε.
        apply: (y) => tf.add(y, tf.mul(epsilon, tf.sub(target, y))),
      }
    },
    solver: () => picard(),
    dispose: () => {},
  }
}
