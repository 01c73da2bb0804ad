import { join, resolve } from 'node:path'
import { EquilibriaError } from '@equilibria/core'
import type { AnyTask, Model, Preset } from '@equilibria/spec'
import { renderText, runStudy, type StudyResult, type TrainingCurve } from '@equilibria/study'
import { writeStudy } from '@equilibria/study/node'
import { startBackend } from '../backend.ts'
import { choice, defineCommand, depths, flag, text, whole, WIDEST } from '../command.ts'
import { dataFolder } from '../data-folder.ts'
import { headline } from '../evaluate.ts'
import { effort, fitModel } from '../fit-model.ts'
import { interruptible, isAbort } from '../interrupt.ts'
import { liveLine } from '../live-line.ts'
import { checkFolder } from '../output.ts'
import { findTask } from '../plugins.ts'
import { bold, print, say, width } from '../terminal.ts'

/** For a task that recommends nothing: its implicit and explicit models at their defaults. */
const plain = (task: AnyTask): Preset => ({
  summary: 'Every model of the task at its defaults, 20 epochs.',
  models: Object.keys(task.models).map((model) => ({
    label: model,
    model,
    options: {},
    training: { epochs: 20, batchSize: 50, learningRate: 3e-3, schedule: 'cosine' },
  })),
  steps: [1, 2, 4, 8, 16, 32],
})

/** `equilibria study TASK`: the paper's central figure, for any task. */
export const study = defineCommand({
  name: 'study',
  summary: 'Train the models of a task and show how quality grows with test-time iterations.',
  positionals: [{ name: 'TASK', summary: 'lp, or the task of a plugin' }],
  options: {
    preset: text('Which recommended study. Default quick.', 'NAME'),
    steps: depths("Depths t to look at. Default: the preset's."),
    epochs: whole("Passes over the training data, instead of the preset's.", 'N', 1),
    width: whole("Width of the embedding, instead of the preset's.", 'N', 1, WIDEST),
    limit: whole('At most so many training samples.', 'N', 1),
    seed: whole('Seed of weights, data order and data. Default 0.', 'N'),
    out: text('Folder for study.html, study.json and checkpoints. Default runs/TASK.', 'DIR'),
    resume: flag('Go on from the checkpoints in --out'),
    data: text(
      'Folder of the data pack. Default: EQUILIBRIA_DATA, ../shared/data, else what ships with the task.',
      'DIR',
    ),
    plugin: text('Load this plugin first, for its tasks.', 'MODULE'),
    backend: choice('tfjs backend. Default wasm.', ['wasm', 'cpu']),
    json: flag('The study as JSON on stdout instead of the table'),
  },
  details:
    'Prints, per model, parameters, training and test error, and the test error after t steps; writes a report\nthat opens in any browser, without a network.',
  examples: [
    'equilibria study lp',
    'equilibria study lp --width 8 --epochs 100 --out runs/wide',
    "equilibria study lp --json | jq '.models[].rows'",
    'equilibria study my-task --plugin ./my-plugin.js',
  ],
  async run([name], o) {
    await startBackend(o.backend ?? 'wasm')
    const task = await findTask(name!, o.plugin)
    const presetName = o.preset ?? 'quick'
    const preset =
      (task.presets && Object.hasOwn(task.presets, presetName) ? task.presets[presetName] : undefined) ??
      (o.preset === undefined ? plain(task) : undefined)
    if (!preset)
      throw new EquilibriaError(
        'option',
        `Task "${task.name}" has no preset "${presetName}".`,
        `Presets: ${Object.keys(task.presets ?? {}).join(', ') || 'none; leave --preset out'}.`,
      )
    const out = resolve(o.out ?? join('runs', name!.replaceAll('/', '-')))
    const seed = o.seed ?? 0
    await checkFolder('out', out)
    const folder = dataFolder(o.data)
    const limit = { ...preset.limit, ...(o.limit === undefined ? {} : { train: o.limit }) }
    const splits = await task.data({ seed, limit, ...(folder === undefined ? {} : { folder }) })
    say(bold(`Study: ${task.name}`, process.stderr))
    const changed = (['epochs', 'width', 'limit', 'steps'] as const).flatMap((n) =>
      o[n] === undefined ? [] : [`--${n} ${String(o[n])}`],
    )
    say(
      `Preset ${presetName}${changed.length === 0 ? '' : `, changed by ${changed.join(' ')}; unchanged it is`}: ${preset.summary}\nData: ${splits.source}; ${splits.train.size} to train, ${splits.test.size} to test.`,
    )

    return await interruptible(async (signal) => {
      const line = liveLine()
      const models: Record<string, Model> = {}
      try {
        let failed = false
        const training: Record<string, TrainingCurve> = {}
        const trainError: Record<string, number> = {}
        for (const m of preset.models) {
          const make = task.models[m.model]
          if (!make)
            throw new EquilibriaError(
              'option',
              `Preset "${presetName}" names a model "${m.model}".`,
              `Models of "${task.name}": ${Object.keys(task.models).join(', ')}.`,
            )
          const model = (models[m.label] = make({
            ...m.options,
            seed,
            ...(o.width === undefined ? {} : { width: o.width }),
          }))
          const { steps: _, ...byEpochs } = m.training
          const settings = o.epochs === undefined ? m.training : { ...byEpochs, epochs: o.epochs }
          say(`${m.label}: ${effort(model, settings, splits.train.size)}`)
          const result = await fitModel({
            label: m.label,
            task,
            model,
            splits,
            settings,
            seed,
            signal,
            checkpoint: join(out, `${m.label}.safetensors`),
            resume: o.resume,
          })
          if (result.status === 'aborted') return stopped(out)
          failed ||= result.status === 'non-finite'
          training[m.label] = {
            unit: 'updates',
            yLabel: task.metrics[0]!.name,
            series: [
              {
                label: 'validation',
                points: result.history.validations.map(
                  (v) => [v.step, v.metrics[task.metrics[0]!.name] ?? v.loss] as const,
                ),
              },
            ],
            seconds: result.elapsedMs / 1000,
          }
          line.update(`measuring ${m.label}: error on the training data`)
          trainError[m.label] = await headline(task, model, splits.train, { limit: 500, signal })
          line.end()
        }
        if (task.sections) line.update(`measuring what ${task.name} adds to the report: some seconds`)
        const sections = await task.sections?.(models, splits.test, { seed, signal })
        line.end()
        const result = await runStudy({
          task,
          models,
          data: splits.test,
          source: splits.source,
          steps: o.steps ?? preset.steps,
          seed,
          training,
          peers: (preset.references ?? []).map((r) => ({ ...r, metric: task.metrics[0]!.name })),
          ...(sections ? { sections } : {}),
          record: { preset: presetName, changed: changed.join(' ') || 'nothing', node: process.versions.node },
          onProgress: (p) =>
            line.update(
              `measuring ${p.stage} ${(100 * p.fraction).toFixed(0)} %${p.remainingMs === undefined ? '' : `, ${Math.ceil(p.remainingMs / 1000)} s left`}`,
            ),
          signal,
        })
        line.end()
        const files = await writeStudy(result, out)
        if (o.json) print(JSON.stringify(result, null, 2))
        else print(summary(result, trainError))
        say(`\nreport: ${files.html}\ndata:   ${files.json}`)
        return failed ? 1 : 0 // the report is written; a note said which steps were not finite
      } catch (error) {
        if (isAbort(error)) return stopped(out)
        throw error
      } finally {
        line.end()
        for (const model of Object.values(models)) model.dispose()
      }
    })
  },
})

