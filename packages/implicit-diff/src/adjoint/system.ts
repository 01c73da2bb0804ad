import * as tf from '@tensorflow/tfjs-core'
import type { Problem, Vector } from '@equilibria/spec'
import { column, rowDot, scale } from '@equilibria/tensor'
import type { Transposed } from './fixed-point.ts'

/** An adjoint system in the form in which it is solved, and the way back. */
export interface AdjointSystem {
  /** Batch and size of the system. */
  readonly packed: Problem
  /** `u ↦ Jᵀu`. */
  readonly apply: (u: Vector) => Vector
  readonly right: Vector
  /** Products with the transpose, in this form. */
  across(transposed: Transposed): Transposed
  pack(u: Vector): Vector
  unpack(u: Vector): Vector
  /** What was found per row of the system, per sample. */
  spread<T>(found: readonly T[]): readonly T[]
}

/**
 * `(I − Jᵀ) u = v` as a solver sees it. Samples that move each other (`traits.rowwise === false`) are one system, in one
 * row. Rows whose squares would leave the range of float32 are scaled by a power of two, which costs no digit: the system
 * is linear, and a gradient of 1e-25 is a gradient.
 */
export function asSystem(problem: Problem, vjp: (u: Vector) => Vector, v: Vector): AdjointSystem {
  const { batch, size } = problem
  const joint = problem.traits.rowwise === false && batch > 1
  const flat = (t: Vector): Vector => (joint ? tf.reshape(t, [1, batch * size]) : t)
  const rows = (t: Vector): Vector => (joint ? tf.reshape(t, [batch, size]) : t)
  const packed: Problem = joint ? { ...problem, batch: 1, size: batch * size } : problem
  const unscaled = flat(v)
  const safe = rowDot(unscaled, unscaled).every((s) => s > 1e-24 && s < 1e24)
  const unit = safe
    ? undefined
    : Array.from(tf.max(tf.abs(unscaled), 1).dataSync(), (a) =>
        a > 0 && a < Number.POSITIVE_INFINITY ? 2 ** Math.max(-126, Math.floor(Math.log2(a))) : 1,
      )
  return {
    packed,
    apply: (u: Vector): Vector => flat(vjp(rows(u))),
    across: (transposed) => () => {
      const { push, dispose } = transposed()
      return { push: (u) => flat(push(rows(u))), dispose }
    },
    right: unit ? scale(unscaled, column(unit.map((s) => 1 / s))) : unscaled,
    pack: (u) => (unit ? scale(flat(u), column(unit.map((s) => 1 / s))) : flat(u)),
    unpack: (u): Vector => rows(unit ? scale(u, column(unit)) : u),
    spread: <T>(found: readonly T[]): readonly T[] => (joint ? Array.from({ length: batch }, () => found[0]!) : found),
  }
}
