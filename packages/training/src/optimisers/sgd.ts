import { EquilibriaError } from '@equilibria/tensor'
import { checkNumbers, type Schedule } from '../schedules/schedule.ts'
import { type Kernel, type Optimiser, scheduleOf, updateAll, zeroSlots } from './optimiser.ts'

export interface SgdOptions {
  /** Default `1e-2`. */
  readonly learningRate?: number | Schedule
  /** `μ`. Default `0`. */
  readonly momentum?: number
  /** Needs momentum. Default `false`. */
  readonly nesterov?: boolean
  /** `λ`, added to the gradient. Default `0`. */
  readonly weightDecay?: number
}

/**
 * Gradient descent with momentum: `g ← g + λw`, `u ← μu + g`, `w ← w − ηu`; Nesterov: `w ← w − η(g + μu)`.
 *
 * Computed in float64, stored in float32. Keeps one vector per variable with momentum, none without.
 * Not for losses whose gradients differ much in scale between variables: Adam rescales, this does not.
 *
 * @throws EquilibriaError `option` on numbers out of range.
 * @cite sutskever2013
 */
export function sgd({
  learningRate = 1e-2,
  momentum = 0,
  nesterov = false,
  weightDecay = 0,
}: SgdOptions = {}): Optimiser {
  checkNumbers('sgd', { momentum, weightDecay })
  if (nesterov && momentum === 0)
    throw new EquilibriaError('option', 'sgd: nesterov without momentum.', 'Set momentum, for example 0.9.')
  const schedule = scheduleOf(learningRate)
  return {
    kind: 'optimiser',
    name: 'sgd',
    options: { momentum, nesterov, weightDecay },
    schedule,
    init: (weights) => zeroSlots(momentum > 0 ? ['velocity'] : [], weights),
    step(weights, gradients, state, rate = schedule.rate(state.step)) {
      const kernel: Kernel = (gradient, w, old, next) => {
        const [u0, u1, w1] = [old['velocity'], next.slots['velocity'], next.weights]
        for (let i = 0; i < w.length; i++) {
          const g = gradient[i]! + weightDecay * w[i]!
          const u = u0 && u1 ? (u1[i] = momentum * u0[i]! + g) : g
          w1[i] = w[i]! - rate * (nesterov ? g + momentum * u : u)
        }
      }
      return updateAll(weights, gradients, state, kernel)
    },
  }
}
