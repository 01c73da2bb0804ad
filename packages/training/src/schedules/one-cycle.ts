import { checkNumbers, type Schedule } from './schedule.ts'

export interface OneCycleOptions {
  /** The highest rate. */
  readonly peak: number
  /** Updates in all. */
  readonly steps: number
  /** Part of the updates spent rising, in `[0, 1]`. Default `0.3`. */
  readonly rise?: number
  /** `peak / initial`. Default `25`. */
  readonly startFactor?: number
  /** `initial / final`. Default `1e4`. */
  readonly endFactor?: number
}

/**
 * One cycle of the learning rate, linear in both directions: from `peak / startFactor` up to `peak` at update
 * `rise · (steps − 1)`, then down to `peak / startFactor / endFactor` at update `steps − 1`.
 *
 * @throws EquilibriaError `option` on numbers out of range.
 * @cite smith2019
 */
export function oneCycle({ peak, steps, rise = 0.3, startFactor = 25, endFactor = 1e4 }: OneCycleOptions): Schedule {
  checkNumbers('oneCycle', { peak, rise, 'one minus rise': 1 - rise })
  checkNumbers('oneCycle', { steps, startFactor, endFactor }, 1)
  const initial = peak / startFactor
  const final = initial / endFactor
  const last = Math.max(1, steps - 1)
  return {
    kind: 'schedule',
    name: 'oneCycle',
    options: { peak, steps, rise, startFactor, endFactor },
    rate(step) {
      const part = Math.min(1, step / last)
      if (part < rise) return initial + ((peak - initial) * part) / rise
      return rise === 1 ? peak : peak + ((final - peak) * (part - rise)) / (1 - rise)
    },
  }
}
