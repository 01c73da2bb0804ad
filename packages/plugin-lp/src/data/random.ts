/**
 * A stream of random numbers that is the same on every machine: Philox4x32-10 counted up from `(seed, stream)`, and
 * arithmetic that IEEE 754 fixes to the bit (no `Math.log`, whose last digit differs between engines).
 */
export interface RandomStream {
  /** Uniform in `[0, 1)`, 53 bits. */
  uniform(): number
  /** Standard normal. */
  normal(): number
}

/** `low + high · 2³²` halves of `a · b`. */
function multiplyHigh(a: number, b: number): number {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff]
  const middle = ah * bl + ((al * bl) >>> 16)
  const other = al * bh + (middle & 0xffff)
  return (ah * bh + Math.floor(middle / 0x10000) + Math.floor(other / 0x10000)) >>> 0
}

/**
 * Philox4x32-10: ten rounds of multiplication and exclusive or turn a counter of 4 words and a key of 2 into 4 random
 * words.
 * @cite salmon2011
 */
export function philox(counter: Uint32Array, key0: number, key1: number): Uint32Array {
  const x = Uint32Array.from(counter)
  for (let round = 0; round < 10; round++) {
    const k0 = (key0 + Math.imul(round, 0x9e3779b9)) >>> 0
    const k1 = (key1 + Math.imul(round, 0xbb67ae85)) >>> 0
    const [a = 0, b = 0, c = 0, d = 0] = x
    x[0] = multiplyHigh(0xcd9e8d57, c) ^ b ^ k0
    x[1] = Math.imul(0xcd9e8d57, c)
    x[2] = multiplyHigh(0xd2511f53, a) ^ d ^ k1
    x[3] = Math.imul(0xd2511f53, a)
  }
  return x
}

/** Streams of one seed are independent of each other; `seed` and `stream` are whole numbers from 0 to 2⁵³. */
export function randomStream(seed: number, stream: number): RandomStream {
  const low = (v: number): number => (v % 2 ** 32) >>> 0
  const high = (v: number): number => Math.floor(v / 2 ** 32) >>> 0
  const counter = Uint32Array.of(0, 0, low(stream), high(stream))
  let words = new Uint32Array(0)
  let used = 0
  let spare: number | undefined
  const word = (): number => {
    if (used === words.length) {
      words = Uint32Array.from(philox(counter, low(seed), high(seed)))
      counter[0] = (counter[0] ?? 0) + 1
      if (counter[0] === 0) counter[1] = (counter[1] ?? 0) + 1
      used = 0
    }
    return words[used++] ?? 0
  }
  const uniform = (): number => ((word() >>> 5) * 0x4000000 + (word() >>> 6)) / 2 ** 53
  return {
    uniform,
    // Marsaglia's polar method: uniform in the unit disc, then stretched.
    normal: () => {
      if (spare !== undefined) {
        const value = spare
        spare = undefined
        return value
      }
      let [x, y, s] = [0, 0, 0]
      do {
        x = 2 * uniform() - 1
        y = 2 * uniform() - 1
        s = x * x + y * y
      } while (s >= 1 || s === 0)
      const stretch = Math.sqrt((-2 * logarithm(s)) / s)
      spare = y * stretch
      return x * stretch
    },
  }
}

/**
 * `ln s` for `0 < s ≤ 1` by sums and products only: `s = f · 2^e` with `f` in `[√½, √2)`, `ln f = 2 artanh((f − 1)/(f + 1))`.
 * The series stops where its terms fall below `2⁻⁵³` (`0.172²⁴ / 25 < 2e-20`).
 */
export function logarithm(s: number): number {
  let f = s
  let exponent = 0
  while (f < Math.SQRT1_2) {
    f *= 2
    exponent--
  }
  const z = (f - 1) / (f + 1)
  const z2 = z * z
  let sum = 0
  for (let k = 25; k >= 1; k -= 2) sum = sum * z2 + 1 / k
  return 2 * z * sum + exponent * Math.LN2
}
