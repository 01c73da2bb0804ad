import { EquilibriaError } from '@equilibria/tensor'
import { checkNumbers, type Schedule } from '../schedules/schedule.ts'
import { type Kernel, type Optimiser, scheduleOf, updateAll, zeroSlots } from './optimiser.ts'

export interface AdamWOptions {
  /** Default `1e-3`. */
  readonly learningRate?: number | Schedule
  /** Decay of the first moment. Default `0.9`. */
  readonly beta1?: number
  /** Decay of the second moment. Default `0.999`. */
  readonly beta2?: number
  /** Default `1e-8`. */
  readonly epsilon?: number
  /** Default `0.01`. */
  readonly weightDecay?: number
  /** `false`: the decay is added to the gradient instead (Adam with an L2 penalty). Default `true`. */
  readonly decoupled?: boolean
}

/**
 * Adam with decoupled weight decay. With gradient `g`, update `k = 1, 2, …` and rate `η`:
 * `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`,
 * `w ← w − ηλw − η · m/(1−β₁ᵏ) / (√(v/(1−β₂ᵏ)) + ε)`.
 * Not decoupled: `g ← g + λw` first, and no `ηλw`.
 *
 * Computed in float64, stored in float32. Keeps two vectors per variable.
 *
 * @throws EquilibriaError `option` on numbers out of range.
 * @cite loshchilov2019, kingma2015
 * @example
 * ```ts
 * import { adamW, cosine } from '@equilibria/training'
 *
 * const optimiser = adamW({ learningRate: cosine({ peak: 1e-3, steps: 1000, warmup: 50 }) })
 * const weights = { w: Float32Array.of(1, -1) }
 * const { weights: next } = optimiser.step(weights, { w: Float32Array.of(0.5, 0.5) }, optimiser.init(weights))
 * console.log(next['w'])
 * ```
 */
export function adamW({
  learningRate = 1e-3,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 0.01,
  decoupled = true,
}: AdamWOptions = {}): Optimiser {
  checkNumbers('adamW', { beta1, beta2, weightDecay })
  checkNumbers('adamW', { epsilon }, Number.MIN_VALUE) // 0 would make 0/0 of a zero gradient
  if (beta1 >= 1 || beta2 >= 1)
    throw new EquilibriaError('option', `adamW: beta1 ${beta1}, beta2 ${beta2}.`, 'Use numbers from 0 to below 1.')
  const schedule = scheduleOf(learningRate)
  return {
    kind: 'optimiser',
    name: 'adamW',
    options: { beta1, beta2, epsilon, weightDecay, decoupled },
    schedule,
    init: (weights) => zeroSlots(['first', 'second'], weights),
    step(weights, gradients, state, rate = schedule.rate(state.step)) {
      const k = state.step + 1
      const firstScale = 1 / (1 - beta1 ** k)
      const secondScale = 1 / (1 - beta2 ** k)
      const shrink = decoupled ? 1 - rate * weightDecay : 1
      const penalty = decoupled ? 0 : weightDecay
      const kernel: Kernel = (gradient, w, old, next) => {
        const [m0, v0] = [old['first']!, old['second']!]
        const [m1, v1, w1] = [next.slots['first']!, next.slots['second']!, next.weights]
        for (let i = 0; i < w.length; i++) {
          const g = gradient[i]! + penalty * w[i]!
          const m = beta1 * m0[i]! + (1 - beta1) * g
          const v = beta2 * v0[i]! + (1 - beta2) * g * g
          m1[i] = m
          v1[i] = v
          w1[i] = shrink * w[i]! - (rate * m * firstScale) / (Math.sqrt(v * secondScale) + epsilon)
        }
      }
      return updateAll(weights, gradients, state, kernel)
    },
  }
}
