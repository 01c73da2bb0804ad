import { existsSync } from 'node:fs'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { formatFixtureLine, implicitFixtures, runFixtures } from '@equilibria/conformance'
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
})
