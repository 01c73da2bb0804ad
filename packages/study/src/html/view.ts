import { figure } from '../format.ts'
import type { AnswerSeries, PlainView } from '../types.ts'
import { escape } from './escape.ts'
import { drawPlot } from './plot.ts'
import { pngDataUri } from './png.ts'
import { drawTable } from './table.ts'

/** The answers to one sample, one picture per depth. Fields of one sample share their colours. */
export function drawAnswerSeries({ answers }: AnswerSeries, implicit: boolean): string {
  const fields = answers.flatMap(({ view }) => (view.kind === 'field' ? view.values.filter((v) => v !== null) : []))
  const range = fields.reduce<readonly [number, number]>(
    ([low, high], v) => [Math.min(low, v), Math.max(high, v)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  )
  const pictures = answers.map(({ steps, view }) => drawView(view, implicit ? `t = ${steps}` : 'one pass', range))
  const small = answers.every(({ view }) => view.kind === 'image' || view.kind === 'field')
  return `<div class="answers"${small ? ' style="--cell:170px"' : ''}>\n${pictures.join('\n')}\n</div>`
}

function drawView(view: PlainView, depth: string, range: readonly [number, number]): string {
  const title = view.title === undefined ? depth : `${depth}: ${view.title}`
  switch (view.kind) {
    case 'text':
      return `<figure><h4>${escape(title)}</h4><pre>${escape(view.text)}</pre></figure>`
    case 'table':
      return `<figure>${drawTable({ caption: title, columns: view.columns, rows: view.rows })}</figure>`
    case 'image':
      return picture(title, pngDataUri(view.width, view.height, view.channels, view.values))
    case 'field': {
      const unit = view.unit === undefined ? '' : ` ${view.unit}`
      const caption = Number.isFinite(range[0])
        ? `dark: ${figure(range[0])}${unit}, bright: ${figure(range[1])}${unit}`
        : 'no finite value'
      return picture(title, pngDataUri(view.width, view.height, 3, coloured(view.values, range)), caption)
    }
    case 'series':
      return drawPlot({
        title,
        x: { label: view.xLabel },
        y: { label: view.yLabel },
        series: view.series.map(({ label, values }, look) => ({
          label,
          look,
          points: values.map((y, x) => ({ x, y: y ?? Number.NaN })),
          plain: values.length > 24,
        })),
        lookFor: '', // once, at the head of the section
        firstOnTop: true,
      })
  }
}

const picture = (title: string, source: string, caption?: string): string =>
  `<figure><h4>${escape(title)}</h4><img src="${source}" alt="${escape(title)}"/>${caption === undefined ? '' : `<figcaption>${escape(caption)}</figcaption>`}</figure>`

/* Dark violet to bright yellow with lightness rising throughout: readable in grey and for colour-blind eyes. */
const RAMP = [
  [45, 12, 84],
  [66, 61, 132],
  [45, 112, 142],
  [31, 155, 137],
  [96, 201, 98],
  [252, 231, 60],
] as const

function coloured(values: readonly (number | null)[], [low, high]: readonly [number, number]): Uint8Array {
  const bytes = new Uint8Array(3 * values.length)
  values.forEach((value, i) => {
    if (value === null) return bytes.set([128, 128, 128], 3 * i)
    const at = high > low ? ((value - low) / (high - low)) * (RAMP.length - 1) : 0
    const below = Math.min(Math.floor(at), RAMP.length - 2)
    bytes.set(
      RAMP[below]!.map((c, k) => Math.round(c + (at - below) * (RAMP[below + 1]![k]! - c))),
      3 * i,
    )
  })
  return bytes
}
