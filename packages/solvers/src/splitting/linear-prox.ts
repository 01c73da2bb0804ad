import * as tf from '@tensorflow/tfjs-core'
import type { Splitting, Vector } from '@equilibria/spec'
import { add, EquilibriaError, onTape, scale, sub } from '@equilibria/tensor'
import { factor } from '../lu.ts'
import type { Proximal } from './proximal.ts'

/** `z ↦ z W` without the matrix: a convolution, a structured product. Linear, row by row. */
export interface LinearMap {
  readonly apply: (z: Vector) => Vector
  /** `z ↦ z Wᵀ`. Used in backward passes as well: what it holds must live until then. */
  readonly transpose: (z: Vector) => Vector
  /** `(v, α) ↦ v (I + α (I − W))⁻¹`. Without it only `forwardBackward()` works. */
  readonly resolvent?: (v: Vector, alpha: number) => Vector
  /** The same with `Wᵀ`; for adjoints. */
  readonly resolventTransposed?: (v: Vector, alpha: number) => Vector
}

/** What `prox_h(z W + b)` is made of, and what is known of it. */
export interface LinearProxOptions {
  /** `W`, `[n, n]`, acting on rows: `z ↦ z W`; or its products. */
  readonly weights: tf.Tensor2D | LinearMap
  /** `b`, `[batch, n]`. */
  readonly bias: Vector
  readonly proximal: Proximal
  /** `m`: the symmetric part of `I − W` is at least `m I`. */
  readonly monotonicity?: number
  /** `L ≥ ‖I − W‖₂`. */
  readonly lipschitz?: number
  /** `α` for methods of reflected resolvents, where a better one than `1/L` is known. */
  readonly step?: number
  /** Inverses by `α` that outlive the tensor `weights`; the caller empties it when their values change. */
  readonly inverses?: Map<number, Float32Array>
}

/**
 * The splitting of `G(z) = prox_h(z W + b)`, with its adjoint and its tangent, for `bind()` of an operator:
 * `A(z) = z (I − W) − b`, `B = ∂h`. `A` is monotone when the symmetric part of `I − W` is positive semidefinite, which
 * neither asks for nor implies a small `‖W‖`.
 *
 * The adjoint `u = Jᵀu + v`, `J = D W`, `D = diag(prox_h′)`, is monotone in `p = D u`: `p (I − Wᵀ) − v + (D⁻¹ − I) p = 0`,
 * and `u = v + p Wᵀ`. The resolvent of `(D⁻¹ − I)` is `D p / (D + α (1 − D))`: entries with `D = 0` are clamped to 0, with
 * `D = 1` free. The tangent `u = J u + v` is the same system with `W`, right-hand side `v W`, and `u = v + p`.
 *
 * `(I + α (I − W))⁻¹` is computed once per `W` and `α`, in float64 on the host, and kept for as long as the data of `W`.
 * Resolvents are for solves, not for the tape: through `unrolled()` they throw; use `implicit()`.
 *
 * @cost `O(n³)` on the host once per `W` and `α`; then one `[batch, n] × [n, n]` product and the transfer of `n²` numbers
 * per resolvent
 * @throws EquilibriaError `shape` when `W` is not `[n, n]` for a bias of `n` columns; `gradient` (from a resolvent) while a
 * gradient is recorded
 * @cite winston2020
 */
