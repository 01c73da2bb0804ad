import type { Tensor } from '@tensorflow/tfjs-core'

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
  /** `α` that suits reflected resolvents (Peaceman–Rachford, Douglas–Rachford) better than `1/L` does. */
  readonly step?: number
  /** `β`: `⟨C u − C v, u − v⟩ ≥ β ‖C u − C v‖²`; for the gradient of an `L`-smooth convex function `1/L`. */
  readonly cocoercivity?: number
  /**
   * The state that a point `p` of the splitting stands for, where that is not `p` itself: zeros of `A + B + C` are then
   * mapped to fixed points of `G`. The adjoint of `z = prox_h(W z + b)` needs it: monotone in `p = D u`, not in `u`.
   */
  stateOf?(p: S): S
  /**
   * The systems of derivatives at a solution `z`, with `J = ∂G/∂z` there, as splittings of their own. Absent: only forward
   * solves by splitting. Called when a solve is recorded; right-hand sides come later, in the backward pass.
   */
  linearize?(z: S): LinearizedSplitting<S>
}

/** The derivative of a splitting, waiting for right-hand sides. */
export interface LinearizedSplitting<S> {
  /** What the functions below need: kept until the backward pass, when what `bind` made may be gone. */
  readonly tensors: readonly Tensor[]
  /** The parts of `u = Jᵀu + v`, given `tensors` or copies of them: the states of its zeros solve it. */
  adjoint(v: S, tensors: readonly Tensor[]): Splitting<S>
  /** The parts of `u = J u + v`, for forward mode and second derivatives. */
  tangent?(v: S, tensors: readonly Tensor[]): Splitting<S>
}
