/** The largest value; `NaN` when there is one, wherever it stands; `least` for an empty list. */
export function largest(values: Iterable<number>, least: number = Number.NEGATIVE_INFINITY): number {
  let top = least
  for (const v of values) {
    if (Number.isNaN(v)) return v
    if (v > top) top = v
  }
  return top
}
