import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { csrFromTriplets, type LinearProgram, readLpJson, readMps, writeLpJson, writeMps } from '@equilibria/plugin-lp'
import { readMpsFile, readProgramFile } from '@equilibria/plugin-lp/node'
import { EquilibriaError } from '@equilibria/tensor'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** Numbers a file may hold: ordinary ones, tiny and large ones, whole ones. No `−0`, which text does not keep. */
const finite = fc
  .oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.integer({ min: -9, max: 9 }),
    fc.constantFrom(1e-300, -1e19),
  )
  .map((v) => v + 0)
const interval = fc
  .tuple(finite, finite, fc.constantFrom('both', 'low', 'high', 'none', 'equal'))
  .map(([a, b, kind]): [number, number] => {
    const [low, high] = [Math.min(a, b), kind === 'equal' ? Math.min(a, b) : Math.max(a, b)]
    return [kind === 'high' || kind === 'none' ? -Infinity : low, kind === 'low' || kind === 'none' ? Infinity : high]
  })
const programs = fc
  .tuple(fc.array(interval, { maxLength: 5 }), fc.array(fc.tuple(finite, interval), { maxLength: 6 }), finite)
  .chain(([rows, columns, offset]) =>
    fc
      .uniqueArray(
        fc.tuple(
          fc.nat(rows.length),
          fc.nat(columns.length),
          finite.filter((v) => v !== 0),
        ),
        {
          selector: ([i, j]) => `${i},${j}`,
        },
      )
      .map((entries): LinearProgram => {
        const inside = entries.filter(([i, j]) => i < rows.length && j < columns.length)
        return {
          name: 'any',
          c: Float64Array.from(columns, ([cost]) => cost),
          offset,
          matrix: csrFromTriplets({
            rows: rows.length,
            columns: columns.length,
            row: inside.map(([i]) => i),
            column: inside.map(([, j]) => j),
            value: inside.map(([, , v]) => v),
          }),
          rowLower: Float64Array.from(rows, ([low]) => low),
          rowUpper: Float64Array.from(rows, ([, high]) => high),
          lower: Float64Array.from(columns, ([, [low]]) => low),
          upper: Float64Array.from(columns, ([, [, high]]) => high),
        }
      }),
  )
const numbers = (p: LinearProgram): unknown[] => [p.c, p.offset, p.matrix, p.rowLower, p.rowUpper, p.lower, p.upper]

