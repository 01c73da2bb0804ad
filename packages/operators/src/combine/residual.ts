import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../layer.ts'
import { createVariables, prefixed } from '../parameters/variables.ts'
import { combined, together } from './bounds.ts'

/** The factor of a residual branch. */
export interface ResidualOptions {
  /** `s`, of either sign. Default `1`. */
  readonly scale?: number
  /** Whether `s` is learned; `scale` is its start. Default `false`. */
  readonly trainable?: boolean
}

/**
 * `z ↦ z + s · R(z)`. Its Lipschitz bound is `1 + |s| Lip(R)`, never below 1: a norm of `R` alone cannot make it a
 * contraction; that takes an `R` that points back (`⟨R(a) − R(b), a − b⟩ ≤ −c ‖a − b‖²`) and `s < 2c / Lip(R)²`.
 *
 * @cost that of `R`
 * @throws EquilibriaError `option` on a scale that is not finite; `shape` when `R` changes the shape
 * @cite he2016
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { dense, residual } from '@equilibria/operators'
 *
 * const block = residual(dense({ inputs: 3, outputs: 3 }), { scale: 0.1, trainable: true })
 * console.log(Object.keys(block.variables)) // scale branch.weight branch.bias
 * block.dispose()
 * ```
 */
export function residual(branch: Layer, { scale = 1, trainable = false }: ResidualOptions = {}): Layer {
  if (!Number.isFinite(scale))
    throw new EquilibriaError('option', `residual({ scale: ${scale} })`, 'Pass a finite number.')
  const own = trainable ? createVariables({ scale: { shape: [], value: scale } }, 0) : undefined
  const factor = (): number => Math.abs(own ? own.scale.dataSync()[0]! : scale)
  const { lipschitz, guaranteed } = combined([branch], ([bound]) => 1 + factor() * bound!)
  return {
    kind: 'layer',
    name: `residual(${branch.name})`,
    variables: { ...own, ...prefixed({ branch }) },
    bind: () => {
      const map = branch.bind()
      return (z) => {
        const r = map(z)
        if (r.shape.join() !== z.shape.join())
          throw new EquilibriaError(
            'shape',
            `residual(${branch.name}): the branch turned (${z.shape}) into (${r.shape}).`,
            'The branch must keep the shape.',
          )
        return tf.add(z, own || scale !== 1 ? tf.mul(r, own ? own.scale : scale) : r)
      }
    },
    ...(lipschitz ? { lipschitz } : {}),
    ...(guaranteed !== undefined && !trainable ? { guaranteed } : {}),
    rowwise: together([branch]).rowwise,
    dispose: () => {
      branch.dispose()
      own?.scale.dispose()
    },
  }
}
