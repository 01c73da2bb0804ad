// Every example that people can read is run as written: from source, on tfjs `cpu`, one after the other in one process.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@equilibria/tensor/gradients'
import { beforeEach, expect, test, vi } from 'vitest'
import { collect } from '../src/extract.ts'

const root = resolve(import.meta.dirname, '../../..')
// There every package of the workspace can be imported.
const folder = join(root, 'docs/examples/generated')
const examples = collect(root)

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
/** Where each module came from, to translate what the compiler and stack traces say. */
const origin = new Map<string, string>()
const modules = examples.map((example) => {
  const name = `${example.file.replaceAll(/[^\w]+/g, '_')}_${example.line}.ts`
  // As many empty lines as stand above the block, so that line numbers are those of the source.
  writeFileSync(join(folder, name), `${'\n'.repeat(example.line - 1)}${example.code}\nexport {}\n`)
  origin.set(name, example.file)
  return { ...example, path: join(folder, name) }
})
const translate = (text: string): string =>
  text.replaceAll(
    /(?:file:\/\/)?[^\s()'"]*?(?:docs\/examples\/)?generated\/([\w.]+\.ts)|^([\w.]+\.ts)/gm,
    (all, a, b) => origin.get(a ?? b) ?? all,
  )

test('there are examples', () => {
  expect(examples.length).toBeGreaterThan(0)
})

test('every example compiles', () => {
  const r = spawnSync('tsc', ['-p', 'docs/examples/tsconfig.json', '--pretty', 'false'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  // `file(line,column): error …` becomes `file:line: error …`
  const report = translate(r.stdout).replaceAll(/^(.+?)\((\d+),\d+\): /gm, '$1:$2: ')
  expect(report + r.stderr).toBe('')
  expect(r.status).toBe(0)
})

beforeEach(async () => {
  await tf.setBackend('cpu')
})

async function run(example: (typeof modules)[number]): Promise<'ran'> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const engine = tf.engine()
  engine.startScope('example')
  try {
    await import(/* @vite-ignore */ pathToFileURL(example.path).href)
    return 'ran'
  } catch (error) {
    const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
    const at = new RegExp(`${example.file.replaceAll('.', '\\.')}:(\\d+)`).exec(translate(stack))?.[1] ?? example.line
    throw new Error(`${example.file}:${at}: the example failed: ${message}`, { cause: error })
  } finally {
    engine.endScope()
    tf.disposeVariables()
    log.mockRestore()
  }
}

for (const example of modules.filter((m) => !m.typesOnly))
  test(`${example.file}:${example.line}`, async () => {
    expect(await run(example)).toBe('ran')
  })
