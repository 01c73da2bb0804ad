import { count, figure, measured, withInterval } from '../format.ts'
import type { StudyModel, StudyResult, StudySection, TableData } from '../types.ts'
import { escape } from './escape.ts'
import { figuresOf, sectionPlot, trainingPlot } from './figures.ts'
import { drawPlot } from './plot.ts'
import { STYLE } from './style.ts'
import { drawTable } from './table.ts'
import { drawAnswerSeries } from './view.ts'

/**
 * The study as one self-contained HTML page: no script, no request (its own policy forbids them), light and dark, from
 * 360 px to paper. A pure function of its argument; runs in browsers.
 */
export function renderHtml(study: StudyResult): string {
  const parts = [
    `<h1>${escape(study.title)}</h1>`,
    `<p>${escape(study.summary)}</p>`,
    `<p class="soft">${escape(study.task.summary)} Data: ${escape(study.data.source)}.</p>`,
    cards(study),
    ...(study.notes.length === 0
      ? []
      : [`<div class="notes">${study.notes.map((note) => `<p>${escape(note)}</p>`).join('')}</div>`]),
    section('What the steps bring', `<div class="plots">${figuresOf(study).map(drawPlot).join('\n')}</div>`),
    section(
      'All figures',
      [
        overview(study),
        ...elsewhere(study),
        ...study.models.flatMap((m) => [drawTable(depthTable(study, m)), ...perturbationTable(m)]),
      ].join('\n'),
    ),
    ...study.sections.map(extra),
    ...answers(study),
    ...trainingPlot(study).map((plot) => section('Training', drawPlot(plot))),
    section('How this was measured', provenance(study)),
  ]
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
<title>${escape(study.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${parts.join('\n')}
</main>
</body>
</html>
`
}

const section = (title: string, body: string): string => `<section>\n<h2>${escape(title)}</h2>\n${body}\n</section>`

function cards(study: StudyResult): string {
  const [headline] = study.metrics
  if (headline === undefined) return ''
  const unit = headline.unit === undefined ? '' : ` ${headline.unit}`
  const item = (big: string, small: string): string => `<li><b>${escape(big)}</b><span>${escape(small)}</span></li>`
  const items = study.models.flatMap((model) => {
    const [first, last] = [model.rows[0], model.rows.at(-1)]
    const [start, end] = [first?.metrics[headline.name], last?.metrics[headline.name]]
    if (first === undefined || last === undefined || start === undefined || end === undefined) return []
    const size = `${count(model.parameters)} parameters`
    if (model.depth === 'explicit' || first === last)
      return [item(`${withInterval(end.mean, end.low, end.high)}${unit}`, `${headline.name} of ${model.name}, ${size}`)]
    const [before, after] = [first.lipschitz?.value, last.lipschitz?.value]
    return [
      item(
        `${measured(start.mean)} → ${measured(end.mean)}${unit}`,
        `${headline.name} of ${model.name} from t = ${first.steps} to t = ${last.steps}, ${size}`,
      ),
      ...(typeof before !== 'number' || typeof after !== 'number'
        ? []
        : [item(`${measured(before)} → ${measured(after)}`, `sensitivity L_t of ${model.name} over the same steps`)]),
    ]
  })
  return `<ul class="cards">${items.join('\n')}</ul>`
}

function overview(study: StudyResult): string {
  const [headline] = study.metrics
  if (headline === undefined) return ''
  const { steps } = study.settings
  const rows = study.models.map((model) => [
    model.name,
    count(model.parameters),
    model.training?.seconds === undefined ? '–' : `${figure(model.training.seconds)} s`,
    ...steps.map((t) => {
      const row = model.depth === 'explicit' ? model.rows[0] : model.rows.find((r) => r.steps === t)
      return measured(row?.metrics[headline.name]?.mean)
    }),
  ])
  return drawTable({
    caption: `${headline.name} by number of steps (one-pass models: the same everywhere)`,
    columns: ['model', 'parameters', 'training', ...steps.map((t) => `t = ${t}`)],
    rows,
  })
}

const elsewhere = ({ peers }: StudyResult): string[] =>
  peers.length === 0
    ? []
    : [
        drawTable({
          caption: 'Figures from elsewhere',
          columns: ['what', 'metric', 'value', 'source'],
          rows: peers.map(({ label, metric, value, source }) => [label, metric, value, source]),
        }),
      ]

function depthTable(study: StudyResult, model: StudyModel): TableData {
  const unit = (name: string, of: string | undefined): string => (of === undefined ? name : `${name} [${of}]`)
  return {
    caption: `${model.name}: every depth (± half the interval, ${study.settings.interval})`,
    columns: [
      't',
      ...study.metrics.flatMap((m, i) => [unit(m.name, m.unit), ...(i === 0 ? ['median', '95 %'] : [])]),
      'residual median',
      'residual 95 %',
      'L_t',
      'L_t interval',
      'evaluations',
      'ms/sample',
    ],
    rows: model.rows.map((row) => [
      model.depth === 'implicit' ? String(row.steps) : 'one pass',
      ...study.metrics.flatMap((m, i) => {
        const s = row.metrics[m.name]
        const mean = s === undefined ? '–' : withInterval(s.mean, s.low, s.high)
        return i === 0 ? [mean, measured(s?.p50), measured(s?.p95)] : [mean]
      }),
      measured(row.residual?.p50),
      measured(row.residual?.p95),
      measured(row.lipschitz?.value),
      typeof row.lipschitz?.low !== 'number'
        ? '–'
        : `${measured(row.lipschitz.low)} to ${row.lipschitz.high === null ? 'unknown' : measured(row.lipschitz.high)}`,
      figure(row.evaluations),
      measured(row.milliseconds),
    ]),
  }
}

/** Which part of the input the answer is most sensitive to, where several were moved. */
function perturbationTable({ name, depth, rows, lipschitz }: StudyModel): string[] {
  const moved = lipschitz?.perturbations ?? []
  if (moved.length < 2) return []
  return [
    drawTable({
      caption: `${name}: L_t by the part of the input that was moved`,
      columns: ['t', ...moved],
      rows: rows.map((row) => [
        depth === 'implicit' ? String(row.steps) : 'one pass',
        ...moved.map((part) => measured(row.lipschitz?.byPerturbation[part])),
      ]),
    }),
  ]
}

function extra({ title, text = [], table, plot }: StudySection): string {
  return section(
    title,
    [
      ...text.map((paragraph) => `<p>${escape(paragraph)}</p>`),
      ...(plot === undefined ? [] : [drawPlot(sectionPlot(plot))]),
      ...(table === undefined ? [] : [drawTable(table)]),
    ].join('\n'),
  )
}

function answers(study: StudyResult): string[] {
  const drawn = study.models.flatMap((model) =>
    model.answers.map(
      (series) =>
        `<h3>${escape(`${model.name}, sample ${series.sample}`)}</h3>\n${drawAnswerSeries(series, model.depth === 'implicit')}`,
    ),
  )
  if (drawn.length === 0) return []
  return [
    section(
      'Answers at increasing depth',
      `<p class="soft">The same samples at every depth, as a person would look at them. What to look for: how far the answer is from the label where one is drawn, when it settles, and what the late steps still change.</p>\n${drawn.join('\n')}`,
    ),
  ]
}

function provenance(study: StudyResult): string {
  const { provenance: from, settings } = study
  const entries: (readonly [string, string])[] = [
    ['metrics', study.metrics.map(({ name, summary }) => `${name}: ${summary}`).join(' ')],
    ['interval of means', settings.interval],
    ...study.models.flatMap(({ name, lipschitz }) =>
      lipschitz === null
        ? []
        : [[`L_t of ${name}`, `${lipschitz.statement} Interval: ${lipschitz.interval}; ${lipschitz.dtype}.`] as const],
    ),
    ['data', `${study.data.source} (${count(study.data.samples)} samples)`],
    ['seed', String(settings.seed)],
    ['batch size', String(settings.batchSize)],
    ['backend', from.backend],
    ...Object.entries(from.versions),
    ...Object.entries(from.options).map(([key, value]) => [key, String(value)] as const),
    ...(from.created === null ? [] : [['created', from.created] as const]),
    ['schema', study.schema],
  ]
  return `<dl>${entries.map(([key, value]) => `<dt>${escape(key)}</dt><dd>${escape(value)}</dd>`).join('\n')}</dl>`
}
