import type { Tensor2D } from '@tensorflow/tfjs-core'
import type { Traits } from './operator.ts'
import type { Vector } from './tree.ts'

/** The inner loops worth replacing. Every one has a reference version written in plain tfjs. */
export interface Kernels {
  /** `(r, z) → [‖r_b‖₂ …, ‖z_b‖₂ …]`, read back to the host. Length `2·batch`. */
  norms(residual: Vector, z: Vector): Float32Array
  /**
   * Anderson's coefficients: `(r, d₁…d_m) → γ [batch, m]`, per row the minimiser of `‖r − Σ γᵢ dᵢ‖²`, with the columns
   * scaled to unit length, `λ` relative, the system solved in float64, dependent columns dropped and `γ` capped.
   */
  leastSquares(residual: Vector, differences: readonly Vector[], options: LeastSquaresOptions): Tensor2D
  /** `(γ, v₁…v_m) → Σ γᵢ vᵢ`. */
  combine(weights: Tensor2D, vectors: readonly Vector[]): Vector
}
/** How Anderson’s small least-squares problems are kept well-posed. */
export interface LeastSquaresOptions {
  /** Added to the diagonal of the normalised Gram matrix. */
  readonly regularization: number
  /** Largest `Σ |γᵢ| ‖dᵢ‖ / ‖r‖`. */
  readonly cap: number
  /** How many of the first columns each row may use; the others get 0. Default: all. */
  readonly depth?: ArrayLike<number>
}
/** The name of one kernel. */
export type KernelName = keyof Kernels

/** What a solver or plugin cannot do without; negotiated when a kit is created. */
export interface Requirements {
  readonly kernels?: readonly KernelName[]
  readonly traits?: readonly (keyof Traits)[]
  readonly features?: readonly Feature[]
}
/** What a backend offers beyond its kernels. The list is open. */
export type Feature = 'float32' | 'simd128' | 'threads' | 'gpu' | 'sync-readback' | (string & {})

/** Faster kernels, as a value. What it does not bring comes from the reference kernels. */
export interface Backend {
  readonly kind: 'backend'
  readonly spec: 1
  readonly name: string
  readonly features: readonly Feature[]
  /** Only what this backend does better. The rest falls back to the reference kernels. */
  readonly kernels: Partial<Kernels>
  dispose(): void
}
/** What a backend package exports. `probe` never throws and never downloads. */
export interface BackendProvider<O = void> {
  readonly name: string
  probe(): Promise<{ readonly available: true } | { readonly available: false; readonly reason: string }>
  create(options: O): Promise<Backend>
}
