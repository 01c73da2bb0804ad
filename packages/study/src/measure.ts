import type { Dataset, Model, Task, TensorTree } from '@equilibria/spec'
import { EquilibriaError, leaves, scoped } from '@equilibria/tensor'
import {
  aggregateLipschitz,
  joinSamples,
  meanInterval,
  meanOf,
  perturbationSamples,
  powerSamples,
} from '@equilibria/theory'
import type { LipschitzSamples } from '@equilibria/theory'
import type { LipschitzStudyOptions } from './options.ts'
import { finite, plainView, spread } from './plain.ts'
import type { Pacer } from './progress.ts'
import type { AnswerSeries, LipschitzMethod, LipschitzValue, MetricSummary, PlainView } from './types.ts'

/** What every part of a study needs to know. */
export interface Subject<X extends TensorTree, Y extends TensorTree> {
  readonly name: string
  readonly task: Task<X, Y>
  readonly model: Model<X, Y>
  readonly data: Dataset<X, Y>
  /** Depths; a single one for explicit models. */
  readonly steps: readonly number[]
  readonly batches: readonly (readonly number[])[]
  readonly pace: Pacer
}

export interface Measured {
  /** `metrics[metric][t]` is one value per sample. */
  readonly metrics: readonly (readonly number[][])[]
  /** `residuals[t]`; empty for explicit models. */
  readonly residuals: readonly number[][]
  readonly evaluations: readonly number[]
}

/** Every metric and residual of every sample at every depth, batch by batch. */
export async function measureDepths<X extends TensorTree, Y extends TensorTree>(
  subject: Subject<X, Y>,
): Promise<Measured> {
  const { task, model, data, steps, batches, pace, name } = subject
  const metrics: number[][][] = task.metrics.map(() => steps.map(() => []))
  const residuals: number[][] = steps.map(() => [])
  const evaluations = steps.map(() => 0)
  for (const rows of batches) {
    scoped(() => {
      const { x, y } = data.batch(rows)
      model.trajectory(x, steps).forEach((point, t) => {
        task.metrics.forEach((metric, m) => {
          const values = scoped(() => metric.measure(point.y, y, x))
          if (values.length !== rows.length)
            throw new EquilibriaError(
              'shape',
              `Metric "${metric.name}" of task "${task.name}" gave ${values.length} values for ${rows.length} samples.`,
              'measure() returns one value per sample.',
            )
          metrics[m]![t]!.push(...values)
        })
        residuals[t]!.push(...point.residual)
        evaluations[t] = Math.max(evaluations[t]!, point.evaluations)
      })
    })
    await pace.done(`${name}: error at every depth`, depthWork(subject, rows.length))
  }
  return { metrics, residuals, evaluations }
}

/** Rough cost of one run over all depths, in sample evaluations. */
export const depthWork = (subject: { readonly steps: readonly number[] }, rows: number): number =>
  rows * (1 + (subject.steps.at(-1) ?? 0))

/** Mean with Student's interval, and the spread. */
export function summarise(values: readonly number[], confidence: number): MetricSummary {
  const kept = values.filter(Number.isFinite)
  const { low, high } = meanInterval(kept, confidence)
  return {
    mean: kept.length === 0 ? null : finite(meanOf(kept)),
    low: finite(low),
    high: finite(high),
    ...spread(kept),
    count: kept.length,
    nonFinite: values.length - kept.length,
  }
}

