import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { defineOperator, equilibrium } from '@equilibria/core'
import { anderson, auto, broyden, newtonKrylov, picard } from '@equilibria/solvers'
import { flow } from '../src/zoo/navier-stokes.ts'

/* Steady flows computed elsewhere, by Newton's method in float64 (the data pack says how): ours must be the same. */
const folder = join(process.env['EQUILIBRIA_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data'), 'pde')
const file = join(folder, 'nsB_test64.safetensors')
if (!existsSync(file)) console.log(`skipped: ${file} is not there (set EQUILIBRIA_DATA)`)

/** `count` samples of a float32 tensor of a safetensors file. */
function read(name: string, count: number): { readonly shape: readonly number[]; readonly data: Float32Array } {
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  const { dtype, shape, data_offsets: offsets } = header[name]!
  expect(dtype).toBe('F32')
  const size = shape.slice(1).reduce((a, b) => a * b, 1) * count
  const from = 8 + length + offsets[0]
  return { shape, data: new Float32Array(Uint8Array.from(bytes.subarray(from, from + 4 * size)).buffer) }
}
const square = (data: Float32Array, at: number, n: number): number[][] =>
  Array.from({ length: n }, (_, i) => Array.from(data.subarray(at + i * n, at + (i + 1) * n)))

describe.skipIf(!existsSync(file))('steady flow, regime B', () => {
  const [n, count] = [64, 3]
  const map = flow(n, 0.1, 0)
  const load = () => {
    const [F, w] = [read('F', count), read('w', count)]
    const curls = Array.from({ length: count }, (_, b) =>
      map.curl(square(F.data, 2 * b * n * n, n), square(F.data, (2 * b + 1) * n * n, n)),
    )
    return { curls, w: w.data }
  }

  test('the force that the stored flow needs is the stored force', () => {
    const { curls, w } = load()
    curls.forEach((curl, b) => {
      const needed = map.curlForce(square(w, b * n * n, n)).flat()
      const size = Math.max(...curl.flat().map(Math.abs))
      // The file is float32: 2⁻²⁴ of w, times ν k² ≤ 0.1 · 2 · 21² = 88 and as much from two more derivatives of products.
      curl.flat().forEach((c, i) => expect(Math.abs(c - needed[i]!)).toBeLessThan(2e-4 * size))
    })
  })

  const solvers = {
    anderson: () => anderson(),
    auto: () => auto(),
    broyden: () => broyden(),
    newtonKrylov: () => newtonKrylov(),
  }
  const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'steady-flow',
    initial: (x) => tf.zerosLike(x),
    apply: (z, x) => map.apply(z, x, map.constants()),
  })
  test.each(Object.entries(solvers))('%s finds the stored flow; Picard does not', (name, make) => {
    const { curls, w } = load()
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const x = tf.tensor2d(curls.map((c) => c.flat()))
      const { state, status, stats } = equilibrium(operator, { solver: make(), tolerance: 1e-5, maxSteps: 300 }).solve(
        x,
      )
      expect(status).toBe('converged')
      const [found, exact] = [state.dataSync(), w]
      const off = Math.hypot(...found.map((v, i) => v - exact[i]!)) / Math.hypot(...exact)
      console.log(
        `[${tf.getBackend()}] steady flow 64², 3 samples: ${name} ${stats.evaluations} evaluations, relative error ${off.toExponential(1)}`,
      )
      // Residual 1e-5 ‖w‖ times ‖(I − J)⁻¹‖, about 4 in this regime, with room for samples nearer to the limit.
      expect(off).toBeLessThan(2e-4)
      if (name !== 'anderson') return
      const plain = equilibrium(operator, { solver: picard(), tolerance: 1e-5, maxSteps: 300 }).solve(x)
      expect(plain.stats.perSample.status.some((s) => s !== 'converged')).toBe(true)
    })
    expect(tf.memory().numTensors).toBe(before)
  })
})
