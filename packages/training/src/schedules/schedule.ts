import { EquilibriaError } from '@equilibria/tensor'

/** A learning rate that depends on the number of updates made so far. */
export interface Schedule {
  readonly kind: 'schedule'
  readonly name: string
  /** What a checkpoint stores, to refuse a resume under another schedule. Plain data. */
  readonly options: Readonly<Record<string, unknown>>
  /** The learning rate of update `step`, counted from 0. */
  rate(step: number): number
}

/** Every number of `options` must be finite and at least its least legal value. */
export function checkNumbers(what: string, options: Readonly<Record<string, number>>, least = 0): void {
  for (const [name, value] of Object.entries(options))
    if (!Number.isFinite(value) || value < least)
      throw new EquilibriaError('option', `${what}: ${name} is ${value}.`, `Use a finite number of at least ${least}.`)
}
