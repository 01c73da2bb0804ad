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
 * Σₛₜ W[s, t] exp(i(ω₁s + ω₂t))`, each bounded rigorously from above (to 1e-3 or so).
 *
 * @cost `rows · columns / 2` products of `2c × 2c` matrices, `c = min(inputs, outputs)`, on the host; up to ten more for
 * each frequency that is among the largest
 */
export function circularBound(
  filter: ArrayLike<number>,
  [height, width, inputs, outputs]: FilterShape,
  [rows, columns]: readonly [number, number],
): number {
  const block = inputs * outputs
  const taps = height * width
  // Each entry of Ŵ is a sum of `taps` products with cosines right to 60 units (phases reach 4π), so off by less than
  // (taps + 62) u Σ|W|; twice that for both parts.
  const magnitude = new Float64Array(block)
  for (let i = 0; i < taps * block; i++) magnitude[i % block]! += Math.abs(filter[i]!)
  const slack = 2 * (taps + 62) * 2 ** -53 * Math.hypot(...magnitude)
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
  let open: { readonly k: number; readonly l: number; bound: number }[] = []
  for (let k = 0; k < rows; k++)
    // ω and −ω have conjugate symbols
    for (let l = 0; 2 * l <= columns; l++)
      if (!((l === 0 || 2 * l === columns) && 2 * k > rows)) open.push({ k, l, bound: Number.POSITIVE_INFINITY })
  // Most frequencies fall out early: at each level the one that looks largest is bounded as well as it can be, and those
  // that are already known to be below it are dropped.
  let largest = 0
  for (const squarings of [0, 2, 4, 6]) {
    for (const one of open) one.bound = Math.min(one.bound, bound(one.k, one.l, squarings))
    const top = open.reduce((a, b) => (b.bound > a.bound ? b : a))
    top.bound = Math.min(top.bound, bound(top.k, top.l, 10))
    largest = Math.max(largest, top.bound)
    open = open.filter((one) => one.bound > largest)
    if (open.length === 0) break
  }
  for (const { k, l, bound: coarse } of open.toSorted((a, b) => b.bound - a.bound)) {
    if (coarse <= largest) break
    largest = Math.max(largest, Math.min(coarse, bound(k, l, 10)))
  }
  return (largest + slack) * (1 + 2 ** -50)
}
