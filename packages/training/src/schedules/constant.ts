import { checkNumbers, type Schedule } from './schedule.ts'

/** `η(k) = rate`. */
export function constant(rate: number): Schedule {
  checkNumbers('constant', { rate })
  return { kind: 'schedule', name: 'constant', options: { rate }, rate: () => rate }
}
