/** A figure as people read it: four digits at most, scientific outside 10⁻³ … 10⁵; a dash for nothing. */
export function figure(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(Math.max(digits - 2, 0))
  return String(Number(value.toPrecision(digits)))
}

/** Whole numbers in groups of three, by thin spaces. */
export const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f')

/** A mean with half the width of its interval: `0.218 ± 0.009`. */
export function withInterval(mean: number | null, low: number | null, high: number | null): string {
  if (mean === null || low === null || high === null) return figure(mean)
  return `${figure(mean)} ± ${figure((high - low) / 2, 2)}`
}
