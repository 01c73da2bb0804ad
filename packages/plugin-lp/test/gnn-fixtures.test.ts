import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { fixtureFolder } from '@equilibria/conformance'
import { paperImplicitModel } from '@equilibria/plugin-lp'
import { networkFixtures } from '@equilibria/plugin-lp/fixtures'
import { type WritableTensor, writeSafetensors } from '@equilibria/training'
import { randomPrograms, toTensors } from './support/programs.ts'

/** A fixture of our own making at another width, of two programs as one graph, with depths that the pack has not. */
function made(change: (io: Record<string, WritableTensor>) => void = () => {}) {
  const p = randomPrograms(2, 4, 6, 10, 3)
  const model = paperImplicitModel({ width: 5, seed: 4 })
  const columns = (...lists: readonly (readonly number[])[]): WritableTensor => ({
    shape: [lists[0]!.length, lists.length],
    data: Float32Array.from({ length: lists[0]!.length * lists.length }, (_, k) => {
      return lists[k % lists.length]![Math.floor(k / lists.length)]!
    }),
  })
  const side = (of: 0 | 1, size: number) =>
    Array.from({ length: 20 }, (_, e) => p.index[2 * e + of]! + (e < 10 ? 0 : size))
  const output = tf.tidy(() => model.predict(toTensors(p), { steps: 5, tolerance: 0 }).y.dataSync())
  const io: Record<string, WritableTensor> = {
    constraint_features: columns(p.b, p.equality),
    variable_features: columns(p.c, p.lower, p.upper),
    edge_features: columns(p.values),
    edge_indices: { shape: [2, 20], data: BigInt64Array.from([...side(0, 4), ...side(1, 6)].map(BigInt)) },
    'net.iters5.output': { shape: [12, 1], data: Float32Array.from(output) },
  }
  change(io)
  const weights = Object.fromEntries(
    Object.entries(model.variables).map(([name, v]): [string, WritableTensor] => [
      `net.${name}`,
      { shape: v.shape, data: Float32Array.from(v.dataSync()) },
    ]),
  )
  model.dispose()
  return { io: writeSafetensors(io), weights: writeSafetensors(weights) }
}
const run = async (files: Readonly<Record<string, string | Uint8Array>>) => {
  const found = await networkFixtures.find(fixtureFolder('here', files))
  expect(found).toHaveLength(1)
  return found[0]!
}

describe('fixtures of the graph networks', () => {
  test('another width, other depths, other file names: found by content', async () => {
    const { io, weights } = made()
    const named = JSON.stringify({ io: 'a.bin', weights: 'b.bin' })
    const before = tf.memory().numTensors
    for (const files of [
      { 'x/a.bin': io, 'x/b.bin': weights, 'x/about.json': named },
      { 'y.io.safetensors': io, 'y.weights.safetensors': weights },
    ]) {
      const fixture = await run(files)
      const { worst, note } = await fixture.run()
      expect(worst).toBeLessThan(fixture.tolerance) // two programs apart or as one graph: the same sums
      expect(note).toContain('width 5, 1 tensors')
    }
    expect(tf.memory().numTensors).toBe(before)
  })

  test('a number that is off fails', async () => {
    const { io, weights } = made((tensors) => {
      ;(tensors['net.iters5.output']!.data as Float32Array)[3]! *= 1.001
    })
    const fixture = await run({ 'y.io.safetensors': io, 'y.weights.safetensors': weights })
    expect((await fixture.run()).worst).toBeGreaterThan(fixture.tolerance)
  })

  test('without weights, or with a leaf missing: a failing line, no crash and no leak', async () => {
    const { io, weights } = made((tensors) => delete tensors['edge_features'])
    await expect((await run({ 'y.io.safetensors': io })).run()).rejects.toThrow(/weights/)
    const before = tf.memory().numTensors
    const fixture = await run({ 'y.io.safetensors': io, 'y.weights.safetensors': weights })
    await expect(fixture.run()).rejects.toThrow(/edge_features/)
    expect(tf.memory().numTensors).toBe(before)
  })
})
