/**
 * Smallest and largest eigenvalue of the symmetric tridiagonal matrix with this diagonal and off-diagonal, by bisection
 * on Sturm counts: to the last bits, for any spectrum.
 */
export function tridiagonalEnds(diagonal: ArrayLike<number>, off: ArrayLike<number>): readonly [number, number] {
  const n = diagonal.length
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < n; i++) {
    const reach = (i > 0 ? Math.abs(off[i - 1]!) : 0) + (i < n - 1 ? Math.abs(off[i]!) : 0)
    low = Math.min(low, diagonal[i]! - reach)
    high = Math.max(high, diagonal[i]! + reach)
  }
  if (!Number.isFinite(low + high)) return [Number.NaN, Number.NaN]
  const tiny = 1e-300 + (Math.abs(low) + Math.abs(high)) * 1e-30
  const below = (x: number): number => {
    let count = 0
    let d = 1
    for (let i = 0; i < n; i++) {
      d = diagonal[i]! - x - (i === 0 ? 0 : off[i - 1]! ** 2 / d)
      if (Math.abs(d) < tiny) d = -tiny
      if (d < 0) count++
    }
    return count
  }
  const find = (least: number): number => {
    let [a, b] = [low, high]
    for (let i = 0; i < 70; i++) {
      const middle = (a + b) / 2
      if (below(middle) >= least) b = middle
      else a = middle
    }
    return (a + b) / 2
  }
  return [find(1), find(n)]
}
