/**
 * What splitting methods know of `G`: the fixed points `z = G(z)` are the zeros of `A + B + C`, each part maximal
 * monotone, and `C` single-valued. For `z = prox_h(W z + b)`: `A(z) = (I − W) z − b`, `B = ∂h`, no `C`. `S` is the state:
 * a tree where operators are written, `[batch, size]` where solvers see it. Every function is row by row and pure.
 */
export interface Splitting<S> {
  /** `(v, α) ↦ (I + αA)⁻¹ v`. */
  resolventA?(v: S, alpha: number): S
  /** `v ↦ A v`, for methods that take `A` explicitly (forward–backward). */
  applyA?(v: S): S
  /** `(v, α) ↦ (I + αB)⁻¹ v`, the proximal map of `αh` when `B = ∂h`. */
  resolventB(v: S, alpha: number): S
  /** `v ↦ C v`, cocoercive (Davis–Yin). */
  applyC?(v: S): S
  /** `m`: `A` is strongly monotone with at least this modulus. */
  readonly monotonicity?: number
  /** `L`: `‖A u − A v‖ ≤ L ‖u − v‖`. */
  readonly lipschitz?: number
  /**
   * The adjoint system at a solution `z`, as a splitting of its own: its fixed points `u` solve `u = Jᵀu + v`, with
   * `J = ∂G/∂z` at `z`. Absent: only forward solves by splitting.
   */
  adjoint?(z: S, v: S): Splitting<S>
}
