import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'
import { align, requireRange, requireWhole } from '@equilibria/core'
import { EquilibriaError, leaves, offTape, rebuild, scoped, shapeOf } from '@equilibria/tensor'
import { stream } from './random.ts'

export interface MixedInitialOptions {
  /** Relative frequency of starts at 0. Default `1`. */
  readonly zero?: number
  /** Of normal starts. Default `1`. */
  readonly normal?: number
  /** Of starts at the last solution. Default `0`. */
  readonly last?: number
  /** Standard deviation of the normal starts. Default `1`. */
  readonly deviation?: number
  /** Whole number. Default `0`. */
  readonly seed?: number
}

/** Draws a start for every sample; see {@link mixedInitial}. */
export type MixedInitial = <S extends TensorTree>(like: S, last?: S) => S

/**
 * Mixed initialisation: every sample of a training batch starts somewhere else, at 0, at noise, or at the last solution,
 * by chance. A model trained so learns to reach one equilibrium from everywhere (path independence), and then gains from
 * more steps at test time.
 *
 * Call the result with a state of the right structure, leaves `[batch, …]` (only its shapes are read), and with the last
 * solution, if there is one; without it, the other kinds share its part. Pass what it returns as `solve(x, { initial })`;
 * it is owned by the caller. The seed fixes the sequence of starts, the same on every backend; a row does not depend on
 * the values of others.
 *
 * When not to use it: for operators with several equilibria that are all meant; and at inference, unless to test.
 *
 * @cost one state made on the host, and with `last` a select per leaf
 * @throws EquilibriaError `option` on frequencies that are negative or all 0, a deviation that is negative, or when only
 * `last` is asked for and none is given; `shape` when `last` is not like `like`
 * @cite anil2022
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { mixedInitial } from '@equilibria/implicit-diff'
 *
 * const starts = mixedInitial({ zero: 1, normal: 1, seed: 3 })
 * const initial = starts(tf.ones([4, 2])) // about half of the rows are 0
 * console.log(initial.shape) // [4, 2]
 * ```
 */
export function mixedInitial({
  zero = 1,
  normal = 1,
  last = 0,
  deviation = 1,
  seed = 0,
}: MixedInitialOptions = {}): MixedInitial {
  for (const [name, value] of Object.entries({ zero, normal, last, deviation }))
    requireRange(`mixedInitial({ ${name} })`, value, 0, Number.MAX_VALUE)
  requireWhole('mixedInitial({ seed })', seed, Number.MIN_SAFE_INTEGER)
  if (zero + normal + last === 0)
    throw new EquilibriaError('option', 'mixedInitial() was given frequencies that are all 0.', 'Make one positive.')
  const uniform = stream(seed)
  return (like, before) => {
    const shares = [zero, normal, before === undefined ? 0 : last] as const
    const total = shares[0] + shares[1] + shares[2]
    if (total === 0)
      throw new EquilibriaError(
        'option',
        'mixedInitial() starts at last solutions only, and was given none.',
        'Pass the last state, or make zero or normal positive.',
      )
    const all = leaves(like)
    const old = before === undefined ? undefined : align(like, before)
    if (before !== undefined && (old === undefined || shapeOf(old) !== shapeOf(like)))
      throw new EquilibriaError(
        'shape',
        `mixedInitial() was given a last state ${shapeOf(before)} for one of ${shapeOf(like)}.`,
        'Pass states of one structure and one batch.',
      )
    const olds = old && leaves(old)
    const kinds = Array.from({ length: all[0]?.shape[0] ?? 0 }, (): 'zero' | 'normal' | 'last' => {
      const u = uniform() * total
      return u < shares[0] ? 'zero' : u < shares[0] + shares[1] ? 'normal' : 'last'
    })
    return offTape(() =>
      scoped(() =>
        rebuild(
          like,
          all.map((leaf, i) => {
            const size = leaf.size / kinds.length
            const values = new Float32Array(leaf.size)
            kinds.forEach((kind, b) => {
              if (kind !== 'normal') return
              for (let j = b * size; j < (b + 1) * size; j++) values[j] = deviation * gaussian(uniform)
            })
            const drawn = tf.tensor(values, leaf.shape)
            if (!olds || !kinds.includes('last')) return drawn
            const keep = tf.tensor(
              kinds.map((kind) => Number(kind === 'last')),
              [kinds.length, ...leaf.shape.slice(1).map(() => 1)],
              'bool',
            )
            return tf.where(keep, olds[i]!, drawn)
          }),
        ),
      ),
    )
  }
}

/** A standard normal number, by Box and Muller. */
const gaussian = (uniform: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