describe('written and read again', () => {
  it('JSON keeps every bit', () => {
    fc.assert(
      fc.property(programs, (p) => {
        expect(numbers(readLpJson(writeLpJson(p)))).toEqual(numbers(p))
      }),
      { seed: 1 },
    )
  })

  it('MPS keeps every bit but one end of a range, which may miss by a rounding', () => {
    fc.assert(
      fc.property(programs, (p) => {
        const q = readMps(writeMps(p))
        const rowsOf = ({ rowLower, rowUpper }: LinearProgram): number[][] =>
          [...rowLower].map((l, i) => [l, rowUpper[i] ?? 0])
        expect([q.c, q.offset, q.matrix, q.lower, q.upper]).toEqual([p.c, p.offset, p.matrix, p.lower, p.upper])
        rowsOf(p).forEach(([low = 0, high = 0], i) => {
          const [readLow = 0, readHigh = 0] = rowsOf(q)[i] ?? []
          const rounding = 2 ** -52 * (Number.isFinite(high - low) ? Math.max(Math.abs(low), Math.abs(high)) : 0)
          expect(readLow === low || Math.abs(readLow - low) <= rounding).toBe(true)
          expect(readHigh === high || Math.abs(readHigh - high) <= rounding).toBe(true)
        })
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  it('names that free MPS cannot hold are replaced, others kept', () => {
    const p = readMps('NAME a b\nROWS\n N COST\n L r\n G s\nCOLUMNS\n x COST 1 r 1\n x s 1\nENDATA')
    expect(readMps(writeMps(p)).rowNames).toEqual(['r', 's'])
    expect(readMps(writeMps({ ...p, rowNames: ['r r', 's'] })).rowNames).toEqual(['R0', 'R1'])
    expect(readMps(writeMps({ ...p, rowNames: ['s', 's'] })).rowNames).toEqual(['R0', 'R1'])
    expect(readMps(writeMps({ ...p, rowNames: ['COST', 's'] })).rowNames).toEqual(['COST', 's'])
    expect(readMps(writeMps({ ...p, columnNames: ["'MARKER'"] })).columnNames).toEqual(['C0'])
  })
})

describe('the JSON form refuses', () => {
  const good = {
    format: 'equilibria-lp',
    version: 1,
    name: 'tiny',
    c: [1],
    entries: [[0, 0, 2]],
    rowLower: [null],
    rowUpper: [3],
    lower: [0],
    upper: [null],
  }
  const refusal = (text: string): string => {
    try {
      readLpJson(text, { name: 'bad.json' })
    } catch (error) {
      if (EquilibriaError.is(error) && error.code === 'file') return error.message
      throw error
    }
    return 'nothing thrown'
  }
  it('reads its own example', () => {
    const p = readLpJson(JSON.stringify(good))
    expect([p.rowLower[0], p.upper[0], p.matrix.values[0], p.offset]).toEqual([-Infinity, Infinity, 2, 0])
  })
  it.each([
    ['no JSON', '{\n"c": [1,,2]}', 'bad.json: this is no JSON: Unexpected token'],
    ['no object', '[]', 'the file holds no JSON object'],
    ['another format', JSON.stringify({ ...good, format: 'x' }), 'bad.json, format'],
    ['unknown field', JSON.stringify({ ...good, extra: 1 }), 'unknown field "extra"'],
    ['missing field', JSON.stringify({ ...good, c: undefined }), 'bad.json, c: nothing is no array'],
    ['NaN', JSON.stringify({ ...good, c: [Number.NaN] }), 'bad.json, c[0]: null is no finite number'],
    [
      'beyond float64',
      JSON.stringify(good).replace('"c":[1]', '"c":[1e999]'),
      'bad.json, c[0]: Infinity is no finite number',
    ],
    ['text for a number', JSON.stringify({ ...good, lower: ['0'] }), 'bad.json, lower[0]'],
    [
      'entry outside',
      JSON.stringify({ ...good, entries: [[1, 0, 2]] }),
      'bad.json, entries[0]: a list of 3 is no entry',
    ],
    ['crossed bounds', JSON.stringify({ ...good, lower: [4], upper: [3] }), 'the bounds of column 0 are 4 and 3'],
    ['lengths', JSON.stringify({ ...good, upper: [] }), 'upper has length 0, not 1'],
    ['names', JSON.stringify({ ...good, rowNames: ['a', 'b'] }), 'bad.json, rowNames: expected 1 texts'],
    [
      'nested beyond the stack',
      JSON.stringify(good).replace('[0,0,2]', '['.repeat(50_000) + ']'.repeat(50_000)),
      'entries[0]',
    ],
  ])('%s', (_, text, message) => {
    expect(refusal(text)).toContain(message)
  })
  it('anything else with the same error', () => {
    const text = JSON.stringify(good)
    let refused = 0
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(6), fc.string({ maxLength: 5 }), fc.json(), (at, cut, insert, json) => {
        for (const changed of [text.slice(0, at) + insert + text.slice(at + cut), json]) {
          if (refusal(changed) !== 'nothing thrown') refused++
        }
      }),
      { seed: 1, numRuns: 300 },
    )
    expect(refused).toBeGreaterThan(300)
  })
})

describe('files', () => {
  it('by name: MPS, gzipped MPS, JSON; what is missing is one error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lp-'))
    try {
      const p = readMps('NAME f\nROWS\n N c\n L r\nCOLUMNS\n x c 1 r 2\nRHS\n RHS r 3\nENDATA')
      writeFileSync(join(folder, 'a.mps'), writeMps(p))
      writeFileSync(join(folder, 'a.mps.gz'), gzipSync(writeMps(p)))
      writeFileSync(join(folder, 'a.json'), writeLpJson(p))
      for (const file of ['a.mps', 'a.mps.gz', 'a.json']) {
        expect(numbers(await readProgramFile(join(folder, file)))).toEqual(numbers(p))
      }
      const error: unknown = await readMpsFile(join(folder, 'b.mps')).catch((e: unknown) => e)
      expect(EquilibriaError.is(error) && error.message).toMatch(/b\.mps: the file cannot be read/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
