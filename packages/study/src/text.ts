import { count, figure, measured, withInterval } from './format.ts'
import type { StudyModel, StudyResult, StudyRow } from './types.ts'

/**
 * The study as plain text for a terminal: one line per model and depth, columns aligned. Columns that do not fit into
 * `width` (default 80) are left out from the right, and a line says which.
 */
export function renderText(study: StudyResult, options: { readonly width?: number } = {}): string {
  const { width = 80 } = options
  const columns = columnsOf(study, Math.max(12, Math.floor(width / 4)))
  const lines = study.models.flatMap((model) => model.rows.map((row) => ({ model, row })))
  const cells = columns.map(({ head, cell }) => [head, ...lines.map(({ model, row }) => cell(model, row))])
  const widths = cells.map((column) => Math.max(...column.map(length)))
  let used = 0
  const shown = widths.filter((w) => (used += w + 2) - 2 <= width).length
  const line = (i: number): string =>
    cells
      .slice(0, shown)
      .map((column, c) => pad(column[i]!, widths[c]!, c === 0))
      .join('  ')
      .trimEnd()
  const missing = columns.slice(shown).map(({ head }) => head)
  const total = widths.slice(0, shown).reduce((sum, w) => sum + w + 2, -2)
  return [
    ...wrap(study.title, width),
    ...wrap(`${count(study.data.samples)} samples; means with ${study.settings.interval}`, width),
    '',
    line(0),
    '─'.repeat(Math.max(total, 1)),
    ...lines.map((_, i) => line(i + 1)),
    ...study.peers.flatMap((p) => wrap(`${p.label}: ${p.metric} ${figure(p.value)} (${p.source})`, width)),
    ...(missing.length === 0 ? [] : wrap(`not shown for lack of width: ${missing.join(', ')}`, width)),
    ...study.notes.flatMap((note) => wrap(`note: ${note}`, width)),
    '',
  ]
    .map((text) => text.replaceAll(/\p{Cc}/gu, ' ')) // names come from elsewhere: no terminal escapes
    .join('\n')
}

interface Column {
  readonly head: string
  cell(model: StudyModel, row: StudyRow): string
}

function columnsOf(study: StudyResult, longest: number): Column[] {
  const any = (test: (row: StudyRow) => boolean): boolean => study.models.some(({ rows }) => rows.some(test))
  const optional = (test: boolean, column: Column): Column[] => (test ? [column] : [])
  const [headline, ...others] = study.metrics.map(({ name, unit }): Column => ({
    head: unit === undefined ? name : `${name} (${unit})`,
    cell: (_, row) => {
      const summary = row.metrics[name]
      return summary === undefined ? '–' : withInterval(summary.mean, summary.low, summary.high)
    },
  }))
  return [
    { head: 'model', cell: ({ name }) => shorten(name, longest) },
    { head: 't', cell: ({ depth }, { steps }) => (depth === 'implicit' ? String(steps) : '–') },
    ...(headline === undefined ? [] : [headline]),
    ...optional(
      any((row) => row.residual !== null),
      { head: 'residual', cell: (_, { residual }) => measured(residual?.p50) },
    ),
    ...optional(
      any((row) => row.lipschitz !== null),
      { head: 'L_t', cell: (_, { lipschitz }) => measured(lipschitz?.value) },
    ),
    { head: 'parameters', cell: ({ parameters }) => count(parameters) },
    ...optional(
      any((row) => row.milliseconds !== null),
      { head: 'ms/sample', cell: (_, { milliseconds }) => measured(milliseconds) },
    ),
    { head: 'evaluations', cell: (_, { evaluations }) => String(evaluations) },
    ...others,
  ]
}

const length = (text: string): number => [...text].length
const shorten = (text: string, most: number): string =>
  length(text) <= most ? text : `${[...text].slice(0, most - 1).join('')}…`
const pad = (text: string, width: number, left: boolean): string => {
  const space = ' '.repeat(width - length(text))
  return left ? text + space : space + text
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last === undefined || length(last) + 1 + length(word) > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
