import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  fixtureFolder,
  formatFixtureLine,
  implicitFixtures,
  runFixtures,
  truthCoverage,
  truthFixtures,
} from '@equilibria/conformance'
import { readFixtureFolder } from '@equilibria/conformance/node'

const root = path.resolve(import.meta.dirname, '../../..')
const pack = process.env['EQUILIBRIA_DATA'] ?? path.resolve(root, '../shared/data')

describe('the data pack', () => {
  const there = existsSync(path.join(pack, 'implicit'))
  if (!there) console.log(`skipped: no data pack at ${pack}`)
  test.skipIf(!there)('implicit differentiation in float64 is reproduced', async () => {
    const folder = await readFixtureFolder(path.join(pack, 'implicit'))
    const lines = await runFixtures(folder, [implicitFixtures], { backends: [tf.getBackend()] })
    console.log(lines.map(formatFixtureLine).join('\n'))
    expect(lines.length).toBeGreaterThanOrEqual(20)
    expect(lines.filter((l) => !l.pass)).toEqual([])
  })
  test.skipIf(!there)(
    'the truth cases are reproduced, as far as there is something here that computes them',
    async () => {
      const folder = await readFixtureFolder(path.join(pack, 'truth'))
      const lines = await runFixtures(folder, [truthFixtures], { backends: [tf.getBackend()] })
      console.log(lines.map(formatFixtureLine).join('\n'))
      expect(lines.filter((l) => !l.pass)).toEqual([])
      // Every case has a line, or is left as a whole, which says why.
      const coverage = truthCoverage(JSON.parse(readFileSync(path.join(pack, 'truth', 'truth_cases.json'), 'utf8')))
      expect(coverage).toHaveLength(65)
      const left = coverage.filter((c) => c.status === 'left')
      expect(lines.length + left.length).toBe(65)
      expect(coverage.flatMap((c) => c.missing.map((key) => `${c.id}.${key}`))).toEqual([])
    },
  )
})

describe('truth files', () => {
  const file = (one: unknown) => fixtureFolder('folder', { 'any.json': JSON.stringify({ cases: [one] }) })
  const lines = (one: unknown) => runFixtures(file(one), [truthFixtures], { backends: [tf.getBackend()] })
  const good = () => ({
    id: 'implicit_euler_stiff',
    params: { h: 0.1, lam: -50, y0: 1 },
    truth: { fixed_point: 1 / 6, multiplier: -5, beta_opt: 1 / 6, dz_dy0: 1 / 6 },
  })
  test('a case passes when right, and fails when one number is not', async () => {
    expect((await lines(good())).map((l) => l.pass)).toEqual([true])
    for (const key of ['fixed_point', 'multiplier', 'beta_opt', 'dz_dy0'] as const) {
      const { truth, ...rest } = good()
      const [line] = await lines({ ...rest, truth: { ...truth, [key]: truth[key] + 0.01 } })
      expect({ key, pass: line!.pass }).toEqual({ key, pass: false })
    }
  })
  test('an unknown case, and a number that nobody looks at, are failing lines', async () => {
    const [unknown] = await lines({ ...good(), id: 'no_such_case' })
    expect(unknown).toMatchObject({ pass: false, note: expect.stringMatching(/no case of this name is known/) })
    const { truth, ...rest } = good()
    const [extra] = await lines({ ...rest, truth: { ...truth, another: 3 } })
    expect(extra).toMatchObject({ pass: false, note: expect.stringMatching(/neither compared nor listed: another/) })
    expect(truthCoverage({ cases: [{ ...rest, truth: { ...truth, another: 3 } }] })[0]!.missing).toEqual(['another'])
  })
})