function stopped(out: string): number {
  say(`stopped; the checkpoints are in ${out}: the same command with --resume goes on.`)
  return 130
}

/** The table a newcomer sees: one line per model. */
function summary(result: StudyResult, trainError: Readonly<Record<string, number>>): string {
  const metric = result.metrics[0]!
  const depths = result.settings.steps
  const show = (v: number | null | undefined) => (v === null || v === undefined ? '–' : v.toFixed(4))
  const rows = result.models.map((m) => {
    const at = (t: number) =>
      (m.depth === 'explicit' ? m.rows[0] : m.rows.find((r) => r.steps === t))?.metrics[metric.name]?.mean
    return [
      m.name,
      String(m.parameters),
      show(trainError[m.name]),
      show(at(depths.at(-1)!)),
      ...depths.map((t) => (m.depth === 'explicit' ? '' : show(at(t)))),
    ]
  })
  const head = ['model', 'parameters', 'train', 'test', ...depths.map((t) => `t=${t}`)]
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]!.length)))
  const lineOf = (cells: readonly string[]) =>
    cells.map((c, i) => (i === 0 ? c.padEnd(widths[i]!) : c.padStart(widths[i]!))).join('  ')
  return [
    `\n${metric.name} (${metric.better === 'less' ? 'lower' : 'higher'} is better) on training and test data; t = …: on test data after t steps`,
    bold(lineOf(head)),
    ...rows.map(lineOf),
    '',
    renderText(result, { width: width() }),
  ].join('\n')
}
