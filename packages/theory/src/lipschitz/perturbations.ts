import type { Perturbation, TensorTree } from '@equilibria/spec'
import { requireWhole } from '@equilibria/core'
import { EquilibriaError, offTape, scoped } from '@equilibria/tensor'
import { batchOf, distances, download } from '../host.ts'
import type { SteppedMap } from '../map.ts'
import type { LipschitzSamples } from './samples.ts'

/** Which inputs are compared, and how far apart. */
export interface PerturbationOptions<X extends TensorTree> {
  /** Depths, increasing. */
  readonly steps: readonly number[]
  readonly perturbations: readonly Perturbation<X>[]
  /** 2-norm by which every sample is moved. Default `1e-2`. */
  readonly radius?: number
  /** Random directions per perturbation. Default `1`. */
  readonly repeats?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * `‖y_t(x + δ) − y_t(x)‖₂ / ‖δ‖₂` for every sample, perturbation and depth. A lower bound of the local constant, and in
 * many dimensions a weak one: 10 000 random pairs in 32 dimensions fell 22 % short of a known supremum.
 *
 * Distances in float64 on the host, over all leaves of `x` and of `y`; the inputs are compared as they are after rounding.
 * @cost `1 + perturbations · repeats` runs of the map
 * @throws EquilibriaError without a perturbation, or with a radius that is no positive length or no whole number of repeats
 * @cite liu2026
 */
export function perturbationSamples<X extends TensorTree, Y extends TensorTree>(
  map: SteppedMap<X, Y>,
  input: X,
  options: PerturbationOptions<X>,
): LipschitzSamples {
  const { steps, perturbations, radius = 1e-2, repeats = 1, seed = 0 } = options
  requireWhole('repeats', repeats, 1)
  if (perturbations.length === 0)
    throw new EquilibriaError(
      'option',
      'L_t by perturbations was asked for without a perturbation.',
      'Pass at least one, or use the power method on a map that can be recorded on the tape.',
    )
  if (!(radius > 0) || !Number.isFinite(radius))
    throw new EquilibriaError('option', `The radius is ${radius}.`, 'Pass a positive length, such as 1e-2.')
  const batch = batchOf(input)
  const ratios = steps.map(() => Array.from({ length: batch }, () => new Float64Array(perturbations.length * repeats)))
  const floors: number[][] = steps.map(() => Array.from({ length: batch }, () => 0))
  return offTape(() => {
    const run = (x: X) => scoped(() => map(x, steps).map(({ y, residual }) => ({ y: download(y), residual })))
    const here = download(input)
    const base = run(input)
    const sizes = base.map(({ y }) => distances(batch, y))
    perturbations.forEach((perturbation, p) => {
      for (let repeat = 0; repeat < repeats; repeat++) {
        scoped(() => {
          const near = perturbation.apply(input, { seed: seed + 7919 * repeat + 104729 * p, radius })
          const moved = distances(batch, download(near), here)
          run(near).forEach(({ y }, t) => {
            distances(batch, y, base[t]!.y).forEach((change, i) => {
              ratios[t]![i]![p * repeats + repeat] = change / moved[i]!
              floors[t]![i] = Math.max(floors[t]![i]!, (Math.SQRT2 * 2 ** -24 * sizes[t]![i]!) / moved[i]!)
            })
          })
        })
      }
    })
    return {
      method: 'perturbations' as const,
      steps,
      perturbations: perturbations.map(({ name }) => name),
      radius,
      repeats,
      values: ratios,
      residuals: base.map(({ residual }) => Array.from(residual ?? [])),
      floors,
      change: null,
    }
  })
}
