import { spectralBound } from '../../parameters/spectral-bound.ts'

/** `[kernel height, kernel width, inputs, outputs]` */
type FilterShape = readonly [number, number, number, number]

/** `Σₛₜ ‖W[s, t]‖₂`: a convolution is a sum of shifts, each a contraction, times matrices. Holds at every image size. */
export function tapBound(filter: ArrayLike<number>, [height, width, inputs, outputs]: FilterShape): number {
  const block = inputs * outputs
  let sum = 0
  for (let tap = 0; tap < height * width; tap++)
    sum += spectralBound(
      Array.from({ length: block }, (_, i) => filter[tap * block + i]!),
      inputs,
      outputs,
    )
  return sum * (1 + height * width * 2 ** -52)
}

/**
 * The norm of the circular convolution on images `[rows, columns]`: the largest `‖Ŵ(ω)‖₂` over the frequencies, `Ŵ(ω) =
 * Σₛₜ W[s, t] exp(i(ω₁s + ω₂t))`, each bounded rigorously from above (to 1e-3 or so). Frequencies whose coarse bound is
 * already below the largest are not refined.
 *
 * @cost `rows · columns / 2` products of `2c × 2c` matrices, `c = min(inputs, outputs)`, on the host; some ten more for
 * each frequency that is refined
 */
export function circularBound(
  filter: ArrayLike<number>,
  [height, width, inputs, outputs]: FilterShape,
  [rows, columns]: readonly [number, number],
): number {
  const block = inputs * outputs
  const taps = height * width
  // Each entry of Ŵ is a sum of `taps` products with cosines right to a few units: γ relative to Σ|W|, entry by entry.
  const magnitude = new Float64Array(block)
  for (let i = 0; i < taps * block; i++) magnitude[i % block]! += Math.abs(filter[i]!)
  const slack = 4 * (taps + 8) * 2 ** -53 * Math.hypot(...magnitude)
  const symbol = (k: number, l: number): Float64Array => {
    const m = new Float64Array(4 * block) // [[Re, Im], [−Im, Re]] has the singular values of Re + i Im, each twice
    for (let s = 0; s < height; s++)
      for (let t = 0; t < width; t++) {
        // exact integers before the division: the phase is right to one rounding
        const phase = 2 * Math.PI * (((k * s) % rows) / rows + ((l * t) % columns) / columns)
        const [cos, sin] = [Math.cos(phase), Math.sin(phase)]
        for (let i = 0; i < inputs; i++)
          for (let o = 0; o < outputs; o++) {
            const w = filter[((s * width + t) * inputs + i) * outputs + o]!
            m[i * 2 * outputs + o]! += cos * w
            m[i * 2 * outputs + outputs + o]! += sin * w
          }
      }
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++) {
        m[(inputs + i) * 2 * outputs + o] = -m[i * 2 * outputs + outputs + o]!
        m[(inputs + i) * 2 * outputs + outputs + o] = m[i * 2 * outputs + o]!
      }
    return m
  }
  const bound = (k: number, l: number, squarings: number): number =>
    spectralBound(symbol(k, l), 2 * inputs, 2 * outputs, squarings)
  const frequencies: { readonly k: number; readonly l: number; readonly coarse: number }[] = []
  for (let k = 0; k < rows; k++)
    // ω and −ω have conjugate symbols
    for (let l = 0; 2 * l <= columns; l++)
      if (!((l === 0 || 2 * l === columns) && 2 * k > rows)) frequencies.push({ k, l, coarse: bound(k, l, 1) })
  frequencies.sort((a, b) => b.coarse - a.coarse)
  let largest = 0
  for (const { k, l, coarse } of frequencies) {
    if (coarse <= largest) break
    largest = Math.max(largest, Math.min(coarse, bound(k, l, 10)))
  }
  return (largest + slack) * (1 + 2 ** -50)
}
