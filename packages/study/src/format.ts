/** A figure as people read it: four digits at most, scientific outside 10⁻³ … 10⁵; a dash for nothing. */
export function figure(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(Math.max(digits - 2, 0))
  return String(Number(value.toPrecision(digits)))
}

/** Whole numbers in groups of three, by thin spaces. */
export const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, '\u202f')

/** The same with its trailing zeros, for columns: `0.150` under `0.283`. */
export function measured(value: number | null | undefined): string {
  const text = figure(value)
  if (value === null || value === undefined || text === '–' || text.includes('e') || value === 0) return text
  return Math.abs(value) < 1000 ? value.toPrecision(3) : text
}

/** A mean with half the width of its interval, to two digits of that and three of the mean: `0.2180 ± 0.0091`. */
export function withInterval(mean: number | null, low: number | null, high: number | null): string {
  if (mean === null || low === null || high === null) return measured(mean)
  const half = (high - low) / 2
  const places = (value: number, digits: number): number => digits - 1 - Math.floor(Math.log10(Math.abs(value)))
  const decimals = half > 0 && mean !== 0 ? Math.max(places(half, 2), places(mean, 3)) : -1
  if (decimals < 0 || decimals > 6) return `${figure(mean)} ± ${figure(half, 2)}`
  return `${mean.toFixed(decimals)} ± ${half.toFixed(decimals)}`
}
