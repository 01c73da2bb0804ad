import type { Kernels } from './backend.ts'
import type { Traits } from './operator.ts'
import type { Splitting } from './splitting.ts'
import type { Vector } from './tree.ts'

/** What a solver sees: an operator, bound, packed, with kernels to compute with. */
export interface Problem {
  readonly batch: number
  readonly size: number
  readonly traits: Traits
  readonly kernels: Kernels
  /** `z ↦ G(z)`, `[batch, size] → [batch, size]`. */
  apply(z: Vector): Vector
  /** Freeze `G` at `z`; the caller disposes the result. */
  linearize(z: Vector): Linearization
  /** The parts whose resolvents a splitting method needs; absent when the operator offers none. */
  readonly splitting?: Splitting<Vector>
  /**
   * The same problem for these rows only (`rows.length` samples, in this order), so that finished samples cost
   * nothing. Absent when the samples are coupled. The caller disposes what it got.
   */
  readonly select?: (rows: readonly number[]) => { readonly problem: Problem; dispose(): void }
}

/** `G` frozen at one state: its value there, and products with the Jacobian and its transpose. Holds tensors until disposed. */
export interface Linearization {
  readonly value: Vector
  /** `u ↦ Jᵀu`, `[batch, size] → [batch, size]`. Cheap to call many times. */
  vjp(u: Vector): Vector
  /** `v ↦ Jv`, `[batch, size] → [batch, size]`. The first call records the pullback once; later ones are cheap. */
  jvp(v: Vector): Vector
  dispose(): void
}
