import * as tf from '@tensorflow/tfjs-core'
import type { Model, TensorTree } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import {
  depthWork,
  drawAnswers,
  limitTo,
  lipschitzWork,
  measureDepths,
  measureLipschitz,
  measureTimes,
  type Subject,
  summarise,
  timeWork,
} from './measure.ts'
import type { LipschitzStudyOptions, StudyOptions } from './options.ts'
import { finite, spread } from './plain.ts'
import { pacer } from './progress.ts'
import type { StudyModel, StudyResult, StudyRow } from './types.ts'

/**
 * A test-time scaling study: every model over every depth `t`, on every sample.
 *
 * Per depth: each metric's mean with Student's interval and its quantiles, quantiles of the relative residual, `L_t` with
 * its method, aggregator and bootstrap interval, evaluations per sample, and the wall time of one prediction. Explicit
 * models have one row. Works batch by batch, so that memory does not grow with the data; gives way to the event loop
 * between batches. Deterministic in `seed` and `batchSize`, wall times and `created` excepted.
 *
 * Cost per implicit model and sample: `T` steps for the metrics, `(1 + perturbations · repeats) T` for `L_t` on at most
 * `lipschitz.samples` samples, `3 Σ t` for the times on one batch; `T` is the largest depth.
 *
 * Not for ranking models that were trained on different data: it reports what it is given. `L_t` here bounds the true
 * constant from below; see `lipschitzCurve`.
 *
 * @throws EquilibriaError on illegal options, an empty data set, or a metric that does not give one value per sample.
 * @cite liu2026
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import type { Model, Task } from '@equilibria/spec'
 * import { renderText, runStudy } from '@equilibria/study'
 *
 * // y = 1/x by t steps of y ← y − (xy − 1)/2: a model without weights, to keep the example short.
 * const shared = { kind: 'model', spec: 1, variables: {}, parameterCount: 0, manifest: {}, dispose: () => {} } as const
 * const after = (x: tf.Tensor2D, t: number): tf.Tensor2D =>
 *   tf.tidy(() => tf.div(tf.sub(1, tf.pow(tf.sub(1, tf.mul(x, 0.5)), t)), x))
 * const model: Model<tf.Tensor2D, tf.Tensor2D> = {
 *   ...shared,
 *   name: 'reciprocal',
 *   depth: 'implicit',
 *   predict: (x, compute) => ({ y: after(x, compute?.steps ?? 8) }),
 *   trajectory: (x, steps) =>
 *     steps.map((t) => ({ steps: t, y: after(x, t), residual: new Float32Array(), evaluations: t })),
 * }
 * const data = {
 *   size: 4,
 *   batch: (rows: readonly number[]) => ({
 *     x: tf.tensor2d(rows.map((i) => [(i + 1) / 4])),
 *     y: tf.tensor2d(rows.map((i) => [4 / (i + 1)])),
 *   }),
 * }
 * const task: Task<tf.Tensor2D, tf.Tensor2D> = {
 *   kind: 'task',
 *   spec: 1,
 *   name: 'reciprocal',
 *   summary: 'Learn 1/x.',
 *   data: async () => ({ train: data, validation: data, test: data, source: 'formula' }),
 *   models: { implicit: () => model },
 *   loss: (prediction, target) => tf.losses.meanSquaredError(target, prediction),
 *   metrics: [
 *     {
 *       name: 'error',
 *       summary: '|ŷ − y|.',
 *       better: 'less',
 *       measure: (a, b) => tf.tidy(() => tf.reshape(tf.abs(tf.sub(a, b)), [-1]).dataSync() as Float32Array),
 *     },
 *   ],
 *   perturbations: [],
 * }
 * const study = await runStudy({ task, models: { implicit: model }, data, steps: [1, 4, 16] })
 * console.log(renderText(study))
 * ```
 */