export function linearProxSplitting(options: LinearProxOptions): Splitting<Vector> {
  const { weights, bias, proximal, monotonicity, lipschitz, step, inverses } = options
  const dense = weights instanceof tf.Tensor ? weights : undefined
  const known = dense && (inverses ?? inversesOf(dense, bias.shape[1]))
  const map = (kept: tf.Tensor | undefined): LinearMap =>
    kept ? denseMap(kept as tf.Tensor2D, known!) : (weights as LinearMap)
  const bounds = {
    ...(monotonicity === undefined ? {} : { monotonicity }),
    ...(lipschitz === undefined ? {} : { lipschitz }),
    ...(step === undefined ? {} : { step }),
  }
  /** `A(p) = p (I − W) − b` for one direction of `W`. */
  const affine = (apply: LinearMap['apply'], resolvent: LinearMap['resolvent'], b: Vector) => ({
    ...bounds,
    applyA: (v: Vector): Vector => sub(sub(v, apply(v)), b),
    ...(resolvent ? { resolventA: (v: Vector, alpha: number) => resolvent(add(v, scale(b, alpha)), alpha) } : {}),
  })
  const forward = map(dense)
  return {
    ...affine(forward.apply, forward.resolvent, bias),
    resolventB: (v, alpha) => proximal.apply(v, alpha),
    linearize(z) {
      // The slopes that G itself has at z, on the same side of every kink.
      const slope = proximal.slope(proximal.apply(add(forward.apply(z), bias), 1))
      const clamped =
        (D: tf.Tensor): Splitting<Vector>['resolventB'] =>
        (p, alpha) =>
          tf.div(tf.mul(p, D), tf.add(tf.mul(D, 1 - alpha), alpha))
      return {
        tensors: dense ? [slope, dense] : [slope],
        adjoint(v, [D, kept]) {
          const { transpose, resolventTransposed } = map(kept)
          return {
            ...affine(transpose, resolventTransposed, v),
            resolventB: clamped(D!),
            stateOf: (p) => add(v, transpose(p)),
          }
        },
        tangent(v, [D, kept]) {
          const { apply, resolvent } = map(kept)
          return { ...affine(apply, resolvent, apply(v)), resolventB: clamped(D!), stateOf: (p) => add(v, p) }
        },
      }
    },
  }
}

function denseMap(weights: tf.Tensor2D, known: Map<number, Float32Array>): LinearMap {
  const n = weights.shape[0]
  const inverse = (alpha: number): tf.Tensor2D => {
    if (onTape())
      throw new EquilibriaError(
        'gradient',
        'A gradient is being recorded through the resolvent of linearProxSplitting(), which is not differentiated.',
        'Use implicit() as the gradient of this layer: it solves the adjoint by splitting as well.',
      )
    if (!known.has(alpha)) known.set(alpha, inverseOf(weights.dataSync(), n, alpha))
    return tf.tensor2d(known.get(alpha)!, [n, n])
  }
  return {
    apply: (z) => tf.matMul(z, weights),
    transpose: (z) => tf.matMul(z, tf.transpose(weights)),
    resolvent: (v, alpha) => tf.matMul(v, inverse(alpha)),
    resolventTransposed: (v, alpha) => tf.matMul(v, tf.transpose(inverse(alpha))),
  }
}

/** `(I + α (I − W))⁻¹` by `α`, with the data they belong to: a variable that is assigned has new data. */
const inversesByData = new WeakMap<object, Map<number, Float32Array>>()

function inversesOf(weights: tf.Tensor2D, n: number): Map<number, Float32Array> {
  if (weights.shape.join() !== [n, n].join())
    throw new EquilibriaError(
      'shape',
      `linearProxSplitting() was given weights (${weights.shape}) for a bias of ${n} columns.`,
      `Pass weights [${n}, ${n}].`,
    )
  const known = inversesByData.get(weights.dataId) ?? new Map<number, Float32Array>()
  inversesByData.set(weights.dataId, known)
  return known
}

function inverseOf(W: ArrayLike<number>, n: number, alpha: number): Float32Array {
  // Rows act from the left, `v K`: the columns of K solve `(I + α (I − W)) K = I`.
  const lu = factor(
    Float64Array.from(W, (w, i) => (i % (n + 1) === 0 ? 1 + alpha : 0) - alpha * w),
    n,
  )
  const K = new Float32Array(n * n)
  const unit = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    unit[j] = 1
    lu.solve(unit).forEach((x, i) => (K[i * n + j] = x))
    unit[j] = 0
  }
  return K
}
