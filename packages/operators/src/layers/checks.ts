import type { Tensor } from '@tensorflow/tfjs-core'
import { requireWhole } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'

/** @throws EquilibriaError `option` unless every one of these is a whole number ≥ 1 */
export function requireSizes(layer: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) requireWhole(`${layer}({ ${name} })`, value, 1)
}

/** @throws EquilibriaError `shape` unless `x` has this rank and as many features on its last axis */
export function requireShape(layer: string, x: Tensor, axes: readonly string[], features: number): void {
  if (x.rank !== axes.length || x.shape.at(-1) !== features)
    throw new EquilibriaError(
      'shape',
      `${layer} was given a tensor of shape (${x.shape}).`,
      `Pass one of shape [${[...axes.slice(0, -1), features].join(', ')}].`,
    )
}

/** @throws EquilibriaError `shape` unless the last axis of `x` has this many entries */
export function requireFeatures(layer: string, x: Tensor, features: number): void {
  if (x.rank < 1 || x.shape.at(-1) !== features)
    throw new EquilibriaError(
      'shape',
      `${layer} was given a tensor of shape (${x.shape}).`,
      `Its last axis must have ${features} entries.`,
    )
}
