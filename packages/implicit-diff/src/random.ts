/**
 * Numbers in `[0, 1)` from a seed: a 32-bit mix of a counter, so that streams with neighbouring seeds are unrelated, and
 * the same on every backend.
 */
export function stream(...seeds: readonly number[]): () => number {
  let state = seeds.reduce((s, v) => mix(s ^ mix(Math.imul(v | 0, 0x9e3779b1) ^ Math.floor(v / 2 ** 32))), 0x2545f491)
  return () => {
    state = (state + 0x9e3779b9) | 0
    return (mix(state) >>> 0) / 2 ** 32
  }
}

/** A bijection of 32-bit integers under which every bit of the input moves about half of the output. */
function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
