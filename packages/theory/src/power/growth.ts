import * as tf from '@tensorflow/tfjs-core'
import type { Linearization, Vector } from '@equilibria/spec'
import { requireWhole } from '@equilibria/core'
import { scoped } from '@equilibria/tensor'
import { rowNorms } from '../host.ts'
import { normal } from '../statistics/random.ts'
import { unit } from './top-singular.ts'

export interface GrowthOptions {
  /** Pullbacks not counted. Default `50`. */
  readonly burnIn?: number
  /** Pullbacks counted. Default `150`. */
  readonly steps?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * Spectral radius per sample as a rate of growth: `v ← Jᵀv`, and the geometric mean of `‖Jᵀv‖/‖v‖` after burn-in,
 * `(‖(Jᵀ)^{b+k} v‖ / ‖(Jᵀ)^b v‖)^{1/k}`.
 *
 * Right for complex pairs and non-normal `J`, where a Rayleigh quotient is not (rotation by 60° times .95: growth .95,
 * quotient .475). A Jordan block of size 2 is over-estimated by the factor `((b + k)/b)^{1/k}`, .9 % at the defaults.
 * Cost: `burnIn + steps` pullbacks, no evaluation. @cite kuczynski1992
 *
 * @throws EquilibriaError `option` on numbers of pullbacks that are not usable
 */
export function spectralRadius(
  linear: Pick<Linearization, 'vjp'>,
  like: Vector,
  options: GrowthOptions = {},
): Float64Array {
  const { burnIn = 50, steps = 150, seed = 0 } = options
  requireWhole('spectralRadius({ burnIn })', burnIn, 0)
  requireWhole('spectralRadius({ steps })', steps, 1)
  const [batch, size] = like.shape
  const draw = normal(seed)
  return scoped(() => {
    let v = unit(tf.tensor2d(Float32Array.from({ length: batch * size }, draw), [batch, size]))
    const logs = new Float64Array(batch)
    for (let step = 0; step < burnIn + steps; step++) {
      const w = linear.vjp(v)
      v.dispose()
      if (step >= burnIn) rowNorms(w).forEach((norm, i) => (logs[i]! += Math.log(norm)))
      v = unit(w)
    }
    v.dispose()
    return logs.map((sum) => Math.exp(sum / steps))
  })
}
