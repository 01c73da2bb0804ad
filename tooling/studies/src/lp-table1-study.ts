/**
 * The report on networks that lp-table1.ts trained: error, residual and L_t against depth, what a warm start saves.
 *
 *   node --conditions=@equilibria/source tooling/studies/src/lp-table1-study.ts --data ../shared/data --out runs/table1
 *
 * Reads every NAME-WIDTH.safetensors in the folder; writes study.html and study.json there, prints the table.
 */
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-wasm'
import { lp } from '@equilibria/plugin-lp'
import { renderText, runStudy } from '@equilibria/study'
import { writeStudy } from '@equilibria/study/node'
import { loadCheckpoint } from '@equilibria/training/node'
import { type LpModel, makers } from './models.ts'
import { restoreWeights } from '@equilibria/training'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env['EQUILIBRIA_DATA'] ?? '../shared/data' },
    out: { type: 'string', default: 'runs/table1' },
    only: { type: 'string', default: Object.keys(makers).join(',') },
    seed: { type: 'string', default: '0' },
  },
})
await tf.setBackend('wasm')
const task = lp.parts.tasks.random()
const splits = await task.data({ folder: values.data })

const models: Record<string, LpModel> = {}
for (const file of (await readdir(values.out)).sort()) {
  const [, name, width] = /^(.+)-(\d+)\.safetensors$/.exec(file) ?? []
  const make = name === undefined || !values.only.split(',').includes(name) ? undefined : makers[name]
  if (!make) continue
  const model = make({ width: Number(width), seed: Number(values.seed) })
  restoreWeights(model, await loadCheckpoint(path.join(values.out, file)), { file })
  models[`${name}, width ${width}`] = model
}
if (Object.keys(models).length === 0) throw new Error(`No NAME-WIDTH.safetensors of ${values.only} in ${values.out}.`)

let said = 0
const study = await runStudy({
  task,
  models,
  data: splits.test,
  source: splits.source,
  seed: Number(values.seed),
  title: 'Table 1 on random linear programs',
  peers: (task.presets?.['table1']?.references ?? []).map((r) => ({ ...r, metric: task.metrics[0]!.name })),
  sections: (await task.sections?.(models, splits.test)) ?? [],
  onProgress: (p) => {
    if (performance.now() - said < 10_000) return
    said = performance.now()
    console.error(`${p.stage} ${(100 * p.fraction).toFixed(0)} %`)
  },
})
const { html, json } = await writeStudy(study, values.out)
console.log(renderText(study, { width: 160 }))
console.log(`report: ${html}\ndata:   ${json}`)
for (const model of Object.values(models)) model.dispose()
