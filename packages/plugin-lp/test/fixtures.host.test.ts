import { fixtureFolder, type FixtureKind } from '@equilibria/conformance'
import { readFixtureFolder } from '@equilibria/conformance/node'
import { type LabelledProgram, writeMps } from '@equilibria/plugin-lp'
import { randomPrograms } from '@equilibria/plugin-lp/exact'
import { fixtureKinds, labelFixtures, mpsFixtures } from '@equilibria/plugin-lp/fixtures'
import { writeSafetensors } from '@equilibria/training'
import { describe, expect, it } from 'vitest'
import { lpPack } from './pack.ts'

const pack = lpPack()

/** The layout of the data pack, at another size. */
function labelFile(
  labels: readonly LabelledProgram[],
  change: (name: string, data: Float64Array) => void = () => {},
): Uint8Array {
  const K = labels.length
  const { rows: m = 0, columns: n = 0, indices: { length: E } = [] } = labels[0]?.program.matrix ?? {}
  const stack = (name: string, width: number[], of: (l: LabelledProgram) => ArrayLike<number>) => {
    const data = Float64Array.from(labels.flatMap((l) => Array.from(of(l))))
    change(name, data)
    return { [name]: { shape: [K, ...width], data } }
  }
  const rowOf = ({ program: { matrix } }: LabelledProgram): number[] =>
    Array.from({ length: E }, (_, e) => matrix.starts.findLastIndex((s) => s <= e))
  return writeSafetensors({
    ...stack('c', [n], (l) => l.program.c),
    ...stack('lower', [n], (l) => l.program.lower),
    ...stack('upper', [n], (l) => l.program.upper),
    ...stack('b', [m], (l) => l.program.rowUpper),
    ...stack('circ', [m], (l) => l.program.rowLower.map((v) => (v > -Infinity ? 1 : 0))),
    ...stack('edge_index', [2, E], (l) => [...rowOf(l), ...l.program.matrix.indices]),
    ...stack('edge_value', [E], (l) => l.program.matrix.values),
    ...stack('x_star', [n], (l) => l.y),
    ...stack('row_dual', [m], (l) => l.rowDual),
  })
}

const outcomes = async (
  kind: FixtureKind,
  contents: Readonly<Record<string, string | Uint8Array>>,
): Promise<boolean[]> => {
  const found = await kind.find(fixtureFolder('memory', contents))
  return Promise.all(
    found.map(async ({ run, tolerance }) => {
      const result = await run().catch(() => ({ worst: Number.NaN, tolerance: 0 }))
      return result.worst <= (result.tolerance ?? tolerance)
    }),
  )
}

describe('fixtures of linear programs', () => {
  it('labels of any size and file name pass; changed ones and damaged files fail', async () => {
    const labels = await randomPrograms({ seed: 9, count: 4, constraints: 6, variables: 11, nonzeros: 30 })
    expect(await outcomes(labelFixtures, { 'deep/any.bin': labelFile(labels) })).toEqual([true])
    for (const part of ['x_star', 'row_dual', 'b', 'edge_value']) {
      const bytes = labelFile(labels, (name, data) => {
        if (name === part) for (let k = 0; k < data.length; k++) data[k] = 1.01 * (data[k] ?? 0)
      })
      expect([part, ...(await outcomes(labelFixtures, { x: bytes }))]).toEqual([part, false])
    }
    const bytes = labelFile(labels)
    expect(await outcomes(labelFixtures, { x: bytes.slice(0, bytes.length - 8) })).toEqual([false])
    expect(await outcomes(labelFixtures, { x: bytes.slice(0, 40), y: 'text', z: '{"instances": 3}' })).toEqual([])
  })

  it('MPS folders with a manifest: sizes and optima', async () => {
    const [one] = await randomPrograms({ seed: 9, count: 1 })
    if (one === undefined) throw new Error('no program')
    const list = (instance: object): Readonly<Record<string, string>> => ({
      'a/list.json': JSON.stringify({ instances: [{ name: 'one', ...instance }] }),
      'a/one.mps': writeMps(one.program),
    })
    const optimum = one.objective
    expect(await outcomes(mpsFixtures, list({ rows: 10, cols: 50, optimum }))).toEqual([true])
    expect(await outcomes(mpsFixtures, list({ rows: 11, optimum }))).toEqual([false])
    expect(await outcomes(mpsFixtures, list({ optimum: optimum + 1e-3 }))).toEqual([false])
    expect(await outcomes(mpsFixtures, list({ status: 8 }))).toEqual([false])
    expect(await outcomes(mpsFixtures, list({}))).toEqual([false])
    expect(await outcomes(mpsFixtures, list({ file: 'two.mps', optimum }))).toEqual([false])
  })

  it.skipIf(pack === undefined)('everything of the data pack passes', { timeout: 120_000 }, async () => {
    const folder = await readFixtureFolder(pack ?? '.')
    const counts: Record<string, number> = {}
    for (const kind of fixtureKinds) {
      for (const { name, tolerance, run } of await kind.find(folder)) {
        const result = await run()
        expect([name, result.worst <= (result.tolerance ?? tolerance), result.worst]).toEqual([
          name,
          true,
          result.worst,
        ])
        counts[kind.name] = (counts[kind.name] ?? 0) + 1
      }
    }
    expect(counts).toMatchObject({ 'lp-labels': 4, 'lp-mps': 39 })
  })
})
