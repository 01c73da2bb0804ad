import * as tf from '@tensorflow/tfjs-core'
import type { GradientMode, Vector } from '@equilibria/spec'
import { requireWhole } from '@equilibria/core'
import { abandonTape, add, offTape, record, scoped } from '@equilibria/tensor'
import { refuseSecondOrder } from './adjoint/second-order.ts'
import { reportInexact } from './phantom.ts'

export interface NeumannGradientOptions {
  /** `k`. Default `5`. */
  readonly terms?: number
}

/**
 * Truncated Neumann series: `u = Σ_{i<k} (Jᵀ)ⁱ v`, with `J` at the solution, in place of `(I − Jᵀ)⁻¹ v`.
 *
 * The gradient is `1 − aᵏ` of the exact one for a scalar multiplier `a`, and in general off by at most
 * `‖∂G‖ ‖v‖ μᵏ / (1 − μ)`. `k = 1` is `jacobianFree()`; the same adjoint as `phantom({ steps: k, damping: 1 })`, which records `k`
 * evaluations where this records one. The value is the solved state itself. Not for multipliers near 1, nor where `ρ(J) ≥ 1`
 * (the series grows): `implicit()` says when it fails, this cannot.
 *
 * @cost 1 recorded evaluation and `k − 1` vector–Jacobian products; memory of 1 evaluation
 * @throws EquilibriaError `option` on `terms` that is not a whole number ≥ 1; `gradient` where a second derivative is asked
 * @cite neumann1877, geng2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson } from '@equilibria/solvers'
 * import { neumannGradient } from '@equilibria/implicit-diff'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const layer = equilibrium(half, { solver: anderson(), gradient: neumannGradient({ terms: 3 }) })
 * const slope = tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D).state))(tf.ones([1, 2]))
 * console.log(slope.dataSync()) // [1.75, 1.75]: 1 − 0.5³ of 2
 * ```
 */
export function neumannGradient({ terms = 5 }: NeumannGradientOptions = {}): GradientMode {
  requireWhole('neumannGradient({ terms })', terms, 1)
  const name = `neumann(k=${terms})`
  const series = (vjp: (u: Vector) => Vector, v: Vector): Vector => {
    let term = v
    let u = v
    for (let i = 1; i < terms; i++) {
      term = vjp(term)
      u = add(u, term)
    }
    return u === v ? tf.clone(v) : u
  }
  return {
    kind: 'gradient',
    spec: 1,
    name,
    forward: 'detached',
    attach(site) {
      const { z, problem } = site
      const once = record(problem.apply, z)
      const pull = (v: tf.Tensor): tf.Tensor => {
        try {
          refuseSecondOrder(name)
          const u = offTape(() => scoped(() => series(once.vjp, v as Vector)))
          reportInexact(name, terms - 1, site)
          return u
        } catch (error) {
          abandonTape()
          throw error
        }
      }
      return tf.customGrad(() => ({ value: tf.clone(z), gradFunc: pull }))(once.value) as Vector
    },
  }
}
