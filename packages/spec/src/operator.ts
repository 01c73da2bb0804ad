import type { Splitting } from './splitting.ts'
import type { Loose, TensorTree } from './tree.ts'

/** What the author promises about `z ↦ G(z, x)`. A wrong promise is a bug; conformance checks probe it. */
export interface Traits {
  /** `‖G(a) − G(b)‖₂ ≤ lipschitz · ‖a − b‖₂` for every input. */
  readonly lipschitz?: number
  /** `I − ∂G/∂z` has a positive-definite symmetric part with at least this margin. */
  readonly monotone?: number
  /** `∂G/∂z` is symmetric (gradient of an energy): conjugate gradients become legal. */
  readonly symmetric?: boolean
  /**
   * Row `b` of `G(z, x)` depends on row `b` of `z` and of every leaf of `x` only. Default `true`; batch norm and
   * one-big-graph inputs break it: such an operator must say `false`; it is then never
   * compacted, and its samples stop together, at the first step at which all of them would.
   */
  readonly rowwise?: boolean
}

/** What an operator says beside its state, if anything. */
export type Aux = TensorTree | undefined

/** A family of maps `G(·, x; θ)`. Binding an input picks one member. */
export interface Operator<S extends TensorTree = TensorTree, X extends TensorTree = TensorTree, A extends Aux = Aux> {
  readonly kind: 'operator'
  readonly spec: 1
  readonly name: string
  readonly traits: Traits
  /** Do here, once per solve, everything that does not depend on `z`: injections, normalised weights. */
  bind(input: X): BoundOperator<S, A>
}

/** An operator with its input filled in: the map `z ↦ G(z)` that is iterated. */
export interface BoundOperator<S extends TensorTree = TensorTree, A extends Aux = Aux> {
  /**
   * Starting state; also fixes the structure and shapes of `S`. Every leaf is `[batch, …]`; a leaf of rank 0 stands for a
   * batch of one.
   */
  initial(): S
  /** `z ↦ G(z)`. Pure: never disposes or mutates its argument. Same structure out as in. */
  apply(state: S): Loose<S>
  /** Further results at a state (energies, attention maps, counts): evaluated once, at the solution. */
  aux?(state: S): A
  /** The monotone parts of `G`, for splitting methods. */
  readonly splitting?: Splitting<S>
}
