import * as tf from '@tensorflow/tfjs-core'
import type { Tensor2D } from '@tensorflow/tfjs-core'
import { defineOperator } from '@equilibria/core'

/** `meanAnomaly` M and `eccentricity` e, one orbit per row: `[batch, 1]` each. */
export type Orbit = { readonly meanAnomaly: Tensor2D; readonly eccentricity: Tensor2D }

export interface AnomalyOptions {
  /** Largest eccentricity you will ever pass; must stay below 1. Default `0.9`. */
  readonly maxEccentricity?: number
}

/**
 * Kepler's equation, read as a fixed point: `E = M + e sin E`.
 *
 * `∂f/∂E = e cos E`, so `|∂f/∂E| ≤ e < 1`: a contraction for every closed orbit.
 * @cite colwell1993
 */
export function anomaly({ maxEccentricity = 0.9 }: AnomalyOptions = {}) {
  return defineOperator<Tensor2D, Orbit>({
    name: 'kepler/anomaly',
    traits: { lipschitz: maxEccentricity, monotone: 1 - maxEccentricity, symmetric: true, rowwise: true },
    initial: ({ meanAnomaly }) => tf.clone(meanAnomaly),
    apply: (E, { meanAnomaly, eccentricity }) => tf.add(meanAnomaly, tf.mul(eccentricity, tf.sin(E))),
  })
}