export async function runStudy<X extends TensorTree, Y extends TensorTree>(
  options: StudyOptions<X, Y>,
): Promise<StudyResult> {
  const settings = check(options)
  const { task, data } = options
  const { steps, batches, seed, confidence, views, lipschitz } = settings
  const entries = Object.entries(options.models)
  const depthsOf = (model: Model<X, Y>): readonly number[] => (model.depth === 'implicit' ? steps : steps.slice(-1))
  const pace = pacer(
    entries.reduce((sum, [, model]) => sum + work(depthsOf(model), options, settings), 0),
    options,
  )
  const models: StudyModel[] = []
  const notes: string[] = []
  for (const [name, model] of entries) {
    const subject: Subject<X, Y> = { name, task, model, data, steps: depthsOf(model), batches, pace }
    const measured = await measureDepths(subject)
    const curve = lipschitz === false ? undefined : await measureLipschitz(subject, lipschitz, { seed, confidence })
    const times = options.timing === false ? undefined : await measureTimes(subject)
    const rows = subject.steps.map((t, i): StudyRow => ({
      steps: model.depth === 'implicit' ? t : 0,
      metrics: Object.fromEntries(
        task.metrics.map((metric, m) => [metric.name, summarise(measured.metrics[m]![i]!, confidence)]),
      ),
      residual: measured.residuals[i]!.length === 0 ? null : spread(measured.residuals[i]!),
      lipschitz: curve?.values[i] ?? null,
      evaluations: measured.evaluations[i]!,
      milliseconds: times?.[i] ?? null,
    }))
    notes.push(...troubles(name, rows))
    models.push({
      name,
      depth: model.depth,
      parameters: model.parameterCount,
      rows,
      lipschitz: curve?.method ?? null,
      perSample: (measured.metrics[0]?.at(-1) ?? []).map(finite),
      answers: await drawAnswers(subject, views),
      training: options.training?.[name] ?? null,
    })
  }
  const samples = batches.reduce((sum, rows) => sum + rows.length, 0)
  return {
    schema: 'equilibria-study/1',
    title: options.title ?? `Test-time scaling of ${task.name}`,
    summary: describe(options, steps, samples),
    task: { name: task.name, summary: task.summary },
    data: { source: options.source ?? 'not stated', samples },
    metrics: task.metrics.map(({ name, summary, better, unit }) => ({
      name,
      summary,
      better,
      ...(unit === undefined ? {} : { unit }),
    })),
    models,
    peers: options.peers ?? [],
    sections: options.sections ?? [],
    settings: {
      steps,
      seed,
      confidence,
      interval: `${Number((100 * confidence).toPrecision(6))} % Student's t over samples`,
      batchSize: settings.batchSize,
    },
    provenance: {
      created: options.created === undefined ? new Date().toISOString() : options.created,
      backend: tf.getBackend(),
      versions: { '@tensorflow/tfjs-core': tf.version_core, ...options.versions },
      options: options.record ?? {},
    },
    notes,
  }
}

interface Settings<X extends TensorTree, Y extends TensorTree> {
  readonly steps: readonly number[]
  readonly batches: readonly (readonly number[])[]
  readonly batchSize: number
  readonly seed: number
  readonly confidence: number
  readonly views: readonly number[]
  readonly lipschitz: false | LipschitzStudyOptions<X, Y>
}

