import * as tf from '@tensorflow/tfjs-core'
import { emptyState, type HostState } from './host.ts'
import type { Prepared } from './prepare.ts'

/**
 * What PDHG carries between two applications, in the units of the program. Pairs `(high, low)` of float32 carry
 * float64 to about 48 bits; the iterate is stored as its distance to the answer, which keeps its digits.
 */
export type PdhgState = {
  /** The primal answer, `[batch, n]`, within its bounds. */
  readonly y: tf.Tensor2D
  /** The dual answer `λ`, `[batch, m]`: `c = Aᵀλ + r`. */
  readonly dual: tf.Tensor2D
  /** What float32 cut off `y`, `[batch, n]`; zeros in single precision. */
  readonly yLow: tf.Tensor2D
  /** `[batch, m]` */
  readonly dualLow: tf.Tensor2D
  /** Iterate minus answer, `[batch, n]`: at a solution 0. */
  readonly yStep: tf.Tensor2D
  /** `[batch, m]` */
  readonly dualStep: tf.Tensor2D
  /** Where the epoch began, `[batch, n]`. */
  readonly yAnchor: tf.Tensor2D
  /** `[batch, m]` */
  readonly dualAnchor: tf.Tensor2D
  /**
   * Counters, primal weight, step size and restart measures, `[batch, 7]`, times `2⁻²⁴`: counters stay exact, and none
   * of it weighs in `‖G(z) − z‖`.
   */
  readonly bookkeeping: tf.Tensor2D
}

export const LEAVES = [
  'y',
  'dual',
  'yLow',
  'dualLow',
  'yStep',
  'dualStep',
  'yAnchor',
  'dualAnchor',
  'bookkeeping',
] as const
export type LeafName = (typeof LEAVES)[number]
const FIELDS = ['inEpoch', 'total', 'logWeight', 'stepSize', 'first', 'last', 'averaged'] as const
const UNIT = 2 ** -24

const width = (leaf: LeafName, m: number, n: number): number =>
  leaf === 'bookkeeping' ? FIELDS.length : leaf.startsWith('y') ? n : m

/** The leaves on the host, `[batch · width]` each. */
export type HostLeaves = Readonly<Record<LeafName, Float32Array>>

export const emptyLeaves = (batch: number, m: number, n: number): HostLeaves =>
  Object.fromEntries(LEAVES.map((leaf) => [leaf, new Float32Array(batch * width(leaf, m, n))])) as Record<
    LeafName,
    Float32Array
  >

export const readLeaves = (state: PdhgState): HostLeaves =>
  Object.fromEntries(LEAVES.map((leaf) => [leaf, state[leaf].dataSync() as Float32Array])) as Record<
    LeafName,
    Float32Array
  >

export const writeLeaves = (leaves: HostLeaves, batch: number, m: number, n: number): PdhgState =>
  Object.fromEntries(LEAVES.map((leaf) => [leaf, tf.tensor2d(leaves[leaf], [batch, width(leaf, m, n)])])) as Record<
    LeafName,
    tf.Tensor2D
  >

/** Row `row` of the leaves, in scaled units. Whatever a solver mixed into the bookkeeping is made legal again. */
export function decode(p: Prepared, leaves: HostLeaves, row: number): HostState {
  const s = emptyState(p)
  const side = (
    size: number,
    to: Float64Array,
    [high, low, step, anchor]: readonly [Float32Array, Float32Array, Float32Array, Float32Array],
    [answer, iterate, start]: readonly [Float64Array, Float64Array, Float64Array],
  ) => {
    for (let j = 0, k = row * size; j < size; j++, k++) {
      const value = high[k]! + low[k]!
      answer[j] = value / to[j]!
      iterate[j] = (value + step[k]!) / to[j]!
      start[j] = anchor[k]! / to[j]!
    }
  }
  side(p.n, p.toY, [leaves.y, leaves.yLow, leaves.yStep, leaves.yAnchor], [s.y, s.yIterate, s.yAnchor])
  side(
    p.m,
    p.toDual,
    [leaves.dual, leaves.dualLow, leaves.dualStep, leaves.dualAnchor],
    [s.dual, s.dualIterate, s.dualAnchor],
  )
  FIELDS.forEach((field, i) => (s[field] = leaves.bookkeeping[row * FIELDS.length + i]! / UNIT))
  s.inEpoch = Math.max(0, Math.round(s.inEpoch))
  s.total = Math.max(0, Math.round(s.total))
  s.logWeight = Math.min(30, Math.max(-30, s.logWeight))
  s.stepSize = s.stepSize > 0 ? s.stepSize : 0
  s.first = Math.max(0, s.first)
  s.last = Math.max(0, s.last)
  s.averaged = Math.max(0, s.averaged)
  return s
}

/** The other way, into row `row`. */
export function encode(p: Prepared, s: HostState, leaves: HostLeaves, row: number, pairs: boolean): void {
  const side = (
    size: number,
    to: Float64Array,
    [answer, iterate, start]: readonly [Float64Array, Float64Array, Float64Array],
    [high, low, step, anchor]: readonly [Float32Array, Float32Array, Float32Array, Float32Array],
  ) => {
    for (let j = 0, k = row * size; j < size; j++, k++) {
      const value = answer[j]! * to[j]!
      high[k] = value
      low[k] = pairs ? value - high[k]! : 0
      step[k] = iterate[j]! * to[j]! - value
      anchor[k] = start[j]! * to[j]!
    }
  }
  side(p.n, p.toY, [s.y, s.yIterate, s.yAnchor], [leaves.y, leaves.yLow, leaves.yStep, leaves.yAnchor])
  side(
    p.m,
    p.toDual,
    [s.dual, s.dualIterate, s.dualAnchor],
    [leaves.dual, leaves.dualLow, leaves.dualStep, leaves.dualAnchor],
  )
  FIELDS.forEach((field, i) => (leaves.bookkeeping[row * FIELDS.length + i] = s[field] * UNIT))
}

/** Answer and inner steps of one packed row, in float64: what stop rules read. */
export function readPacked(
  packed: Float32Array,
  m: number,
  n: number,
): { readonly y: Float64Array; readonly dual: Float64Array; readonly at: (leaf: LeafName) => Float32Array } {
  const at = (leaf: LeafName): Float32Array => {
    let from = 0
    for (const name of LEAVES) {
      if (name === leaf) break
      from += width(name, m, n)
    }
    return packed.subarray(from, from + width(leaf, m, n))
  }
  const both = (high: Float32Array, low: Float32Array) => Float64Array.from(high, (v, i) => v + low[i]!)
  return { y: both(at('y'), at('yLow')), dual: both(at('dual'), at('dualLow')), at }
}

/** Inner steps taken so far, from a `bookkeeping` row. */
export const innerSteps = (bookkeeping: Float32Array): number => Math.round(bookkeeping[1]! / UNIT)
