import * as tf from '@tensorflow/tfjs-core'
import { requireRange, requireWhole } from '@equilibria/core'
import { EquilibriaError, offTape } from '@equilibria/tensor'
import { stream } from './random.ts'

export interface VariationalDropoutOptions {
  /** The share of entries that are dropped, in `[0, 1)`. */
  readonly rate: number
  /** Whole number. Default `0`. */
  readonly seed?: number
}

/** Dropout whose masks do not change while an equilibrium is searched. */
export interface VariationalDropout {
  readonly rate: number
  /** Fresh keys, one per sample, `[batch, 1]`, for the input of one training solve. Owned by the caller. */
  keys(batch: number): tf.Tensor2D
  /** Keys under which nothing is dropped, for inference. Owned by the caller. */
  off(batch: number): tf.Tensor2D
  /**
   * To be called in `bind`: the dropout of tensors `[batch, …shape]`, a mask per sample, drawn once from its key. Axes of
   * length 1 are shared, so `[channels, 1, 1]` drops whole channels. `site` tells several dropouts of one operator
   * apart. What it returns multiplies by the mask, on the tape if there is one.
   */
  draw(keys: tf.Tensor2D, shape: readonly number[], site?: number): <T extends tf.Tensor>(t: T) => T
}

/**
 * Variational dropout: one mask per solve, the same in every iteration and in the recorded application, so that there is
 * one map `G` to find the fixed point of. (A new mask per evaluation would move the target at every step.)
 *
 * Entries are dropped with probability `rate`, and those that stay are scaled by `1 / (1 − rate)`: the mean is kept. Rate
 * 0, and keys from `off`, change nothing, to the bit.
 *
 * Masks come from keys, and keys are part of the input, a leaf `[batch, 1]`: a sample keeps its mask when finished
 * samples leave the batch, and its mask does not depend on its batch mates. The same seed gives the same keys, call
 * after call, and the same masks on every backend.
 *
 * When not to use it: for certificates of contraction: `‖J‖` may grow by `1 / (1 − rate)`.
 *
 * @cost per bind, one read-back of the keys and one mask made on the host; per evaluation one product
 * @throws EquilibriaError `option` on a rate outside `[0, 1)`, a seed, batch or site that is not a whole number; `shape`
 * on keys that are not `[batch, 1]`
 * @cite gal2016, bai2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { equilibrium } from '@equilibria/core'
 * import { picard } from '@equilibria/solvers'
 * import { variationalDropout } from '@equilibria/implicit-diff'
 *
 * type Input = { readonly x: tf.Tensor2D; readonly keys: tf.Tensor2D }
 * const dropout = variationalDropout({ rate: 0.5, seed: 1 })
 * const layer = equilibrium(
 *   {
 *     kind: 'operator',
 *     spec: 1,
 *     name: 'half',
 *     traits: {},
 *     bind: ({ x, keys }: Input) => {
 *       const drop = dropout.draw(keys, [4])
 *       return { initial: () => tf.zerosLike(x), apply: (z: tf.Tensor2D) => tf.add(drop(tf.mul(z, 0.25)), x) }
 *     },
 *   },
 *   { solver: picard() },
 * )
 * const x = tf.ones([1, 4]) as tf.Tensor2D
 * console.log(layer.solve({ x, keys: dropout.keys(1) }).state.dataSync()) // 1 where dropped, else 2
 * console.log(layer.solve({ x, keys: dropout.off(1) }).state.dataSync()) // 4/3 everywhere
 * ```
 */
export function variationalDropout({ rate, seed = 0 }: VariationalDropoutOptions): VariationalDropout {
  requireRange('variationalDropout({ rate })', rate, 0, 1)
  if (rate === 1)
    throw new EquilibriaError('option', 'variationalDropout({ rate: 1 }) drops everything.', 'Pass a rate below 1.')
  requireWhole('variationalDropout({ seed })', seed, Number.MIN_SAFE_INTEGER)
  const next = stream(seed)
  return {
    rate,
    keys(batch) {
      requireWhole('keys(batch)', batch, 1)
      return tf.tensor2d(
        Float32Array.from({ length: batch }, () => 1 + Math.floor(next() * LAST_KEY)),
        [batch, 1],
      )
    },
    off(batch) {
      requireWhole('off(batch)', batch, 1)
      return tf.zeros([batch, 1])
    },
    draw(keys, shape, site = 0) {
      requireWhole('draw(site)', site, 0)
      if (keys.rank !== 2 || keys.shape[1] !== 1)
        throw new EquilibriaError(
          'shape',
          `draw() was given keys of shape (${keys.shape}).`,
          'Pass the leaf made by keys() or off(), [batch, 1].',
        )
      const size = shape.reduce((a, b) => a * b, 1)
      const of = offTape(() => keys.dataSync())
      if (rate === 0 || of.every((key) => key === 0)) return (t) => t
      const values = new Float32Array(of.length * size).fill(1)
      of.forEach((key, b) => {
        if (key === 0) return
        const uniform = stream(key, site)
        for (let i = b * size; i < (b + 1) * size; i++) values[i] = uniform() < rate ? 0 : 1 / (1 - rate)
      })
      const mask = tf.tensor(values, [of.length, ...shape])
      return <T extends tf.Tensor>(t: T) => tf.mul(t, mask) as T
    },
  }
}

/** Keys are 1 … 2²⁴ − 1, which float32 holds exactly; 0 is "off". */
const LAST_KEY = 2 ** 24 - 1
