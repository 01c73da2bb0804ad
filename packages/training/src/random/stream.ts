import { EquilibriaError } from '@equilibria/tensor'
import { philox } from './philox.ts'

/** Random numbers of one stream, in order. */
export interface RandomStream {
  /** An integer in `0 … 2³² − 1`. */
  word(): number
  /** Uniform in `[0, 1)`, 32 bits. */
  uniform(): number
  /** An integer in `0 … below − 1`, without bias. */
  integer(below: number): number
}

/**
 * The stream of random numbers that belongs to `seed` and `stream` (for example an epoch, or a worker). Streams of
 * different numbers are independent, each is `2³⁴` words long, and asking for one costs nothing: counter-based (Philox).
 *
 * @param seed An integer in `0 … 2⁵³ − 1`.
 * @param stream An integer in `0 … 2⁵³ − 1`.
 * @throws EquilibriaError `option` on any other seed or stream.
 * @cite salmon2011
 */
export function randomStream(seed: number, stream = 0): RandomStream {
  for (const [name, value] of Object.entries({ seed, stream }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw new EquilibriaError('option', `A ${name} of ${value}.`, 'Use a whole number from 0 to 2^53 - 1.')
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const
  const high = Math.floor(stream / 2 ** 32)
  let block = 0
  let words: readonly number[] = []
  let at = 4
  const word = (): number => {
    if (at === 4) {
      words = philox([block++, 0, stream >>> 0, high], key)
      at = 0
    }
    return words[at++]!
  }
  return {
    word,
    uniform: () => word() / 2 ** 32,
    integer(below) {
      const limit = 2 ** 32 - (2 ** 32 % below)
      let w = word()
      while (w >= limit) w = word()
      return w % below
    },
  }
}

/** A random order of `0 … size − 1` (Fisher–Yates). */
export function permutation(size: number, random: RandomStream): number[] {
  const order = Array.from({ length: size }, (_, i) => i)
  for (let i = size - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return order
}
