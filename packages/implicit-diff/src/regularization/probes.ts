import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'
import { requireRange } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'

/** `gaussian`: normal entries; `rademacher`: signs. Both have mean 0 and covariance `I`. */
export type ProbeDistribution = 'gaussian' | 'rademacher'

/** @throws EquilibriaError `option` on an unknown distribution or a seed that is no number */
export function checkProbes(where: string, distribution: ProbeDistribution, seed: number | undefined): void {
  if (distribution !== 'gaussian' && distribution !== 'rademacher')
    throw new EquilibriaError(
      'option',
      `${where}({ distribution: ${String(distribution)} }) is not a distribution of probes.`,
      'Pass "gaussian" or "rademacher".',
    )
  if (seed !== undefined) requireRange(`${where}({ seed })`, seed, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
}

/** A random vector `[batch, size]`, the `index`-th of its seed; without a seed, a new one each time. */
export function probe(
  [batch, size]: readonly [number, number],
  distribution: ProbeDistribution,
  seed: number | undefined,
  index: number,
): Vector {
  const own = seed === undefined ? undefined : seed * 1009 + index
  if (distribution === 'gaussian') return tf.randomNormal([batch, size], 0, 1, 'float32', own)
  return tf.tidy(() => {
    const heads = tf.greaterEqual(tf.randomUniform([batch, size], 0, 1, 'float32', own), 0.5)
    return tf.sub(tf.mul(tf.cast(heads, 'float32'), 2), 1) as Vector
  })
}
