import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  fixtureFolder,
  type FixtureKind,
  type FixtureLine,
  formatFixtureLine,
  implicitFixtures,
  runFixtures,
  worstOf,
  worstRelative,
} from '@equilibria/conformance'
import { readFixtureFolder } from '@equilibria/conformance/node'

/** `f(z) = z/2 + x` in two samples: `z* = 2x`, `u = (I − J)⁻ᵀ (z* − t)`, everything by hand. */
const good = () => ({
  name: 'half',
  activation: 'identity',
  W: [[0.5]],
  U: [[1]],
  b: [0],
  x: [[1], [-2]],
  t: [[0], [0]],
  z_star: [[2], [-4]],
  adjoint_u: [[4], [-8]],
  dL_dW: [[40]], // Σ u z*
  dL_dU: [[20]], // Σ u x
  dL_db: [-4],
  dL_dx: [[4], [-8]],
})
const run = (files: Record<string, string | Uint8Array>, kinds: FixtureKind[] = [implicitFixtures]) =>
  runFixtures(fixtureFolder('folder', files), kinds, { backends: [tf.getBackend()] })
const one = async (change: Record<string, unknown>): Promise<FixtureLine> => {
  const before = tf.memory().numTensors
  const [line, ...rest] = await run({ 'any/name': JSON.stringify({ cases: [{ ...good(), ...change }] }) })
  expect(rest).toEqual([])
  expect(tf.memory().numTensors).toBe(before)
  return line!
}

describe('implicit differentiation files', () => {
  test('are recognised by content, under any name, and pass when right', async () => {
    const line = await one({})
    expect(line).toMatchObject({ name: 'any/name#half', kind: 'implicit-f64', pass: true, backend: tf.getBackend() })
    expect(line.worst).toBeLessThan(1e-5)
  })
  test('fail when one number is wrong, and say which', async () => {
    for (const [key, value, word] of [
      ['z_star', [[2], [-4.01]], 'z*'],
      ['adjoint_u', [[4], [8]], 'u'],
      ['dL_dW', [[40.1]], 'dL/dW'],
      ['dL_dU', [[21]], 'dL/dU'],
      ['dL_db', [-4.1], 'dL/db'],
      ['dL_dx', [[4], [-8.1]], 'dL/dx'],
    ] as const) {
      const line = await one({ [key]: value })
      expect({ key, pass: line.pass, note: line.note.split(',')[0] }).toEqual({
        key,
        pass: false,
        note: `worst in ${word}`,
      })
    }
  })
  test('that are damaged are one clear failing line each', async () => {
    for (const [change, message] of [
      [{ W: [[0.5, 1]] }, /any\/name#half\.W\[0\] is a list of 2; expected a list of 1 numbers/],
      [{ W: undefined }, /W is missing/],
      [{ x: [[1], ['2']] }, /x\[1\]\[0\] is "2"; expected a finite number/],
      [{ x: [] }, /x is a list of 0/],
      [{ b: [null] }, /b\[0\] is null/],
      [{ z_star: [[2]] }, /z_star is a list of 1; expected a matrix of 2 rows/],
      [{ activation: 'swish' }, /"swish" is none of tanh, identity/],
    ] as const) {
      const line = await one(change)
      expect(line.pass).toBe(false)
      expect(line.note).toMatch(message)
      expect(line.worst).toBeNaN()
    }
  })
})

describe('the runner', () => {
  const kind = (name: string, find: FixtureKind['find']): FixtureKind => ({ name, find })
  const always = (worst: number): FixtureKind =>
    kind('constant', () => Promise.resolve([{ name: 'c', tolerance: 1, run: () => Promise.resolve({ worst }) }]))
  test('a file that calls itself JSON and is cut short', async () => {
    const lines = await run({ 'a.json': '{"cases": [{"activation": "tanh", "W": [[0.1' })
    expect(lines).toHaveLength(1)
    expect(formatFixtureLine(lines[0]!)).toMatch(/^FAIL .*a\.json.*is not valid JSON/)
  })
  test('files of other kinds are passed over', async () => {
    const lines = await run({
      'a.bin': new Uint8Array([0, 1, 2]),
      'list.json': '[1, 2]',
      'n.json': 'null',
      'x.json': JSON.stringify({ cases: [good()] }),
    })
    expect(lines.map((l) => [l.name, l.pass])).toEqual([['x.json#half', true]])
  })
  test('an empty folder, a kind that fails, a backend that is not there, NaN, a leak', async () => {
    expect((await run({}))[0]).toMatchObject({
      pass: false,
      note: expect.stringMatching(/No fixture was recognised among the 0 files/),
    })
    expect((await run({}, [kind('bad', () => Promise.reject(new Error('cannot')))]))[0]).toMatchObject({
      pass: false,
      note: 'cannot',
    })
    const current = tf.getBackend()
    const [missing] = await runFixtures(fixtureFolder('f', {}), [always(0)], { backends: ['abacus'] })
    expect(missing).toMatchObject({ pass: false, note: expect.stringMatching(/backend "abacus"/) })
    expect(tf.getBackend()).toBe(current)
    expect((await run({}, [always(0.5)]))[0]!.pass).toBe(true)
    expect((await run({}, [always(Number.NaN)]))[0]!.pass).toBe(false)
    const kept: tf.Tensor[] = []
    const leaky = kind('leaky', () =>
      Promise.resolve([
        { name: 'l', tolerance: 1, run: () => Promise.resolve((kept.push(tf.zeros([1])), { worst: 0 })) },
      ]),
    )
    expect((await run({}, [leaky]))[0]).toMatchObject({ pass: false, note: 'leaked 1 tensor(s)' })
    tf.dispose(kept)
  })
  test('relative errors', () => {
    expect(worstRelative([1, 2.2], [1, 2])).toBeCloseTo(0.1, 12)
    expect(worstRelative([0.5], [0])).toBe(0.5)
    expect(worstRelative([1], [1, 2])).toBe(Number.POSITIVE_INFINITY)
    expect(worstRelative([Number.NaN, 5], [1, 2])).toBeNaN()
    expect(worstOf({ a: 1, b: Number.NaN, c: 3 }).worst).toBeNaN()
    expect(worstOf({ a: 1, c: 3 })).toEqual({ worst: 3, note: 'worst in c' })
    expect(worstOf({}).worst).toBeNaN()
  })
})

describe('a folder on disk', () => {
  test('is listed without hidden files and links, read on demand', async () => {
    const root = mkdtempSync(path.join(tmpdir(), 'fixtures-'))
    try {
      mkdirSync(path.join(root, 'deep', 'er'), { recursive: true })
      writeFileSync(path.join(root, 'deep', 'er', 'x'), JSON.stringify({ cases: [good()] }))
      writeFileSync(path.join(root, '.hidden.json'), '{')
      symlinkSync(root, path.join(root, 'deep', 'loop'))
      const folder = await readFixtureFolder(root)
      expect(folder.files.map((f) => f.path)).toEqual(['deep/er/x'])
      expect(new TextDecoder().decode(await folder.files[0]!.head(2))).toBe('{"')
      const lines = await runFixtures(folder, [implicitFixtures], { backends: [tf.getBackend()] })
      expect(lines.map((l) => l.pass)).toEqual([true])
    } finally {
      rmSync(root, { recursive: true })
    }
  })
  test('that is not there is an error with its name', async () => {
    await expect(readFixtureFolder('/nowhere/at/all')).rejects.toThrow(/\/nowhere\/at\/all is not there/)
  })
})
