import type { Operator, Solver, TensorTree } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import type { Variable } from '@tensorflow/tfjs-core'

/** What a family guarantees by construction, whatever its weights are. */
export interface Certificate<X extends TensorTree = TensorTree> {
  /**
   * - `contraction`: `d(G(a, x), G(b, x)) ≤ modulus · d(a, b)`, `modulus < 1`: one equilibrium, and Picard finds it.
   * - `pointwise-contraction`: the same for each input with a modulus of its own below 1 (`modulusAt`), but none for all.
   * - `one-sided`: the logarithmic norm of `G(·, x)` is at most `modulus < 1`: one equilibrium, found by small enough steps
   *   along the residual, though Picard may diverge.
   * - `monotone`: `I − G`'s linear part is strongly monotone: one equilibrium, found by operator splitting, though Picard
   *   may diverge.
   * - `averaged`: nonexpansive, and Picard converges whenever an equilibrium exists.
   * - `nonexpansive`: distances never grow; an equilibrium is not promised.
   * - `bounded-state`: only the linear part is stable: states stay bounded where the rest does. No equilibrium is promised.
   */
  readonly property:
    | 'contraction'
    | 'pointwise-contraction'
    | 'one-sided'
    | 'monotone'
    | 'averaged'
    | 'nonexpansive'
    | 'bounded-state'
  /** The norm or metric in which it holds. `weights()` gives the weights of a weighted norm. */
  readonly norm: '2' | 'inf' | 'weighted-2' | 'weighted-inf' | 'metric-2' | 'thompson'
  /** The modulus, for every value of the parameters and every input. For `contraction` it is below 1. */
  readonly modulus: number
  /** The same at the present weights, often better; float64, rounded up. */
  modulusNow?(): number
  /** The same at the present weights and these inputs: one number per sample. */
  modulusAt?(input: X): Float64Array
  /**
   * Factor by which one step of `solver()` shrinks the distance to the equilibrium, at the present weights; where it is not
   * `modulusNow()`.
   */
  rateNow?(): number
  /** `w > 0`, one per entry of the state: `‖v‖ = ‖diag(w) v‖₂` or `maxᵢ wᵢ|vᵢ|`. */
  weights?(): Float64Array
  /** For `metric-2`: the matrix `P`, row-major, of `‖v‖² = vᵀ P v`, at the present weights. */
  metric?(): Float64Array
  /** Upper bound on the Lipschitz constant of `x ↦ z*(x)`, in `norm` of the state and the 2-norm of the input. */
  solutionLipschitz?(): number
  /** One sentence a reader can quote. */
  readonly statement: string
  readonly assumptions: readonly string[]
  /** Keys of `docs/references.bib`. */
  readonly sources: readonly string[]
}

/** An operator of a family: its guarantee, its weights, and the solver it asks for. */
export interface CertifiedOperator<
  S extends TensorTree = TensorTree,
  X extends TensorTree = TensorTree,
> extends Operator<S, X> {
  readonly certificate: Certificate<X>
  /** Trainable, unconstrained: any finite value is a legal member of the family. */
  readonly variables: Readonly<Record<string, Variable>>
  /** A solver that is proved to converge on every member that has an equilibrium, at its weights of each solve. */
  solver(): Solver
  /** Frees the variables. */
  dispose(): void
}

/**
 * The distance of two states in the norm of a certificate, in float64: what `modulus` is about. `a` and `b` are one sample
 * each, packed. The Thompson metric is `maxᵢ |log aᵢ − log bᵢ|`, of positive states.
 *
 * @cost one pass over both, and `weights()` where the norm is weighted; a product with `metric()` for `metric-2`
 * @throws EquilibriaError `shape` when the states, or the weights and a state, differ in length
 * @example
 * ```ts
 * import { certifiedDistance } from '@equilibria/operators'
 *
 * console.log(certifiedDistance({ norm: 'weighted-inf', weights: () => Float64Array.of(1, 10) }, [0, 0], [3, 1])) // 10
 * console.log(certifiedDistance({ norm: 'thompson' }, [1, 1], [2, 1])) // log 2
 * ```
 */
export function certifiedDistance(
  certificate: Pick<Certificate, 'norm' | 'weights' | 'metric'>,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): number {
  const weights = certificate.norm.startsWith('weighted') ? certificate.weights?.() : undefined
  if (a.length !== b.length || (weights && weights.length !== a.length))
    throw new EquilibriaError(
      'shape',
      `certifiedDistance() got states of ${a.length} and ${b.length} entries${weights ? ` and ${weights.length} weights` : ''}.`,
      'Pass two packed states of one sample each.',
    )
  if (certificate.norm === 'metric-2') return metricDistance(certificate.metric?.(), a, b)
  let [sum, largest] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    const gap =
      certificate.norm === 'thompson'
        ? a[i] === b[i]
          ? 0
          : Math.abs(Math.log(a[i]! / b[i]!))
        : Math.abs(a[i]! - b[i]!) * (weights?.[i] ?? 1)
    sum += gap * gap
    // NaN must not vanish in a maximum
    if (!(gap <= largest)) largest = gap
  }
  return certificate.norm.endsWith('2') ? Math.sqrt(sum) : largest
}

/** `√(vᵀ P v)`, `v = a − b`. */
function metricDistance(metric: Float64Array | undefined, a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length
  if (metric?.length !== n * n)
    throw new EquilibriaError(
      'shape',
      `certifiedDistance() got states of ${n} entries and a metric of ${metric?.length ?? 0}.`,
      'Give the certificate a matrix of that size, or choose another norm.',
    )
  const v = Float64Array.from({ length: n }, (_, i) => a[i]! - b[i]!)
  let sum = 0
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum += v[i]! * metric[i * n + j]! * v[j]!
  return Math.sqrt(sum < 0 ? 0 : sum)
}
