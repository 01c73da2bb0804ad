/* The published entry points, and tfjs-core without any of ours, in plain Node: child processes, no bundler. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..')
const root = join(folder, '../..') // has the backends among its dependencies
const node = (code: string, ...flags: string[]): string => {
  try {
    return execFileSync(process.execPath, [...flags, '-e', code], { cwd: root, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    return (error as { stderr: string }).stderr
  }
}
const esm = (code: string): string => node(code, '--input-type=module')

describe('tfjs-core alone', () => {
  test('registers no gradient', () => {
    const out = esm(`
      import * as tf from '@tensorflow/tfjs-core'
      import '@tensorflow/tfjs-backend-cpu'
      tf.grad((x) => tf.sum(x))(tf.ones([2]))`)
    expect(out).toMatch(/gradient function not found for Sum/)
  })

  test.each(['', '.js'])('dist/register_all_gradients%s cannot be imported', (ending) => {
    const path = `@tensorflow/tfjs-core/dist/register_all_gradients${ending}`
    expect(esm(`import '${path}'`)).toMatch(/ERR_MODULE_NOT_FOUND|Cannot find module/)
  })

  test('has no chained methods', () => {
    expect(esm(`import * as tf from '@tensorflow/tfjs-core'; console.log(typeof tf.Tensor.prototype.reshape)`)).toMatch(
      /undefined/,
    )
  })

  test('wasm has no UnsortedSegmentSum, einsum, FFT or convolution filter gradient; cpu has them', () => {
    const names = ['UnsortedSegmentSum', 'Einsum', 'FFT', 'Conv2DBackpropFilter', 'DepthwiseConv2dNativeBackpropInput']
    const out = esm(`
      import * as tf from '@tensorflow/tfjs-core'
      import '@tensorflow/tfjs-backend-cpu'
      import '@tensorflow/tfjs-backend-wasm'
      console.log(JSON.stringify(['cpu', 'wasm'].map((b) => ${JSON.stringify(names)}.filter((n) => tf.getKernel(n, b)))))`)
    expect(JSON.parse(out.trim())).toEqual([names, []])
  })
})

describe.skipIf(!existsSync(join(folder, 'dist/index.js')))('the build', () => {
  const use = `
    const run = (tf, { linearize, jvp }) => {
      const frozen = linearize((z) => tf.tanh(z), tf.zeros([1, 2]))
      const both = [frozen.vjp(tf.ones([1, 2])), jvp((x) => tf.where(tf.greater(x, 0), tf.mul(x, 3), x), tf.ones([2]), tf.ones([2]))]
      console.log(JSON.stringify(both.map((t) => Array.from(t.dataSync()))))
    }`
  // From the package's own folder, so that Node resolves it through its exports; backends come from the root.
  const inside = (code: string, ...flags: string[]): string =>
    execFileSync(process.execPath, [...flags, '-e', code], { cwd: folder, encoding: 'utf8', stdio: 'pipe' })

  test('works with import', () => {
    const out = inside(
      `import * as tf from '@tensorflow/tfjs-core'
       import { createRequire } from 'node:module'
       createRequire('${root}/package.json')('@tensorflow/tfjs-backend-cpu')
       import '@equilibria/tensor/gradients'
       import * as ours from '@equilibria/tensor'
       ${use}
       run(tf, ours)`,
      '--input-type=module',
    )
    expect(JSON.parse(out.trim().split('\n').at(-1)!)).toEqual([
      [1, 1],
      [3, 3],
    ])
  })

  test('works with require()', () => {
    const out = inside(
      `const tf = require('@tensorflow/tfjs-core')
       require('${root}/node_modules/@tensorflow/tfjs-backend-cpu')
       require('@equilibria/tensor/gradients')
       ${use}
       run(tf, require('@equilibria/tensor'))`,
    )
    expect(JSON.parse(out.trim().split('\n').at(-1)!)).toEqual([
      [1, 1],
      [3, 3],
    ])
  })

  test('without the gradients, inference works and a pullback says which import is missing', () => {
    const out = inside(
      `const tf = require('@tensorflow/tfjs-core')
       require('${root}/node_modules/@tensorflow/tfjs-backend-cpu')
       const { linearize, EquilibriaError } = require('@equilibria/tensor')
       const frozen = linearize((z) => tf.tanh(z), tf.zeros([1, 2]))
       console.log(frozen.value.shape.join())
       try { frozen.vjp(tf.ones([1, 2])) } catch (error) { console.log(EquilibriaError.is(error), error.code, error.message) }`,
    )
    expect(out).toMatch(/1,2\ntrue gradient No gradient is registered for "Tanh"/)
    expect(out).toMatch(/import '@equilibria\/tensor\/gradients'/)
  })
})
