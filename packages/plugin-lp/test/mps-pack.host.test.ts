import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type LinearProgram, loadMps, readLpJson, readMps, writeLpJson, writeMps } from '@equilibria/plugin-lp'
import { loadExact } from '@equilibria/plugin-lp/exact'
import { readMpsFile } from '@equilibria/plugin-lp/node'
import { EquilibriaError } from '@equilibria/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Instance, lpPack, manifest } from './pack.ts'

const pack = lpPack()
const exact = loadExact()
const folder = (name: string): string => resolve(pack ?? '.', name)
const file = (dir: string, { name, file: own }: Instance): string => resolve(folder(dir), own ?? `${name}.mps`)
const listed = (dir: string): readonly Instance[] => (pack === undefined ? [] : manifest(folder(dir)))
const numbers = (p: LinearProgram): unknown[] => [
  p.c,
  p.offset,
  p.matrix,
  p.rowLower,
  p.rowUpper,
  p.lower,
  p.upper,
  p.rowNames,
  p.columnNames,
]

describe.skipIf(pack === undefined)('published linear programs', () => {
  it.each(listed('netlib').map((i) => [i.name, i] as const))('%s: sizes, offset, optimum', async (_, instance) => {
    const program = await readMpsFile(file('netlib', instance))
    expect(program.matrix.rows).toBe(instance.rows)
    expect(program.matrix.columns).toBe(instance.cols)
    expect(program.matrix.indices.length).toBe(instance.nonzeros)
    expect(program.offset).toBe(instance.objective_offset)
    const solve = await exact
    const { status, objective } = solve(program)
    expect(status).toBe('optimal')
    // e226: the published number leaves out the constant of the objective row.
    const listed = instance.published_optimum ?? undefined
    const expected = listed ?? instance.highs_objective ?? Number.NaN
    const published = instance.name === 'e226' && listed !== undefined ? expected + 7.113 : expected
    // Published with 11 digits or so; the simplex tolerance of 1e-7 is the looser of the two.
    expect(Math.abs(objective - published) / Math.max(1, Math.abs(published))).toBeLessThan(1e-6)
  })

  it.each(listed('mip_relaxations').map((i) => [i.name, i] as const))('%s: relaxation', async (_, instance) => {
    const program = await readMpsFile(file('mip_relaxations', instance))
    expect([program.matrix.rows, program.matrix.columns]).toEqual([instance.rows, instance.cols])
    expect(program.integer.length).toBeGreaterThan(0)
    const { objective } = (await exact)(program)
    const expected = instance.lp_relaxation_objective ?? Number.NaN
    expect(Math.abs(objective - expected) / Math.abs(expected)).toBeLessThan(1e-6)
  })

  it.each(listed('infeasible').map((i) => [i.name, i] as const))('%s: infeasible', async (_, instance) => {
    const program = await readMpsFile(file('infeasible', instance))
    expect([program.matrix.rows, program.matrix.columns]).toEqual([instance.rows, instance.cols])
    expect((await exact)(program).status).toBe('infeasible')
  })

  it('round trips to the bit, through MPS and through JSON', async () => {
    for (const dir of ['netlib', 'mip_relaxations', 'infeasible']) {
      for (const instance of listed(dir)) {
        const program = await readMpsFile(file(dir, instance))
        const json = readLpJson(writeLpJson(program))
        expect([instance.name, ...numbers(json)]).toEqual([instance.name, ...numbers(program)])
        const mps = readMps(writeMps(program))
        const renamed = program.rowNames.some((name) => name.includes(' '))
        const own = renamed ? { rowNames: mps.rowNames, columnNames: mps.columnNames } : {}
        expect([instance.name, ...numbers(mps)]).toEqual([instance.name, ...numbers({ ...program, ...own })])
      }
    }
  })

  it('any truncation or change of a real file gives a program or the one error', async () => {
    const texts = await Promise.all(
      ['afiro', 'vtpbase', 'boeing2', 'recipe'].map(async (name) => {
        const bytes = readFileSync(resolve(folder('netlib'), `${name}.mps.gz`))
        return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text()
      }),
    )
    const digit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.constant(1),
      insert: fc.constantFrom('0', '7', '-', '.'),
    })
    const rough = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(30),
      insert: fc.oneof(
        fc.string({ maxLength: 12 }),
        fc.constantFrom('\n', 'NaN', '1e999', '\0', 'ENDATA\n', 'RANGES\n', "'MARKER'"),
      ),
    })
    let [read, refused] = [0, 0]
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.oneof(fc.array(digit, { minLength: 1, maxLength: 1 }), fc.array(rough, { minLength: 1, maxLength: 4 })),
        fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 1 }),
        (text, edits, end) => {
          let changed = text
          for (const { at, cut, insert } of edits) {
            const from = Math.floor(at * changed.length)
            changed = changed.slice(0, from) + insert + changed.slice(from + cut)
          }
          if (end !== null) changed = changed.slice(0, Math.floor(end * changed.length))
          try {
            const program = readMps(changed)
            expect(program.matrix.starts.at(-1)).toBe(program.matrix.indices.length)
            read++
          } catch (error) {
            if (!EquilibriaError.is(error) || error.code !== 'file') throw error
            refused++
          }
        },
      ),
      { numRuns: 400, seed: 1 },
    )
    // Both outcomes must have been seen, or the test says nothing.
    expect(Math.min(read, refused)).toBeGreaterThan(20)
  })

  it('damaged gzip is the one error', async () => {
    const bytes = new Uint8Array(readFileSync(resolve(folder('netlib'), 'afiro.mps.gz')))
    let refused = 0
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean(), async (at, value, cut) => {
        const changed = cut ? bytes.slice(0, at) : bytes.slice()
        if (!cut) changed[at] = value
        await loadMps(changed).catch((error: unknown) => {
          if (!EquilibriaError.is(error) || error.code !== 'file') throw error
          refused++
        })
      }),
      { numRuns: 150, seed: 1 },
    )
    // The checksum of gzip sees nearly every change.
    expect(refused).toBeGreaterThan(100)
  })
})
