import type { Schedule } from '../schedules/schedule.ts'
import { constant } from '../schedules/constant.ts'

/** One vector per variable, by name. Never changed in place: a step makes new vectors. */
export type Vectors = Readonly<Record<string, Float32Array>>

/** All an optimiser remembers: plain data, stored in checkpoints to the bit. */
export interface OptimiserState {
  /** Updates made. */
  readonly step: number
  /** What it keeps for every variable, e.g. `first` and `second` moments. */
  readonly slots: Readonly<Record<string, Vectors>>
}

/** What one optimiser step gives. */
export interface Update {
  readonly weights: Vectors
  readonly state: OptimiserState
}

/** A pure update rule. Variables without a gradient stay as they are, and so do their slots. */
export interface Optimiser {
  readonly kind: 'optimiser'
  readonly name: string
  /** What a checkpoint stores, to refuse a resume under another rule. Plain data. */
  readonly options: Readonly<Record<string, unknown>>
  readonly schedule: Schedule
  /** The state before the first update: zeros. */
  init(weights: Vectors): OptimiserState
  /** One update. `rate` replaces the schedule's. */
  step(weights: Vectors, gradients: Vectors, state: OptimiserState, rate?: number): Update
}

/** A number is a constant schedule. */
export const scheduleOf = (rate: number | Schedule): Schedule => (typeof rate === 'number' ? constant(rate) : rate)

/** Writes the new weights and slots of one variable; reads the old ones. */
export type Kernel = (
  gradient: Float32Array,
  weights: Float32Array,
  old: Readonly<Record<string, Float32Array>>,
  next: { readonly weights: Float32Array; readonly slots: Readonly<Record<string, Float32Array>> },
) => void

export const zeroSlots = (names: readonly string[], weights: Vectors): OptimiserState => ({
  step: 0,
  slots: Object.fromEntries(
    names.map((slot) => [
      slot,
      Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, new Float32Array(w.length)])),
    ]),
  ),
})

/**
 * Apply a kernel to every variable that has a gradient. On the host: for the many small variables of a graph network
 * this is several times faster than tensor operations, which cost microseconds each to dispatch (see the README).
 */
export function updateAll(weights: Vectors, gradients: Vectors, state: OptimiserState, kernel: Kernel): Update {
  const slotNames = Object.keys(state.slots)
  const nextWeights: Record<string, Float32Array> = {}
  const nextSlots = Object.fromEntries(slotNames.map((slot) => [slot, {} as Record<string, Float32Array>]))
  for (const [name, w] of Object.entries(weights)) {
    const gradient = gradients[name]
    const old = Object.fromEntries(slotNames.map((slot) => [slot, state.slots[slot]![name]!]))
    let next = old
    nextWeights[name] = w
    if (gradient) {
      next = Object.fromEntries(slotNames.map((slot) => [slot, new Float32Array(w.length)]))
      kernel(gradient, w, old, { weights: (nextWeights[name] = new Float32Array(w.length)), slots: next })
    }
    for (const slot of slotNames) nextSlots[slot]![name] = next[slot]!
  }
  return { weights: nextWeights, state: { step: state.step + 1, slots: nextSlots } }
}
