import * as tf from '@tensorflow/tfjs-core'
import { column, EquilibriaError, rowDot, scale, scoped, sub } from '@equilibria/tensor'
import type { LinearOptions, LinearResult, LinearSolver, LinearStatus, Vector } from '@equilibria/spec'

/** `u − A u = v` as the methods of this folder see it: checked, scaled, and its products counted. */
export interface System {
  readonly v: Vector
  /** Relative residual at which each row is done. */
  readonly goal: Float64Array
  readonly maxSteps: number
  readonly initial: Vector | undefined
  /** `‖v‖` per row; 1 where it is 0. */
  readonly size: Float64Array
  readonly steps: { count: number }
  /** `w ↦ A w`, counted. */
  apply(w: Vector): Vector
  /** `w ↦ (I − A) w`, counted. */
  multiply(w: Vector): Vector
}

/** What a method hands back: `residual` relative, per row. */
export interface Found {
  readonly u: Vector
  readonly residual: ArrayLike<number>
  readonly perSampleSteps: Int32Array
  readonly status: readonly LinearStatus[]
  readonly notes?: readonly string[]
}

/**
 * A linear solver from its method. Here lives what all of them share: the options are checked, rows whose squares would
 * leave the range of float32 are scaled by a power of two (the system is linear: that costs no digit), products counted.
 */
export const linearSolver = (name: string, method: (system: System) => Found): LinearSolver => ({
  kind: 'linear-solver',
  spec: 1,
  name,
  solve(apply, v, options): LinearResult {
    checkOptions(name, v, options)
    const { tolerance, tolerances, maxSteps, initial } = options
    const squares = rowDot(v, v)
    const unit = squares.every((s) => s === 0 || (s > 1e-16 && s < 1e16)) ? undefined : powersOfTwo(v)
    const inner: tf.Tensor[] = []
    const scaled = (t: Vector): Vector => {
      if (!unit) return t
      inner.push(scoped(() => scale(t, column(unit.map((s) => 1 / s)))))
      return inner.at(-1) as Vector
    }
    try {
      const right = scaled(v)
      const steps = { count: 0 }
      const count = (w: Vector): Vector => {
        steps.count++
        return apply(w)
      }
      const { u, residual, notes, ...found } = method({
        v: right,
        goal: Float64Array.from({ length: v.shape[0] }, (_, b) => tolerances?.[b] ?? tolerance),
        maxSteps,
        initial: initial && scaled(initial),
        size: Float64Array.from(unit ? rowDot(right, right) : squares, (s) => Math.sqrt(s) || 1),
        steps,
        apply: count,
        multiply: (w) => sub(w, count(w)),
      })
      return {
        u: unit ? dispose(u, (t) => scale(t, column(unit))) : u,
        steps: steps.count,
        residual: Float32Array.from(residual),
        ...found,
        ...(notes && notes.length > 0 ? { notes } : {}),
      }
    } finally {
      tf.dispose(inner)
    }
  },
})

function checkOptions(name: string, v: Vector, { tolerance, tolerances, maxSteps, initial }: LinearOptions): void {
  const bad = tolerance >= 0 ? Array.from(tolerances ?? []).find((t) => !(t >= 0)) : tolerance
  if (bad !== undefined)
    throw new EquilibriaError('option', `${name} was given the tolerance ${bad}.`, 'Pass a number ≥ 0.')
  if (tolerances && tolerances.length !== v.shape[0])
    throw new EquilibriaError(
      'option',
      `${name} was given ${tolerances.length} tolerances for ${v.shape[0]} rows.`,
      'Pass one per row.',
    )
  if (!Number.isInteger(maxSteps) || maxSteps < 0)
    throw new EquilibriaError('option', `${name} was given ${maxSteps} steps.`, 'Pass a whole maxSteps ≥ 0.')
  if (initial && initial.shape.join() !== v.shape.join())
    throw new EquilibriaError(
      'shape',
      `${name} was given a warm start (${initial.shape}) for a right-hand side (${v.shape}).`,
      'Pass an initial of the same shape.',
    )
}

/** @throws EquilibriaError `option` unless `value` is a whole number ≥ 1 */
export function requireCount(call: string, option: string, value: number, what: string): void {
  if (!Number.isInteger(value) || value < 1)
    throw new EquilibriaError(
      'option',
      `${call}({ ${option}: ${value} }) is not a number of ${what}.`,
      'Pass a whole number ≥ 1.',
    )
}

/** `2^⌊log₂ max|v|⌋` per row. */
const powersOfTwo = (v: Vector): number[] =>
  Array.from(scoped(() => tf.max(tf.abs(v), 1).dataSync()) as Float32Array, (a) =>
    a > 0 && a < Number.POSITIVE_INFINITY ? 2 ** Math.max(-126, Math.floor(Math.log2(a))) : 1,
  )

function dispose(t: Vector, change: (t: Vector) => Vector): Vector {
  try {
    return scoped(() => change(t))
  } finally {
    t.dispose()
  }
}

/** Several inner products per row in one read-back: `out[i][b] = aᵢ · bᵢ` in row `b`. */
export function dots(...pairs: readonly (readonly [Vector, Vector])[]): Float32Array[] {
  const flat = scoped(() =>
    tf.concat1d(pairs.map(([a, b]) => tf.sum(tf.mul(a, b), 1) as tf.Tensor1D)).dataSync(),
  ) as Float32Array
  const batch = flat.length / pairs.length
  return pairs.map((_, i) => flat.subarray(i * batch, (i + 1) * batch))
}

/** Row by row: `a` where `mask`, else `b`. A choice, not a product with the mask: 0 times an overflow is NaN. */
export function choose(mask: ArrayLike<number | boolean>, a: Vector, b: Vector): Vector {
  const list = Array.from(mask, Boolean)
  if (list.every(Boolean)) return a
  if (!list.some(Boolean)) return b
  return tf.where(tf.tensor2d(list.map(Number), [list.length, 1], 'bool'), a, b) as Vector
}
