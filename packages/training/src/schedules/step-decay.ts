import { checkNumbers, type Schedule } from './schedule.ts'

export interface StepDecayOptions {
  /** The rate of the first updates. */
  readonly initial: number
  /** Updates between two drops. */
  readonly every: number
  /** Factor of a drop. Default `0.1`. */
  readonly factor?: number
}

/** `η(k) = initial · factor^⌊k / every⌋`. */
export function stepDecay({ initial, every, factor = 0.1 }: StepDecayOptions): Schedule {
  checkNumbers('stepDecay', { initial, factor })
  checkNumbers('stepDecay', { every }, 1)
  return {
    kind: 'schedule',
    name: 'stepDecay',
    options: { initial, every, factor },
    rate: (step) => initial * factor ** Math.floor(step / every),
  }
}
