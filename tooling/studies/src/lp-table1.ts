/**
 * Table 1 of the paper on its distribution of linear programs: error of implicit and explicit graph networks by width.
 *
 *   node --conditions=@equilibria/source tooling/studies/src/lp-table1.ts --data ../shared/data --out runs/table1 \
 *     --models implicit,explicit --widths 4,8 --epochs 40
 *
 * Trains through `fit` (AdamW, cosine schedule, seeded), writes a checkpoint and a JSON file per model, prints a table.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import { type LpDataset, loadSplits, relativeError, relativeLoss } from '@equilibria/plugin-lp'
import { leaves } from '@equilibria/tensor'
import { adamW, cosine, fit } from '@equilibria/training'
import { checkpointFile } from '@equilibria/training/node'
import { type LpModel, makers } from './models.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env['EQUILIBRIA_DATA'] ?? '../shared/data' },
    out: { type: 'string', default: 'runs/table1' },
    models: { type: 'string', default: 'implicit,explicit,paper-implicit' },
    widths: { type: 'string', default: '4,8,16,32' },
    epochs: { type: 'string', default: '40' },
    batch: { type: 'string', default: '100' },
    rate: { type: 'string', default: '5e-3' },
    train: { type: 'string', default: '2500' },
    depth: { type: 'string' },
    seed: { type: 'string', default: '0' },
    backend: { type: 'string', default: 'wasm' },
  },
})
const depths = [1, 2, 4, 8, 16, 32]
const seed = Number(values.seed)

await tf.setBackend(values.backend)
const splits = await loadSplits({ folder: values.data, limit: { train: Number(values.train) } })
console.log(splits.source)
await mkdir(values.out, { recursive: true })

for (const width of values.widths.split(',').map(Number))
  for (const name of values.models.split(',')) {
    const make = makers[name]
    if (!make) throw new Error(`No model "${name}". Known: ${Object.keys(makers).join(', ')}.`)
    const model = make({ width, seed, ...(values.depth === undefined ? {} : { trainSteps: Number(values.depth) }) })
    const label = `${name}-${width}`
    const began = performance.now()
    const cpu = process.cpuUsage()
    let said = 0
    const result = await fit({
      model,
      loss: relativeLoss,
      data: { train: splits.train },
      optimiser: adamW({ learningRate: Number(values.rate), beta2: 0.99, weightDecay: 1e-4 }),
      schedule: (steps) => cosine({ peak: Number(values.rate), steps, warmup: Math.min(50, Math.ceil(steps / 20)) }),
      clip: { norm: 1 },
      epochs: Number(values.epochs),
      batchSize: Number(values.batch),
      seed,
      checkpoint: { store: checkpointFile(path.join(values.out, `${label}.safetensors`)), every: 100 },
      onProgress: (p) => {
        if (performance.now() - said < 15_000) return
        said = performance.now()
        console.log(
          `${label} step ${p.step}/${p.steps} loss ${p.loss.toFixed(4)} |g| ${p.gradientNorm.toFixed(2)} ` +
            `${(p.elapsedMs / p.step).toFixed(0)} ms/step, ${(p.remainingMs / 1000).toFixed(0)} s left`,
        )
      },
    })
    const used = process.cpuUsage(cpu)
    const record = {
      model: name,
      width,
      parameters: model.parameterCount,
      seed,
      epochs: Number(values.epochs),
      batch: Number(values.batch),
      rate: Number(values.rate),
      trainingPrograms: splits.train.size,
      status: result.status,
      steps: result.steps,
      wallSeconds: (performance.now() - began) / 1000,
      cpuSeconds: (used.user + used.system) / 1e6,
      manifest: model.manifest,
      train: measure(model, splits.train, 500),
      test: measure(model, splits.test, splits.test.size),
    }
    await writeFile(path.join(values.out, `${label}.json`), JSON.stringify(record, null, 1))
    print(record)
    model.dispose()
  }

interface Measured {
  readonly steps: number
  readonly error: number
  readonly deviation: number
  readonly residual: readonly [number, number, number]
}

/** Error (mean, standard deviation over programs) and residual (median, 90 %, worst) at every depth. */
function measure(model: LpModel, data: LpDataset, count: number): readonly Measured[] {
  const { x, y } = data.batch(Array.from({ length: Math.min(count, data.size) }, (_, i) => i))
  const points = model.trajectory(x, depths).map(({ steps, y: answer, residual }) => {
    const errors = relativeError.measure(answer, y, x)
    answer.dispose()
    const mean = errors.reduce((a, b) => a + b, 0) / errors.length
    const sorted = Float32Array.from(residual).sort()
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
    return {
      steps,
      error: mean,
      deviation: Math.sqrt(errors.reduce((a, b) => a + (b - mean) ** 2, 0) / errors.length),
      residual: [at(0.5), at(0.9), at(1)] as const,
    }
  })
  tf.dispose([...leaves(x), y])
  return points
}

function print(record: {
  readonly model: string
  readonly width: number
  readonly parameters: number
  readonly steps: number
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly train: readonly Measured[]
  readonly test: readonly Measured[]
}): void {
  const row = (points: readonly Measured[]) => points.map((p) => `${p.steps}: ${p.error.toFixed(4)}`).join('  ')
  console.log(
    `\n${record.model}, width ${record.width}: ${record.parameters} parameters, ${record.steps} steps, ` +
      `${record.wallSeconds.toFixed(0)} s wall, ${record.cpuSeconds.toFixed(0)} s CPU\n` +
      `  train error  ${row(record.train)}\n  test error   ${row(record.test)}\n` +
      (record.test[0]?.residual.some(Number.isFinite)
        ? `  residual     ${record.test.map((p) => `${p.steps}: ${p.residual.map((r) => r.toExponential(1)).join('/')}`).join('  ')}\n`
        : ''),
  )
}
