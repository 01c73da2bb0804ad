/* Intervals in float64, rounded outwards: every operation is followed by a step of one unit in the last place. */

/** `[low, high]`. NaN ends mean that nothing is known; every comparison with them fails. */
export type Span = readonly [number, number]

/** At least the next float64 above. */
export const above = (x: number): number => x + Math.abs(x) * 2 ** -52 + 5e-324
/** At most the next float64 below. */
export const below = (x: number): number => x - Math.abs(x) * 2 ** -52 - 5e-324

export const point = (x: number): Span => [x, x]
export const sum = (a: Span, b: Span): Span => [below(a[0] + b[0]), above(a[1] + b[1])]
export const difference = (a: Span, b: Span): Span => [below(a[0] - b[1]), above(a[1] - b[0])]
export function product(a: Span, b: Span): Span {
  const ends = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]]
  return [below(Math.min(...ends)), above(Math.max(...ends))]
}
/** The largest absolute value. */
export const magnitude = (a: Span): number => Math.max(Math.abs(a[0]), Math.abs(a[1]))
/** Strictly inside. */
export const inside = (a: Span, b: Span): boolean => a[0] > b[0] && a[1] < b[1]
/** `f` rising, good to four units in the last place (as `tanh` and `exp` of JavaScript engines are), and `2⁻¹⁰²²`. */
export const rising = (f: (x: number) => number, a: Span): Span => {
  const [low, high] = [f(a[0]), f(a[1])]
  return [low - Math.abs(low) * 2 ** -50 - 2 ** -1022, high + Math.abs(high) * 2 ** -50 + 2 ** -1022]
}
