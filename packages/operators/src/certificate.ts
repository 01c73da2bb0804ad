import type { Operator, Solver, TensorTree } from '@equilibria/spec'
import type { Variable } from '@tensorflow/tfjs-core'

/** What a family guarantees by construction, whatever its weights are. */
export interface Certificate {
  /**
   * `contraction`: `G(·, x)` shrinks distances in `norm`. `monotone`: `I − G`'s linear part is strongly monotone, so the
   * equilibrium exists and is unique, though Picard may diverge. `nonexpansive`: distances never grow; an equilibrium is
   * not promised. `averaged`: nonexpansive, and Picard converges whenever an equilibrium exists. `bounded-state`: only the
   * linear part is stable.
   */
  readonly property: 'contraction' | 'monotone' | 'nonexpansive' | 'averaged' | 'bounded-state'
  /** The norm or metric in which it holds. `weights()` gives the weights of a weighted norm. */
  readonly norm: '2' | 'inf' | 'weighted-2' | 'weighted-inf' | 'metric-2' | 'thompson'
  /** The modulus, for every value of the parameters. For `contraction` it is below 1. */
  readonly modulus: number
  /** The same at the present weights, often better; float64, rounded up. */
  modulusNow?(): number
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
  readonly certificate: Certificate
  /** Trainable, unconstrained: any value is a legal member of the family. */
  readonly variables: Readonly<Record<string, Variable>>
  /** A solver that is proved to converge on every member. */
  solver(): Solver
  /** Frees the variables. */
  dispose(): void
}
