import type { View } from '@equilibria/spec'
import { quantile, sorted } from '@equilibria/theory'
import type { PlainView, Spread } from './types.ts'

/** JSON has no NaN and no Infinity: `null` instead. Seven digits, which is all that float32 holds. */
export const finite = (value: number | null | undefined): number | null =>
  value === null || value === undefined || !Number.isFinite(value) ? null : Number(value.toPrecision(7)) + 0 // JSON has no −0 either

/** Quantiles of the finite values. */
export function spread(values: Iterable<number>): Spread {
  const ascending = sorted(values)
  const at = (q: number): number | null => finite(quantile(ascending, q))
  return { p05: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95), max: at(1) }
}

/** A view without typed arrays: images as bytes, fields and series to four digits. */
export function plainView(view: View): PlainView {
  if (view.kind === 'text') return view
  if (view.kind === 'table') return { ...view, rows: view.rows.map((row) => row.map(plainCell)) }
  if (view.kind === 'image')
    return { ...view, values: Array.from(view.values, (v) => Math.round(255 * Math.min(1, Math.max(0, v || 0)))) }
  if (view.kind === 'field') return { ...view, values: Array.from(view.values, short) }
  return { ...view, series: view.series.map(({ label, values }) => ({ label, values: values.map(short) })) }
}

const short = (value: number): number | null => (Number.isFinite(value) ? Number(value.toPrecision(4)) + 0 : null)
const plainCell = (cell: string | number): string | number | null => (typeof cell === 'string' ? cell : finite(cell))
