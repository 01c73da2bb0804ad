import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'

/** A weight in which a layer is linear, for the wrappers that keep its norm below a limit. */
export interface LinearWeight {
  /** Its name among the variables; outputs are its last axis. */
  readonly weight: string
  /**
   * The Lipschitz constant of the layer with this weight: an upper bound, rigorous as `lipschitz()`, and its derivative in the
   * weight, for which an estimate will do.
   */
  measure(
    values: ArrayLike<number>,
    shape: readonly number[],
  ): { readonly bound: number; readonly direction: ArrayLike<number> }
  /** A weight `ΔW` alone makes a layer of Lipschitz constant at most this times `‖ΔW‖_F`; of a matrix, `1`. */
  readonly frobenius: number
}

/**
 * A parametrised map, to be composed into operators. Features are the last axis (images: `[batch, height, width,
 * channels]`), rows are samples; a layer that mixes rows says so with `rowwise: false`.
 */
export interface Layer<I extends TensorTree = Tensor, O extends TensorTree = Tensor> {
  readonly kind: 'layer'
  readonly name: string
  /** Trainable variables by name; composing layers prefixes the names. */
  readonly variables: Readonly<Record<string, Variable>>
  /**
   * The map at the present weights. What depends on the weights alone (normalised matrices, inverses) is computed here,
   * once per solve, on the tape when one is recording. `replaced` stands in for the weight that `linear` names.
   */
  bind(replaced?: Readonly<Record<string, Tensor>>): (x: I) => O
  /**
   * A rigorous upper bound on `‖f(a) − f(b)‖₂ / ‖a − b‖₂` over all pairs, at the present weights, in float64 with room for
   * rounding: of the map in real numbers, whose float32 evaluation adds roundings of its own. Absent where there is none
   * (attention) or none is known. Of a layer on a graph: in the features, the edges being equal.
   */
  lipschitz?(): number
  /** Present where `lipschitz()` is that of one linear weight: what `spectralNorm` and `weightNorm` replace. */
  readonly linear?: LinearWeight
  /** A bound like `lipschitz()` that holds whatever the values of the variables are; only then may it become a trait. */
  readonly guaranteed?: number
  /** Default `true`. */
  readonly rowwise?: boolean
  /** Frees the variables. */
  dispose(): void
}
