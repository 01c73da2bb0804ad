import * as tf from '@tensorflow/tfjs-core'
import type { Operator, Sample } from '@equilibria/spec'
import { defineOperator } from '@equilibria/core'

/**
 * A system `f(z) = 0` as a fixed-point problem, `G(z) = z − f(z)`: nothing is scaled to please a solver. State and input
 * are `[batch, size]`; the input is where each row starts.
 */
export interface NonlinearSystem extends Sample<tf.Tensor2D, tf.Tensor2D> {
  readonly name: string
  /** Number in the published list, 1 to 23. */
  readonly number: number
  readonly size: number
  /** Where the definition was published: keys of `docs/references.bib`. */
  readonly source: string
  /** The published start. */
  readonly start: readonly number[]
  /** Roots in float64, in closed form or by Newton's method from the start; others may exist. */
  readonly roots: readonly (readonly number[])[]
  /**
   * The smallest relative residual that may be asked of a float32 state: `1e-6`, or, where that is more, what storing a
   * root in float32 costs, `u ‖ |J| |z| ‖₂ / max(‖z‖₂, 1)` with `u = 2⁻²⁴`.
   */
  readonly attainable: number
  /** `f` in float64, on the host: written down independently of the operator. */
  host(z: readonly number[]): number[]
}

/** A system from its two definitions. */
export function nonlinearSystem(
  parts: Pick<NonlinearSystem, 'name' | 'number' | 'source' | 'start' | 'roots' | 'host'> & {
    readonly summary: string
    /** `f`, `[batch, size] → [batch, size]`, float32. */
    readonly f: (z: tf.Tensor2D) => tf.Tensor
  },
): NonlinearSystem {
  const { f, ...rest } = parts
  return {
    ...rest,
    size: parts.start.length,
    attainable: Math.max(
      1e-6,
      ...parts.roots.map((z) => (2 ** -24 * sensitivity(parts.host, z)) / Math.max(Math.hypot(...z), 1)),
    ),
    operator: (): Operator<tf.Tensor2D, tf.Tensor2D> =>
      defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: parts.name,
        initial: (x) => tf.clone(x),
        apply: (z) => tf.sub(z, f(z)),
      }),
    input: () => tf.tensor2d([parts.start as number[]]),
    differentiable: false, // the start is no parameter of the answer
    maxSteps: 1000,
  }
}

/** How close a state is to a root, judged in float64. */
export interface RootResidual {
  /** `‖f(z)‖₂`. */
  readonly residual: number
  /** What float32 and the tolerance allow. */
  readonly allowed: number
}

/**
 * `‖f(z)‖₂` in float64, beside what it may be for a float32 solve with this tolerance:
 *
 * `tolerance · max(‖z‖₂, 1) + 4u · ‖ |J| |z| ‖₂`,   `u = 2⁻²⁴`.
 *
 * The first term is what was asked for. The second is what rounding takes: storing `z` in float32 alone moves `f` by up to
 * `u |J| |z|`, and evaluating `f` there by a small multiple of that.
 */
export function rootResidual(system: NonlinearSystem, z: ArrayLike<number>, tolerance: number): RootResidual {
  const at = Array.from(z)
  return {
    residual: Math.hypot(...system.host(at)),
    allowed: tolerance * Math.max(Math.hypot(...at), 1) + 4 * 2 ** -24 * sensitivity(system.host, at),
  }
}

/** `‖ |J| |z| ‖₂`, by central differences in float64. */
function sensitivity(f: NonlinearSystem['host'], at: readonly number[]): number {
  const spread = at.map(() => 0)
  at.forEach((v, j) => {
    const h = 1e-6 * Math.max(Math.abs(v), 1e-3)
    const shifted = (by: number) => f(at.map((w, i) => (i === j ? w + by : w)))
    const [ahead, behind] = [shifted(h), shifted(-h)]
    ahead.forEach((a, i) => (spread[i]! += Math.abs(((a - behind[i]!) / (2 * h)) * v)))
  })
  return Math.hypot(...spread)
}

/** Column `i` of a state, `[batch, 1]`. */
export const unknown = (z: tf.Tensor2D, i: number): tf.Tensor2D => tf.slice(z, [0, i], [-1, 1])

/** Every unknown of a small state, each `[batch, 1]`. */
export const unknowns = (z: tf.Tensor2D): tf.Tensor2D[] => Array.from({ length: z.shape[1] }, (_, i) => unknown(z, i))

/** `[start, start + 1, …]`, as many as asked. */
export const count = (n: number, from = 1): number[] => Array.from({ length: n }, (_, i) => i + from)
