import * as tf from '@tensorflow/tfjs-core'
import type { Problem, Solver, Vector } from '@equilibria/spec'
import { column, EquilibriaError, onTape } from '@equilibria/tensor'

/**
 * How products with the Jacobian are made. `exact`: from the gradients of `G`. `differences`: central differences of
 * `G`, for operators that use an op without a gradient of its gradient. `either`: exact where that works.
 */
export type JacobianProducts = 'exact' | 'differences' | 'either'

/** `G` at one state: its residual, and products with `J`. Holds tensors until disposed. */
export interface Linear {
  /** `G(z) − z`, `[batch, size]`. */
  readonly residual: Vector
  /** `v ↦ J v`. */
  readonly jvp: (v: Vector) => Vector
  /** `u ↦ Jᵀ u`; `undefined` where an op of `G` has no gradient and that was allowed for. */
  readonly vjp: (u: Vector) => Vector | undefined
  readonly dispose: () => void
}

/** @throws EquilibriaError `option` on an unknown word */
export function checkProducts(who: string, jacobian: JacobianProducts): void {
  if (!['exact', 'differences', 'either'].includes(jacobian))
    throw new EquilibriaError(
      'option',
      `${who}({ jacobian: ${JSON.stringify(jacobian)} }) is not known.`,
      'Pass "exact", "differences" or "either".',
    )
}

/**
 * `G` linearised at `z`, with the products asked for. Call it inside a scope, and dispose what it returns.
 * @throws EquilibriaError `gradient` while a gradient is being recorded: steps that are solutions of linear systems cannot
 * be unrolled
 */
export function linearizeAt(problem: Problem, z: Vector, jacobian: JacobianProducts, who: string): Linear {
  if (onTape())
    throw new EquilibriaError(
      'gradient',
      `${who}() was asked to step while gradients are being recorded.`,
      'A Newton step is the solution of a linear system and cannot be unrolled: use implicit(), or picard() or anderson() with unrolled().',
    )
  const frozen = problem.linearize(z)
  let exact = jacobian !== 'differences'
  const attempt = (product: () => Vector) => (jacobian === 'exact' ? product() : unlessMissing(product))
  const differences = differenceProducts(problem, z)
  return {
    residual: tf.sub(frozen.value, z),
    vjp: (u) => attempt(() => frozen.vjp(u)),
    jvp(v) {
      const product = exact ? attempt(() => frozen.jvp(v)) : undefined
      exact &&= product !== undefined
      return product ?? differences(v)
    },
    dispose: () => frozen.dispose(),
  }
}

/**
 * `v ↦ (G(z + hv) − G(z − hv)) / 2h` with a width per row, `h = 4e-3 · max(1, ‖z‖∞) / ‖v‖∞`: the cube root of the float32
 * rounding unit, where truncation and cancellation balance. Relative error about 3e-5 for a smooth `G`.
 */
function differenceProducts(problem: Problem, z: Vector): (v: Vector) => Vector {
  return (v) =>
    tf.tidy(() => {
      const peak = (a: Vector) => tf.max(tf.abs(a), 1, true)
      const size = tf.maximum(peak(z), 1)
      const length = peak(v)
      const still = tf.equal(length, 0)
      const h = tf.div(tf.mul(size, 4e-3), tf.where(still, tf.onesLike(length), length)) as tf.Tensor2D
      const shift = tf.mul(v, h)
      const rise = tf.sub(problem.apply(tf.add(z, shift)), problem.apply(tf.sub(z, shift)))
      return tf.div(rise, tf.mul(h, 2)) as Vector
    })
}

/**
 * A solver for which missing second gradients are replaced by differences: what it linearises offers a `jvp` in any case.
 */
export const withDifferences = (solver: Solver): Solver => ({
  ...solver,
  step: (problem, z, memory) =>
    solver.step(
      {
        ...problem,
        linearize(at) {
          const frozen = problem.linearize(at)
          let exact = true
          return {
            ...frozen,
            jvp(v) {
              const product = exact ? unlessMissing(() => frozen.jvp(v)) : undefined
              exact &&= product !== undefined
              return product ?? differenceProducts(problem, at)(v)
            },
          }
        },
      },
      z,
      memory,
    ),
})

/** `undefined` where a gradient is missing. */
function unlessMissing(product: () => Vector): Vector | undefined {
  try {
    return product()
  } catch (error) {
    if (!(error instanceof EquilibriaError) || error.code !== 'gradient') throw error
    return undefined
  }
}

/** A row of a `[batch, k]` memory tensor, to the host and back. */
export const table = (rows: readonly (readonly number[])[]): tf.Tensor2D =>
  tf.tensor2d(rows as number[][], [rows.length, rows[0]?.length ?? 0])

/** The table as arrays. */
export function rowsOf(t: tf.Tensor2D): number[][] {
  const flat = t.dataSync()
  const [batch, k] = t.shape
  return Array.from({ length: batch }, (_, b) => Array.from(flat.subarray(b * k, (b + 1) * k)))
}

/** `z + λ d` with one `λ` per row; rows with `λ = 0` stay as they are, whatever `d` holds. */
export const moved = (z: Vector, d: Vector, lambda: readonly number[]): Vector => {
  const step = column(lambda)
  return tf.where(tf.greater(step, 0), tf.add(z, tf.mul(d, step)), z) as Vector
}
