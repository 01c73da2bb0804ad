import type { Tensor, Variable } from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'

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
   * once per solve, on the tape when one is recording.
   */
  bind(): (x: I) => O
  /**
   * A rigorous upper bound on `‖f(a) − f(b)‖₂ / ‖a − b‖₂` over all pairs, at the present weights, in float64 with room for
   * rounding: of the map in real numbers, whose float32 evaluation adds roundings of its own. Absent where there is none
   * (attention) or none is known. Of a layer on a graph: in the features, the edges being equal.
   */
  lipschitz?(): number
  /** A bound like `lipschitz()` that holds whatever the values of the variables are; only then may it become a trait. */
  readonly guaranteed?: number
  /** Default `true`. */
  readonly rowwise?: boolean
  /** Frees the variables. */
  dispose(): void
}
