import { figure } from '../format.ts'
import type { Axis } from '../types.ts'
import { escape } from './escape.ts'
import { depthScale, linearScale, logScale, type Scale } from './scale.ts'

export interface Point {
  readonly x: number
  readonly y: number
  readonly low?: number
  readonly high?: number
}

/** One series. `look` picks colour, dash and marker; `level` draws a horizontal line over the whole width. */
export interface Series {
  readonly label: string
  readonly look: number
  readonly points: readonly Point[]
  readonly level?: boolean
  /** Draws no markers: for curves of many points. */
  readonly plain?: boolean
}

export interface Plot {
  readonly title: string
  readonly x: Axis & { readonly depths?: readonly number[] }
  readonly y: Axis & { readonly fromZero?: boolean }
  readonly series: readonly Series[]
  /** Empty: nothing is said. */
  readonly lookFor: string
  readonly note?: string
  /** Draws the first series last, over the others. */
  readonly firstOnTop?: boolean
}

/** Looks repeat after eight; within eight no two share colour, dash or marker. */
export const LOOKS = 8
const DASHES = ['', '7 4', '2 3', '9 3 2 3', '12 4', '4 2 1 2 1 2', '1 4', '14 3 3 3'] as const

/** A figure: title, legend, the plot at two widths (a page shows the one that fits), and what to look for. */
export function drawPlot(plot: Plot): string {
  const shown = plot.series
    .map((series) => ({ ...series, points: drawable(series.points, plot) }))
    .filter(({ points }) => points.length > 0)
  const lost = plot.series.some(
    (series) => series.points.some(isReal) && drawable(series.points, plot).length < series.points.length,
  )
  const notes = [plot.note, lost ? 'Values that are not positive have no place on a logarithmic axis.' : undefined]
  if (shown.length === 0)
    return `<figure class="plot"><h3>${escape(plot.title)}</h3><p class="empty">Nothing finite to draw.</p></figure>`
  const ready = { ...plot, series: shown }
  return `<figure class="plot">
<h3>${escape(plot.title)}</h3>
<ul class="legend">${shown.map(legendItem).join('')}</ul>
${svg(ready, 600, 360, 'wide')}
${svg(ready, 340, 290, 'narrow')}
${caption(plot.lookFor, notes.filter((n) => n !== undefined).join(' '))}</figure>`
}

const caption = (lookFor: string, notes: string): string => {
  const head = lookFor === '' ? '' : `<b>What to look for:</b> ${escape(lookFor)} `
  return head + notes === '' ? '' : `<figcaption>${(head + escape(notes)).trim()}</figcaption>\n`
}

const isReal = ({ x, y }: Point): boolean => Number.isFinite(x) && Number.isFinite(y)
const drawable = (points: readonly Point[], { x, y }: Plot): Point[] =>
  points.filter((p) => isReal(p) && (y.scale !== 'log' || p.y > 0) && (x.scale !== 'log' || x.depths || p.x > 0))

/** The plot alone. */
function svg(plot: Plot, width: number, height: number, kind: string): string {
  const y = yScale(plot)
  const x = xScale(plot, width)
  const longest = Math.max(...y.ticks.map(({ label }) => [...label].length))
  const box = { left: 34 + 7 * longest, right: width - 14, top: 12, bottom: height - 48 }
  const px = (v: number): number => round(box.left + x.at(v) * (box.right - box.left))
  const py = (v: number): number => round(box.bottom - y.at(v) * (box.bottom - box.top))
  const grid = y.ticks.map(({ value }) => `<path class="grid" d="M${box.left} ${py(value)}H${box.right}"/>`)
  const yLabels = y.ticks.map(
    ({ value, label }) =>
      `<text class="tick" x="${box.left - 6}" y="${py(value) + 4}" text-anchor="end">${escape(label)}</text>`,
  )
  const xLabels = thin(x.ticks, px).map(
    ({ value, label }) =>
      `<path class="axis" d="M${px(value)} ${box.bottom}v4"/><text class="tick" x="${px(value)}" y="${box.bottom + 17}" text-anchor="middle">${escape(label)}</text>`,
  )
  const [xLabel, yLabel] = [axisLabel(plot.x, x.log), axisLabel(plot.y, y.log)]
  // A label wider than its axis is centred on the whole picture instead.
  const xMiddle = 6.6 * [...xLabel].length > box.right - box.left ? width / 2 : (box.left + box.right) / 2
  const yMiddle = 6.6 * [...yLabel].length > box.bottom - box.top ? height / 2 : (box.top + box.bottom) / 2
  const ends = { left: box.left, right: box.right }
  const order = plot.firstOnTop ? plot.series.toReversed() : plot.series
  return `<svg class="${kind}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(spoken(plot))}">
<title>${escape(plot.title)}</title>
${[...grid, ...yLabels, ...xLabels].join('\n')}
<path class="axis" d="M${box.left} ${box.top}V${box.bottom}H${box.right}"/>
<text class="label x-label" x="${xMiddle}" y="${height - 8}" text-anchor="middle"${fit(xLabel, width - 20)}>${escape(xLabel)}</text>
<text class="label y-label" transform="translate(13 ${yMiddle}) rotate(-90)" text-anchor="middle"${fit(yLabel, height - 16)}>${escape(yLabel)}</text>
${order.map((series) => band(series, px, py, plot)).join('')}
${order.map((series) => line(series, px, py, ends)).join('\n')}
</svg>`
}

