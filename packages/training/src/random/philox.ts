const high = (a: number, b: number): number => {
  const [ah, al, bh, bl] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff]
  const middle = al * bh + ((al * bl) >>> 16)
  // At most 2³² − 2¹⁶ each, so every sum is exact.
  return (ah * bh + ((ah * bl + (middle & 0xffff)) >>> 16) + Math.floor(middle / 65_536)) >>> 0
}

/**
 * Philox 4×32-10: four random 32-bit words from a 128-bit counter and a 64-bit key. A pure function: any word of any
 * stream is computed directly, so streams need no state, no skipping, and may run in parallel.
 *
 * @cite salmon2011
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const h0 = high(0xd2511f53, c0)
    const l0 = Math.imul(0xd2511f53, c0) >>> 0
    const h1 = high(0xcd9e8d57, c2)
    const l1 = Math.imul(0xcd9e8d57, c2) >>> 0
    c0 = (h1 ^ c1 ^ k0) >>> 0
    c1 = l1
    c2 = (h0 ^ c3 ^ k1) >>> 0
    c3 = l0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}
