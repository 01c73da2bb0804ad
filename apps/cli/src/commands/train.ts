import { resolve } from 'node:path'
import { EquilibriaError } from '@equilibria/core'
import type { TrainingSettings } from '@equilibria/spec'
import { startBackend } from '../backend.ts'
import { choice, defineCommand, flag, number, text, whole, WIDEST } from '../command.ts'
import { dataFolder } from '../data-folder.ts'
import { headline } from '../evaluate.ts'
import { effort, fitModel } from '../fit-model.ts'
import { interruptible, isAbort } from '../interrupt.ts'
import { checkFile } from '../output.ts'
import { findTask } from '../plugins.ts'
import { print, say } from '../terminal.ts'

const fallback: TrainingSettings = { epochs: 50, batchSize: 50, learningRate: 3e-3, schedule: 'cosine' }

/** `equilibria train TASK`: one model, with checkpoints and exact resume. */
export const train = defineCommand({
  name: 'train',
  summary: 'Train one model of a task; write checkpoints; resume exactly after a kill.',
  positionals: [{ name: 'TASK', summary: 'lp, or the task of a plugin' }],
  options: {
    model: text("Which of the task's models. Default implicit, or the first of a task without one.", 'NAME'),
    width: whole("Width of the embedding. Default: the preset's, else the task's.", 'N', 1, WIDEST),
    epochs: whole('Passes over the training data.', 'N', 1),
    'batch-size': whole('Samples per step.', 'N', 1),
    'learning-rate': number('Peak learning rate.', 'X'),
    seed: whole('Seed of weights, data order and data. Default 0.', 'N'),
    limit: whole('At most so many training samples.', 'N', 1),
    checkpoint: text('File to write. Default runs/TASK-MODEL.safetensors.', 'FILE'),
    resume: flag('Go on from the checkpoint, to the same numbers as without the stop'),
    data: text(
      'Folder of the data pack. Default: EQUILIBRIA_DATA, ../shared/data, else what ships with the task.',
      'DIR',
    ),
    plugin: text('Load this plugin first, for its tasks.', 'MODULE'),
    backend: choice('tfjs backend. Default wasm.', ['wasm', 'cpu']),
    json: flag('The result as one JSON object on stdout'),
  },
  details:
    'Prints the headline metric on training and test data, and where the checkpoint is. Ctrl-C stops after the current\nstep and saves; --resume then goes on to the same numbers. Exit code 130 when stopped.',
  examples: [
    'equilibria train lp --width 16 --epochs 100',
    'equilibria train lp --checkpoint lp.safetensors --resume',
    'equilibria train my-task --plugin ./my-plugin.js --json | jq .test',
  ],
  async run([name], o) {
    await startBackend(o.backend ?? 'wasm')
    const task = await findTask(name!, o.plugin)
    const key = o.model ?? ('implicit' in task.models ? 'implicit' : (Object.keys(task.models)[0] ?? 'implicit'))
    const make = Object.hasOwn(task.models, key) ? task.models[key] : undefined
    if (!make)
      throw new EquilibriaError(
        'option',
        `Task "${task.name}" has no model "${key}".`,
        `Models: ${Object.keys(task.models).join(', ')}.`,
      )
    const preset = task.presets?.['quick']
    const own = preset?.models.find((m) => m.model === key)
    const { steps, ...base } = own?.training ?? fallback
    const settings: TrainingSettings = {
      ...base,
      epochs: o.epochs ?? base.epochs,
      batchSize: o['batch-size'] ?? base.batchSize,
      learningRate: o['learning-rate'] ?? base.learningRate,
      ...(steps === undefined || o.epochs !== undefined ? {} : { steps }),
    }
    const seed = o.seed ?? 0
    const checkpoint = resolve(o.checkpoint ?? `runs/${name!.replaceAll('/', '-')}-${key}.safetensors`)
    await checkFile('checkpoint', checkpoint)
    const folder = dataFolder(o.data)
    const splits = await task.data({
      seed,
      ...(folder === undefined ? {} : { folder }),
      ...(o.limit === undefined ? {} : { limit: { train: o.limit } }),
    })
    const model = make({ ...own?.options, seed, ...(o.width === undefined ? {} : { width: o.width }) })
    say(`${task.name}: ${splits.source}`)
    say(`${model.name}: ${effort(model, settings, splits.train.size)}`)
    const stopped = (): number => {
      say(`stopped; ${checkpoint} holds every step so far: the same command with --resume goes on.`)
      return 130
    }
    try {
      return await interruptible(async (signal) => {
        const result = await fitModel({
          label: key,
          task,
          model,
          splits,
          settings,
          seed,
          signal,
          checkpoint,
          resume: o.resume,
        })
        if (result.status === 'aborted') return stopped()
        const report = {
          task: task.name,
          model: key,
          parameters: model.parameterCount,
          status: result.status,
          seconds: result.elapsedMs / 1000,
          metric: task.metrics[0]!.name,
          train: await headline(task, model, splits.train, { limit: 500, signal }),
          test: await headline(task, model, splits.test, { signal }),
          checkpoint,
        }
        if (o.json) print(JSON.stringify(report, null, 2))
        else
          print(
            `${result.status}: ${report.metric} ${report.train.toFixed(4)} on training data, ${report.test.toFixed(4)} on test data, after ${report.seconds.toFixed(0)} s\ncheckpoint: ${checkpoint}`,
          )
        return result.status === 'non-finite' ? 1 : 0
      })
    } catch (error) {
      if (isAbort(error)) return stopped()
      throw error
    } finally {
      model.dispose()
    }
  },
})
