/** Ascending, finite values only. */
export const sorted = (values: Iterable<number>): Float64Array =>
  Float64Array.from([...values].filter(Number.isFinite)).sort()

/**
 * Quantile of ascending values, linear between order statistics (the definition R calls type 7). `NaN` for no values.
 */
export function quantile(ascending: ArrayLike<number>, q: number): number {
  if (ascending.length === 0) return Number.NaN
  const at = q * (ascending.length - 1)
  const below = Math.floor(at)
  const low = ascending[below]!
  return low + (at - below) * (ascending[Math.min(below + 1, ascending.length - 1)]! - low)
}
