/* `pnpm --filter @equilibria/bench bench [name] [--backend wasm] [--processes 3] [--pairs 15]`; see the README. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import '@equilibria/tensor/gradients'
import { type Bench, compare, type Measured, median, summarize } from './compare.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: 'string', default: 'wasm' },
    processes: { type: 'string', default: '3' },
    pairs: { type: 'string', default: '15' },
    child: { type: 'boolean', default: false },
  },
})
const root = join(import.meta.dirname, '../../..')
const folder = join(import.meta.dirname, '../benches')
const pairs = Number(values.pairs)

/** One process: measure, and answer with JSON on the last line. */
async function measure(file: string): Promise<void> {
  await tf.setBackend(values.backend)
  const { benches } = (await import(join(folder, file))) as { benches: () => readonly Bench[] }
  console.log(JSON.stringify(benches().map((bench) => compare(bench, { pairs }))))
}

function fresh(file: string): Measured[] {
  const args = ['--conditions=@equilibria/source', import.meta.filename, file, '--child']
  const flags = ['--backend', values.backend, '--pairs', values.pairs]
  const done = spawnSync(process.execPath, [...args, ...flags], { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (done.status !== 0) throw new Error(`${file} failed:\n${done.stderr}`)
  return JSON.parse(done.stdout.trim().split('\n').at(-1)!) as Measured[]
}

function report(file: string): object[] {
  const runs = Array.from({ length: Number(values.processes) }, () => fresh(file))
  return runs[0]!.map(({ name }, i) => {
    const mine = runs.map((run) => run[i]!)
    const [ratio, low, high] = summarize(mine.map((m) => m.ratios))
    const beforeMs = median(mine.map((m) => m.beforeMs))
    const afterMs = median(mine.map((m) => m.afterMs))
    return { name, beforeMs, afterMs, ratio, low, high, ratios: mine.map((m) => m.ratios) }
  })
}

if (values.child) await measure(positionals[0]!)
else {
  const files = readdirSync(folder).filter((f) => f.endsWith('.ts') && f.includes(positionals[0] ?? ''))
  if (files.length === 0) throw new Error(`No bench is called "${positionals[0]}"; there are ${readdirSync(folder)}.`)
  const out = join(root, 'runs/bench')
  mkdirSync(out, { recursive: true })
  for (const file of files) {
    const rows = report(file) as (Omit<Measured, 'ratios'> & { ratio: number; low: number; high: number })[]
    console.log(`\n${file.replace('.ts', '')} on ${values.backend}, ${values.processes} processes × ${pairs} groups`)
    console.table(
      rows.map((r) => ({
        bench: r.name,
        'before ms': Number(r.beforeMs.toPrecision(3)),
        'after ms': Number(r.afterMs.toPrecision(3)),
        'before / after': Number(r.ratio.toPrecision(3)),
        '95 %': `${r.low.toPrecision(3)} to ${r.high.toPrecision(3)}`,
      })),
    )
    const machine = { cpu: cpus()[0]?.model, node: process.version, tfjs: tf.version_core }
    const record = { file, backend: values.backend, at: new Date().toISOString(), machine, rows }
    writeFileSync(join(out, `${file.replace('.ts', '')}-${values.backend}.json`), JSON.stringify(record, null, 2))
  }
  console.log(`\nWritten to ${out}`)
}