/** A smaller letter for a label that would not fit; 6.6 is a generous width of one at 12. */
const fit = (label: string, room: number): string => {
  const size = Math.min(12, (12 * room) / (6.6 * [...label].length))
  return size < 12 ? ` style="font-size:${round(size)}px"` : ''
}

const round = (value: number): number => Math.round(value * 10) / 10

export const axisLabel = ({ label, unit }: Axis, log: boolean): string =>
  `${label}${unit === undefined ? '' : ` [${unit}]`}${log ? ' (log scale)' : ''}`

function yScale({ y, series }: Plot): Scale {
  const log = y.scale === 'log'
  const values = series.flatMap(({ points }) =>
    points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]).filter((v) => Number.isFinite(v) && (!log || v > 0)),
  )
  const [low, high] = [Math.min(...values), Math.max(...values)]
  if (log) return logScale(low, high)
  return linearScale(y.fromZero && low > 0 ? 0 : low, high)
}

function xScale({ x, series }: Plot, width: number): Scale {
  if (x.depths) return depthScale(x.depths)
  const values = series.flatMap(({ points, level }) => (level ? [] : points.map((p) => p.x)))
  const [low, high] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)]
  return x.scale === 'log' ? logScale(low, high) : linearScale(low, high, width < 400 ? 5 : 6, true)
}

/** Leaves out labels that would touch; the first and the last stay. */
function thin(ticks: Scale['ticks'], px: (value: number) => number): Scale['ticks'] {
  const reach = (tick: Scale['ticks'][number]): number => 4 * [...tick.label].length + 4
  const last = ticks.at(-1)
  let edge = Number.NEGATIVE_INFINITY
  return ticks.filter((tick) => {
    const fits =
      px(tick.value) - reach(tick) >= edge &&
      (tick === last || last === undefined || px(tick.value) + reach(tick) <= px(last.value) - reach(last))
    if (fits) edge = px(tick.value) + reach(tick)
    return fits
  })
}

function band(series: Series, px: (v: number) => number, py: (v: number) => number, plot: Plot): string {
  const positive = (v: number): boolean => plot.y.scale !== 'log' || v > 0
  const edges = series.points.filter(
    (p) => p.low !== undefined && p.high !== undefined && positive(p.low) && Number.isFinite(p.low + p.high),
  )
  if (series.level) return ''
  if (edges.length < 2)
    return edges
      .map((p) => `<path class="whisker c${series.look % LOOKS}" d="M${px(p.x)} ${py(p.low!)}V${py(p.high!)}"/>`)
      .join('')
  const upper = edges.map((p) => `${px(p.x)} ${py(p.high!)}`)
  const lower = edges.map((p) => `${px(p.x)} ${py(p.low!)}`).reverse()
  return `<path class="band c${series.look % LOOKS}" d="M${[...upper, ...lower].join('L')}Z"/>`
}

function line(
  series: Series,
  px: (v: number) => number,
  py: (v: number) => number,
  ends: { readonly left: number; readonly right: number },
): string {
  const look = series.look % LOOKS
  const points = series.points
  const d = series.level
    ? `M${ends.left} ${py(points[0]!.y)}H${ends.right}`
    : `M${points.map((p) => `${px(p.x)} ${py(p.y)}`).join('L')}`
  const path = `<path class="line c${look}" stroke-dasharray="${DASHES[look]}" d="${d}"/>`
  const marks =
    series.plain || series.level ? '' : points.map((p) => mark(look, px(p.x), py(p.y), tooltip(series, p))).join('')
  return path + marks
}

const tooltip = ({ label }: Series, p: Point): string => {
  const interval = p.low === undefined || p.high === undefined ? '' : ` (${figure(p.low)} to ${figure(p.high)})`
  return `${label}: ${figure(p.y)}${interval} at ${figure(p.x)}`
}

const SHAPES = [
  'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z',
  'M-3.6 -3.6h7.2v7.2h-7.2Z',
  'M0 -4.8L4.6 3.4H-4.6Z',
  'M0 -5L5 0L0 5L-5 0Z',
  'M0 4.8L4.6 -3.4H-4.6Z',
  'M-4 -4L4 4M-4 4L4 -4',
  'M0 -5V5M-5 0H5',
  'M-2 -5h4v3h3v4h-3v3h-4v-3h-3v-4h3Z',
] as const

function mark(look: number, x: number, y: number, title?: string): string {
  const inner = title === undefined ? '' : `<title>${escape(title)}</title>`
  return `<path class="mark c${look}" transform="translate(${x} ${y})" d="${SHAPES[look]}">${inner}</path>`
}

function legendItem({ label, look, level, plain }: Series): string {
  const kind = look % LOOKS
  const swatch = `<svg class="swatch" viewBox="0 0 40 14" width="40" height="14" aria-hidden="true"><path class="line c${kind}" stroke-dasharray="${DASHES[kind]}" d="M1 7H39"/>${level || plain ? '' : mark(kind, 20, 7)}</svg>`
  return `<li>${swatch} ${escape(label)}</li>`
}

/** What a screen reader says instead of the picture: the ends of every series. */
function spoken(plot: Plot): string {
  const ends = plot.series.map(({ label, points, level }) => {
    const [first, last] = [points[0]!, points.at(-1)!]
    return level || points.length === 1
      ? `${label}: ${figure(first.y)}`
      : `${label}: from ${figure(first.y)} at ${figure(first.x)} to ${figure(last.y)} at ${figure(last.x)}`
  })
  return `${plot.title}. ${plot.y.label} against ${plot.x.label}. ${ends.join('; ')}.`
}
