/**
 * What splitting methods know of `G`: the fixed points `z = G(z)` are the zeros of `A + B + C`, each part maximal
 * monotone, and `C` single-valued. For `z = prox_h(W z + b)`: `A(z) = (I − W) z − b`, `B = ∂h`, no `C`. `S` is the state:
 * a tree where operators are written, `[batch, size]` where solvers see it. Every function is row by row and pure.
 */
export interface Splitting<S> {
  /** `(v, α) ↦ (I + αA)⁻¹ v`. Absent together with `applyA`: there is no `A`. */
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
  /** `β`: `⟨C u − C v, u − v⟩ ≥ β ‖C u − C v‖²`; for the gradient of an `L`-smooth convex function `1/L`. */
  readonly cocoercivity?: number
  /**
   * The state that a point `p` of the splitting stands for, where that is not `p` itself: zeros of `A + B + C` are then
   * mapped to fixed points of `G`. The adjoint of `z = prox_h(W z + b)` needs it: monotone in `p = D u`, not in `u`.
   */
  stateOf?(p: S): S
  /**
   * The adjoint system at a solution `z`, as a splitting of its own: the states of its zeros solve `u = Jᵀu + v`, with
   * `J = ∂G/∂z` at `z`. Absent: only forward solves by splitting.
   */
  adjoint?(z: S, v: S): Splitting<S>
  /** The same for `u = J u + v`: forward mode and second derivatives. */
  tangent?(z: S, v: S): Splitting<S>
}
