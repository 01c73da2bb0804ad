import { checkNumbers, type Schedule } from './schedule.ts'

export interface LinearOptions {
  /** The rate of the first update. */
  readonly initial: number
  /** Default `0`. */
  readonly final?: number
  /** Updates from `initial` to `final`; afterwards the rate stays. */
  readonly steps: number
}

/** `η(k) = initial + (final − initial) · min(1, k / steps)`. */
export function linear({ initial, final = 0, steps }: LinearOptions): Schedule {
  checkNumbers('linear', { initial, final })
  checkNumbers('linear', { steps }, 1)
  return {
    kind: 'schedule',
    name: 'linear',
    options: { initial, final, steps },
    rate: (step) => initial + (final - initial) * Math.min(1, step / steps),
  }
}