function check<X extends TensorTree, Y extends TensorTree>(options: StudyOptions<X, Y>): Settings<X, Y> {
  const { task, data, steps = [1, 2, 4, 8, 16, 32], batchSize = 250, seed = 0, confidence = 0.95 } = options
  const fail = (seen: string, hint: string): never => {
    throw new EquilibriaError('option', `Study of "${task.name}": ${seen}`, hint)
  }
  if (steps.length === 0 || steps.some((t, i) => !Number.isInteger(t) || t < 0 || (i > 0 && t <= steps[i - 1]!)))
    fail(`steps is [${steps.join(', ')}].`, 'Pass increasing whole numbers ≥ 0, such as [1, 2, 4, 8].')
  if (!Number.isInteger(batchSize) || batchSize < 1) fail(`batchSize is ${batchSize}.`, 'Pass a whole number ≥ 1.')
  if (!(confidence > 0 && confidence < 1)) fail(`confidence is ${confidence}.`, 'Pass a number between 0 and 1: 0.95.')
  if (!Number.isInteger(seed)) fail(`seed is ${seed}.`, 'Pass a whole number.')
  if (Object.keys(options.models).length === 0) fail('no model was given.', 'Pass at least one trained model.')
  if (task.metrics.length === 0) fail('the task has no metric.', 'Give the task one: the first is the headline.')
  const names = task.metrics.map(({ name }) => name)
  for (const { metric, label } of options.peers ?? [])
    if (!names.includes(metric)) fail(`peer "${label}" names the metric "${metric}".`, `Legal: ${names.join(', ')}.`)
  const samples = Math.min(options.samples ?? data.size, data.size)
  if (!Number.isInteger(samples) || samples < 1)
    fail(
      `${samples} samples (data.size is ${data.size}, samples is ${options.samples ?? 'not given'}).`,
      'Pass a data set with at least one sample, and samples ≥ 1.',
    )
  const batches = Array.from({ length: Math.ceil(samples / batchSize) }, (_, b) =>
    Array.from({ length: Math.min(batchSize, samples - b * batchSize) }, (_, i) => b * batchSize + i),
  )
  const views = (options.views ?? [0, 1]).filter((sample) => options.views !== undefined || sample < samples)
  for (const sample of views)
    if (!Number.isInteger(sample) || sample < 0 || sample >= data.size)
      fail(`views asks for sample ${sample}.`, `Legal: 0 to ${data.size - 1}.`)
  return { steps, batches, batchSize, seed, confidence, views, lipschitz: options.lipschitz ?? {} }
}

/* In sample evaluations, for the expected time left only. */
function work<X extends TensorTree, Y extends TensorTree>(
  steps: readonly number[],
  { task, timing }: StudyOptions<X, Y>,
  { batches, lipschitz, views }: Settings<X, Y>,
): number {
  const sum = (groups: readonly (readonly number[])[], of: (rows: number) => number): number =>
    groups.reduce((total, rows) => total + of(rows.length), 0)
  const moves =
    lipschitz === false ? 0 : (lipschitz.perturbations ?? task.perturbations).length * (lipschitz.repeats ?? 1)
  return (
    sum(batches, (rows) => depthWork({ steps }, rows)) +
    (moves === 0 || lipschitz === false
      ? 0
      : sum(limitTo(batches, lipschitz.samples ?? 200), (rows) => lipschitzWork({ steps }, rows, moves))) +
    (timing === false ? 0 : steps.reduce((total, t) => total + timeWork(t, batches[0]!.length), 0)) +
    (task.view === undefined ? 0 : views.length * depthWork({ steps }, 1))
  )
}

function troubles(name: string, rows: readonly StudyRow[]): string[] {
  return rows.flatMap((row) =>
    Object.entries(row.metrics)
      .filter(([, summary]) => summary.nonFinite > 0)
      .map(
        ([metric, { nonFinite, count }]) =>
          `${name}, t = ${row.steps}: ${metric} was not finite for ${nonFinite} of ${nonFinite + count} samples, which are left out of its figures.`,
      ),
  )
}

function describe<X extends TensorTree, Y extends TensorTree>(
  { models, task }: StudyOptions<X, Y>,
  steps: readonly number[],
  samples: number,
): string {
  const names = (depth: Model['depth']): string =>
    Object.entries(models)
      .filter(([, model]) => model.depth === depth)
      .map(([name]) => `“${name}”`)
      .join(', ')
  const [implicit, explicit] = [names('implicit'), names('explicit')]
  const range = steps.length === 1 ? `${steps[0]}` : `${steps[0]} to ${steps.at(-1)}`
  const first = implicit
    ? `An implicit model solves for its answer step by step, so one trained model can be run for any number of steps t: here ${implicit} on ${samples} samples of ${task.name}, for t = ${range}.`
    : `Models of fixed depth on ${samples} samples of ${task.name}.`
  const second = explicit
    ? `The comparison is with ${explicit}, which answers in one pass and cannot use more steps.`
    : 'Every figure is a mean over the same samples, with its confidence interval.'
  return `${first} ${second}`
}
