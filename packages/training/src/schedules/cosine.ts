import { checkNumbers, type Schedule } from './schedule.ts'

export interface CosineOptions {
  /** The highest rate. */
  readonly peak: number
  /** Updates in all, warm-up included; afterwards the rate stays at `final`. */
  readonly steps: number
  /** Updates over which the rate rises linearly from `peak / warmup` to `peak`. Default `0`. */
  readonly warmup?: number
  /** Default `0`. */
  readonly final?: number
}

/**
 * Linear warm-up, then half a cosine:
 * `η(k) = peak (k+1)/warmup` for `k < warmup`, else `final + (peak − final)(1 + cos(π (k − warmup)/(steps − warmup)))/2`.
 *
 * Not for runs whose length is unknown: what it has learned before the end of the decay is little.
 *
 * @throws EquilibriaError `option` on numbers that are negative or not finite.
 * @cite loshchilov2017
 */
export function cosine({ peak, steps, warmup = 0, final = 0 }: CosineOptions): Schedule {
  checkNumbers('cosine', { peak, steps, warmup, final })
  return {
    kind: 'schedule',
    name: 'cosine',
    options: { peak, steps, warmup, final },
    rate(step) {
      if (step < warmup) return (peak * (step + 1)) / warmup
      const part = steps > warmup ? Math.min(1, (step - warmup) / (steps - warmup)) : 1
      return final + ((peak - final) * (1 + Math.cos(Math.PI * part))) / 2
    },
  }
}
