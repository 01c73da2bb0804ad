import { permutation, randomStream } from '../random/stream.ts'

/** Which samples each step sees: a pure function of the step, so a resumed run needs no generator state. */
export interface Batches {
  readonly perEpoch: number
  /** Epoch of a step, both from 0. */
  epochOf(step: number): number
  at(step: number): readonly number[]
}

/** Every epoch visits each sample once, in the order of the random stream numbered by the epoch. */
export function batches(size: number, batchSize: number, seed: number): Batches {
  const perEpoch = Math.ceil(size / batchSize)
  let shuffled = { epoch: -1, order: [] as number[] }
  return {
    perEpoch,
    epochOf: (step) => Math.floor(step / perEpoch),
    at(step) {
      const epoch = Math.floor(step / perEpoch)
      if (epoch !== shuffled.epoch) shuffled = { epoch, order: permutation(size, randomStream(seed, epoch)) }
      const start = (step - epoch * perEpoch) * batchSize
      return shuffled.order.slice(start, start + batchSize)
    },
  }
}
