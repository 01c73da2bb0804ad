import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const source = fileURLToPath(new URL('../src', import.meta.url))
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'))

test('only the node entry needs Node', () => {
  const outside = files.filter((f) => !f.startsWith('node/'))
  expect(outside.length).toBeGreaterThan(20)
  for (const file of outside) {
    const text = readFileSync(`${source}/${file}`, 'utf8')
    expect([file, /from '(node:|.*\/node\/)/.test(text)]).toEqual([file, false])
    expect([file, /\b(process|Buffer|require)\b\s*[.(]/.test(text)]).toEqual([file, false])
  }
})

test('importing fit is enough to have gradients in plain Node', () => {
  const program = `
    import * as tf from '@tensorflow/tfjs-core'
    import '@tensorflow/tfjs-backend-cpu'
    import '@equilibria/training'
    console.log(tf.grad((x) => tf.square(x))(tf.scalar(3)).dataSync()[0])`
  const options = ['--conditions=@equilibria/source', '--no-warnings', '--input-type=module', '-e', program]
  expect(execFileSync(process.execPath, options, { cwd: source, encoding: 'utf8' }).trim()).toBe('6')
})