/** `L_t` at every depth, or nothing where there is no perturbation to measure it with. */
export async function measureLipschitz<X extends TensorTree, Y extends TensorTree>(
  subject: Subject<X, Y>,
  options: LipschitzStudyOptions<X, Y>,
  settings: { readonly seed: number; readonly confidence: number },
): Promise<{ readonly method: LipschitzMethod; readonly values: readonly LipschitzValue[] } | undefined> {
  const { task, model, data, steps, batches, pace, name } = subject
  const perturbations = options.perturbations ?? task.perturbations
  const map = options.power?.[name]
  if (map === undefined && perturbations.length === 0) return undefined
  const { radius = 1e-2, repeats = 1, aggregator = 'mean', samples = 200 } = options
  const parts: LipschitzSamples[] = []
  for (const rows of limitTo(batches, samples)) {
    const seed = settings.seed + 15485863 * rows[0]!
    parts.push(
      scoped(() => {
        const { x } = data.batch(rows)
        return map === undefined
          ? perturbationSamples((at: X, depths) => model.trajectory(at, depths), x, {
              steps,
              perturbations,
              radius,
              repeats,
              seed,
            })
          : powerSamples(map, x, { steps, seed })
      }),
    )
    await pace.done(`${name}: L_t`, lipschitzWork(subject, rows.length, perturbations.length * repeats))
  }
  const { detail, statement } = aggregateLipschitz(joinSamples(parts), { aggregator, ...settings })
  return {
    method: {
      method: detail.method,
      aggregator: typeof aggregator === 'string' ? aggregator : `${aggregator.quantile}-quantile`,
      radius: finite(detail.radius),
      samples: detail.samples,
      perturbations: detail.perturbations,
      interval: detail.interval,
      dtype: 'float32',
      statement,
    },
    values: detail.rows.map(({ value, low, high, floor, byPerturbation }) => ({
      value: finite(value),
      low: finite(low),
      high: finite(high),
      floor: finite(floor),
      byPerturbation: Object.fromEntries(Object.entries(byPerturbation).map(([key, one]) => [key, finite(one)])),
    })),
  }
}

export const lipschitzWork = (subject: { readonly steps: readonly number[] }, rows: number, moves: number): number =>
  (1 + moves) * depthWork(subject, rows)

/** The batches that hold the first `count` samples. */
export function limitTo(batches: readonly (readonly number[])[], count: number): number[][] {
  let left = count
  return batches.flatMap((rows) => {
    const kept = rows.slice(0, left)
    left -= kept.length
    return kept.length === 0 ? [] : [kept]
  })
}

/** Milliseconds per sample of one prediction at each depth: the best of three on the first batch, after one to warm up. */
export async function measureTimes<X extends TensorTree, Y extends TensorTree>(
  subject: Subject<X, Y>,
): Promise<readonly (number | null)[]> {
  const { model, data, steps, batches, pace, name } = subject
  const rows = batches[0]!
  const times: (number | null)[] = []
  const once = (t: number): number =>
    scoped(() => {
      const { x } = data.batch(rows)
      const began = performance.now()
      const { y } = model.predict(x, model.depth === 'explicit' ? {} : { steps: t, tolerance: 0 })
      for (const leaf of leaves(y)) leaf.dataSync()
      return performance.now() - began
    })
  for (const t of steps) {
    if (t === 0 && model.depth === 'implicit') times.push(null)
    else {
      if (times.length === 0) once(t)
      let best = once(t)
      for (let i = 0; i < 2 && best < 1000; i++) best = Math.min(best, once(t))
      times.push(finite(best / rows.length))
    }
    await pace.done(`${name}: time at t = ${t}`, timeWork(t, rows.length))
  }
  return times
}

export const timeWork = (t: number, rows: number): number => 3 * rows * (1 + t)

/** The answers to some samples at every depth, as a person looks at them, the label last. */
export async function drawAnswers<X extends TensorTree, Y extends TensorTree>(
  subject: Subject<X, Y>,
  samples: readonly number[],
): Promise<readonly AnswerSeries[]> {
  const { task, model, data, steps, pace, name } = subject
  const drawn: AnswerSeries[] = []
  if (task.view === undefined) return drawn
  const view = task.view.bind(task)
  for (const sample of samples) {
    drawn.push(
      scoped(() => {
        const { x, y } = data.batch([sample])
        const answers = model.trajectory(x, steps).map((point): { steps: number; view: PlainView } => ({
          steps: point.steps,
          view: plainView(view(x, point.y, 0, y)),
        }))
        return { sample, answers }
      }),
    )
    await pace.done(`${name}: answers`, depthWork(subject, 1))
  }
  return drawn
}
