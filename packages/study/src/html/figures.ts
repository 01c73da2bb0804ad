import type { PlotData, StudyMetric, StudyModel, StudyResult, StudyRow } from '../types.ts'
import type { Plot, Point, Series } from './plot.ts'

/** The plots of a study, in the order in which they tell it. */
export function figuresOf(study: StudyResult): Plot[] {
  const [headline] = study.metrics
  return [
    ...study.metrics.map((metric) => metricPlot(study, metric)),
    ...residualPlot(study),
    ...lipschitzPlot(study),
    ...(headline === undefined ? [] : costPlot(study, headline)),
    ...(headline === undefined ? [] : distributionPlot(study, headline)),
  ]
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const depthAxis = (study: StudyResult): Plot['x'] => ({ label: 'steps t', depths: study.settings.steps })
const goal = ({ better }: StudyMetric): string => (better === 'less' ? 'lower is better' : 'higher is better')
const logWhenWide = (values: readonly number[], ratio = 20): 'log' | 'linear' => {
  const kept = values.filter(Number.isFinite)
  return kept.length > 0 && kept.every((v) => v > 0) && Math.max(...kept) > ratio * Math.min(...kept) ? 'log' : 'linear'
}
const number = (value: number | null | undefined): number => value ?? Number.NaN
const point = (x: number, y: number | null | undefined, low?: number | null, high?: number | null): Point => ({
  x,
  y: number(y),
  ...(low === null || low === undefined || high === null || high === undefined ? {} : { low, high }),
})

/** A line over depths for an implicit model, a level for an explicit one. */
const overDepth = (study: StudyResult, pick: (model: StudyModel, row: StudyRow) => Point): Series[] =>
  study.models.map((model, look) => ({
    label: model.depth === 'implicit' ? model.name : `${model.name} (one pass)`,
    look,
    level: model.depth === 'explicit',
    points: model.rows.map((row) => pick(model, row)),
  }))

function metricPlot(study: StudyResult, metric: StudyMetric): Plot {
  const peers = study.peers.filter((peer) => peer.metric === metric.name)
  const series = [
    ...overDepth(study, (_, { steps, metrics }) => {
      const s = metrics[metric.name]
      return point(steps, s?.mean, s?.low, s?.high)
    }),
    ...peers.map((peer, i): Series => ({
      label: `${peer.label} (${peer.source})`,
      look: study.models.length + i,
      level: true,
      points: [{ x: 1, y: peer.value }],
    })),
  ]
  const percent = Number((100 * study.settings.confidence).toPrecision(6))
  return {
    title: `${capital(metric.name)} against steps`,
    x: depthAxis(study),
    y: {
      label: `${metric.name}, mean`,
      ...(metric.unit === undefined ? {} : { unit: metric.unit }),
      scale: logWhenWide(series.flatMap(({ points }) => points.map(({ y }) => y))),
      fromZero: true,
    },
    series,
    lookFor: `Does the implicit model keep improving as t grows (${goal(metric)}), where does it level off, and does it pass the one-pass model? Bands: ${percent} % confidence of the mean.`,
    note: metric.summary,
  }
}

function residualPlot(study: StudyResult): Plot[] {
  const series = study.models.flatMap((model, look): Series[] =>
    model.depth === 'explicit'
      ? []
      : [
          {
            label: `${model.name}, median`,
            look,
            points: model.rows.map(({ steps, residual }) => point(steps, residual?.p50, residual?.p05, residual?.p95)),
          },
        ],
  )
  if (series.every(({ points }) => points.every(({ y }) => !Number.isFinite(y)))) return []
  return [
    {
      title: 'Residual against steps',
      x: depthAxis(study),
      y: { label: 'relative residual', scale: 'log' },
      series,
      lookFor:
        'A straight fall means convergence at a fixed rate; a level stretch means that the iteration does not approach an equilibrium, and the answer depends on when it is stopped. Line: median; band: 5 % to 95 % of samples.',
    },
  ]
}

function lipschitzPlot(study: StudyResult): Plot[] {
  const measured = study.models.filter(({ lipschitz }) => lipschitz !== null)
  const [first] = measured
  if (!first?.lipschitz) return []
  const series = overDepth(study, (_, { steps, lipschitz }) =>
    point(steps, lipschitz?.value, lipschitz?.low, lipschitz?.high),
  )
  const { method, aggregator, radius, samples, perturbations, interval } = first.lipschitz
  const how =
    method === 'power'
      ? 'power iteration on the t-step map'
      : `inputs moved by ${radius} in ${perturbations.join(', ')}`
  return [
    {
      title: 'Sensitivity L_t against steps',
      x: depthAxis(study),
      y: {
        label: `L_t: output change / input change, ${aggregator}`,
        scale: logWhenWide(series.flatMap(({ points }) => points.map(({ y }) => y))),
        fromZero: true,
      },
      series,
      lookFor: `Growth with t: more steps let the same weights express steeper functions. Measured on ${samples} samples, ${how}; interval: ${interval}.`,
    },
  ]
}

function costPlot(study: StudyResult, metric: StudyMetric): Plot[] {
  const timed = study.models.some(({ rows }) => rows.some(({ milliseconds }) => milliseconds !== null))
  const cost = (row: StudyRow): number => (timed ? number(row.milliseconds) : row.evaluations)
  const series = study.models.map((model, look): Series => ({
    label: model.depth === 'implicit' ? `${model.name}, t = ${ends(model)}` : `${model.name} (one pass)`,
    look,
    points: model.rows.map((row) => {
      const s = row.metrics[metric.name]
      return point(cost(row), s?.mean, s?.low, s?.high)
    }),
  }))
  const points = series.flatMap((s) => s.points)
  return [
    {
      title: `${capital(metric.name)} against ${timed ? 'wall time' : 'evaluations'}`,
      x: {
        label: timed ? 'time of a prediction per sample' : 'evaluations of G per sample',
        ...(timed ? { unit: 'ms' } : {}),
        scale: logWhenWide(
          points.map(({ x }) => x),
          8,
        ),
      },
      y: {
        label: `${metric.name}, mean`,
        ...(metric.unit === undefined ? {} : { unit: metric.unit }),
        scale: logWhenWide(points.map(({ y }) => y)),
        fromZero: true,
      },
      series,
      lookFor: `What a better answer costs: at the same ${timed ? 'time' : 'number of evaluations'}, the better model is the ${metric.better === 'less' ? 'lower' : 'higher'} one.${timed ? ` Times are per sample in batches of ${Math.min(study.settings.batchSize, study.data.samples)} on the ${study.provenance.backend} backend.` : ''}`,
    },
  ]
}

const ends = ({ rows }: StudyModel): string =>
  rows.length < 2 ? `${rows[0]?.steps ?? '–'}` : `${rows[0]!.steps} … ${rows.at(-1)!.steps}`

function distributionPlot(study: StudyResult, metric: StudyMetric): Plot[] {
  const series = study.models.map((model, look): Series => {
    const values = model.perSample.filter((v) => v !== null).sort((a, b) => a - b)
    const n = Math.min(values.length, 101)
    return {
      label: model.depth === 'implicit' ? `${model.name}, t = ${model.rows.at(-1)?.steps ?? '–'}` : model.name,
      look,
      plain: true,
      points: Array.from({ length: n }, (_, i) => {
        const at = n === 1 ? 0 : Math.round((i * (values.length - 1)) / (n - 1))
        return { x: n === 1 ? 100 : (100 * at) / (values.length - 1), y: values[at]! }
      }),
    }
  })
  return [
    {
      title: `${capital(metric.name)} over samples`,
      x: { label: 'share of samples below this value', unit: '%' },
      y: {
        label: metric.name,
        ...(metric.unit === undefined ? {} : { unit: metric.unit }),
        scale: logWhenWide(series.flatMap(({ points }) => points.map(({ y }) => y))),
        fromZero: true,
      },
      series,
      lookFor: `A mean can hide its samples. A flat curve means that all are alike; a steep right end means that a few hard samples make the mean (${goal(metric)}).`,
    },
  ]
}

/** A domain's plot. */
export const sectionPlot = ({ title, x, y, series, lookFor }: PlotData): Plot => ({
  title,
  x,
  y,
  lookFor,
  series: series.map(({ label, points }, look) => ({
    label,
    look,
    plain: points.length > 60,
    points: points.map(([px, py, low, high]) => point(px, py, low, high)),
  })),
})

/** The training curves of all models that have one. */
export function trainingPlot(study: StudyResult): Plot[] {
  const trained = study.models.filter(({ training }) => training !== null)
  if (trained.length === 0) return []
  const series = trained.flatMap(({ name, training }) =>
    training!.series.map(({ label, points }) => ({
      label: `${name}: ${label}`,
      points: points.map(([x, y]) => ({ x, y })),
      plain: points.length > 40,
    })),
  )
  return [
    {
      title: 'Training curves',
      x: { label: trained[0]!.training!.unit },
      y: {
        label: trained[0]!.training!.yLabel ?? 'value',
        scale: logWhenWide(
          series.flatMap(({ points }) => points.map(({ y }) => y)),
          8,
        ),
      },
      series: series.map((s, look) => ({ ...s, look })),
      lookFor:
        'Curves that still improve at their end would gain from longer training; a validation curve that turns back means overfitting.',
    },
  ]
}
