import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EquilibriaError } from '@equilibria/tensor'
import { type HostTensor, readSafetensors, writeSafetensors, type WritableTensor } from '@equilibria/training'

const raw = (t: { data: HostTensor['data'] }) =>
  Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength).toString('hex')
const plain = (
  tensors: Readonly<Record<string, { dtype?: string; shape: readonly number[]; data: HostTensor['data'] }>>,
) =>
  Object.entries(tensors)
    .map(([name, t]) => ({ name, dtype: t.dtype, shape: [...t.shape], type: t.data.constructor.name, raw: raw(t) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))

const bytesOf = (n: number) => fc.uint8Array({ minLength: n, maxLength: n })
const from = <T>(Type: new (b: ArrayBuffer) => T, b: Uint8Array) => new Type(b.slice().buffer as ArrayBuffer)
const kinds = {
  F64: [8, Float64Array],
  F32: [4, Float32Array],
  I64: [8, BigInt64Array],
  I32: [4, Int32Array],
  I16: [2, Int16Array],
  U8: [1, Uint8Array],
  I8: [1, Int8Array],
} as const
const tensor: fc.Arbitrary<Required<WritableTensor>> = fc
  .tuple(fc.array(fc.nat(4), { maxLength: 3 }), fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])))
  .chain(([shape, dtype]) => {
    const [size, Type] = kinds[dtype]
    return bytesOf(shape.reduce((a, b) => a * b, 1) * size).map((b) => ({
      dtype,
      shape,
      data: from(Type as typeof Float32Array, b),
    }))
  })
const name = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((s) => s !== '__metadata__')
const table = fc.dictionary(name, tensor, { maxKeys: 5 })
const metadata = fc.dictionary(fc.string(), fc.string({ unit: 'grapheme', maxLength: 12 }))

const outcome = (bytes: Uint8Array) => {
  try {
    return readSafetensors(bytes)
  } catch (error) {
    if (!EquilibriaError.is(error)) throw error
    expect(error.code).toBe('file')
    return undefined
  }
}
const message = (bytes: Uint8Array): string => {
  try {
    readSafetensors(bytes, 'a.safetensors')
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}
/** A file with this header text and this many data bytes. */
const file = (header: string, size = 0): Uint8Array => {
  const json = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + json.length + size)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  return bytes
}
const entry = (begin: number, end: number, shape: unknown = [1], dtype = 'F32') =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] })

describe('safetensors', () => {
  test('nesting too deep for JSON.stringify is refused like the rest', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000)
    expect(message(file(`{"a":${deep}}`))).toContain('tensor "a": the header entry must be an object')
  })

  test('what is written is read, to the bit', () => {
    fc.assert(
      fc.property(table, metadata, (tensors, text) => {
        const bytes = writeSafetensors(tensors, text)
        expect(bytes.length).toBeGreaterThanOrEqual(8)
        const back = readSafetensors(bytes)
        expect(plain(back.tensors)).toEqual(plain(tensors))
        expect({ ...back.metadata }).toEqual({ ...text })
        expect(writeSafetensors(back.tensors, back.metadata)).toEqual(bytes)
      }),
    )
  })

  test('data at odd addresses is copied, not misread', () => {
    fc.assert(
      fc.property(table, fc.integer({ min: 1, max: 7 }), (tensors, shift) => {
        const bytes = writeSafetensors(tensors)
        const moved = new Uint8Array(bytes.length + shift)
        moved.set(bytes, shift)
        expect(plain(readSafetensors(moved.subarray(shift)).tensors)).toEqual(plain(tensors))
      }),
    )
  })

  test('every truncation is an error', () => {
    const some = {
      w: { shape: [3], data: Float32Array.of(1, 2, 3) },
      i: { shape: [2], data: BigInt64Array.of(1n, -2n) },
    }
    const bytes = writeSafetensors(some, { a: 'b' })
    for (let n = 0; n < bytes.length; n++) expect(outcome(bytes.subarray(0, n))).toBeUndefined()
    expect(outcome(bytes)).toBeDefined()
    expect(message(new Uint8Array([...bytes, 0]))).toContain('belongs to no tensor')
  })

  test('flipped bits give an error or a table that is whole', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(table, metadata, flips, (tensors, text, where) => {
        const bytes = writeSafetensors(tensors, text)
        // Every second flip is aimed at the length and the header, where it can do harm.
        const head = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
        where.forEach(([at, by], i) => (bytes[at % (i % 2 ? bytes.length : head)]! ^= by))
        const back = outcome(bytes)
        if (!back) return
        for (const t of Object.values(back.tensors)) expect(t.data.length).toBe(t.shape.reduce((a, b) => a * b, 1))
        const again = readSafetensors(writeSafetensors(back.tensors, back.metadata))
        expect(plain(again.tensors)).toEqual(plain(back.tensors))
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['a length beyond the file', file('{}').fill(0xff, 0, 8), 'announce a header of 18446744073709551615 bytes'],
    ['no JSON', file('{"a":'), 'is not JSON'],
    ['an array', file('[]'), 'must be a JSON object'],
    ['leading space', file(' {}'), 'starts at byte 8'],
    ['bad UTF-8', file('{}').fill(0xff, 8), 'not JSON in UTF-8'],
    ['a name twice', file(`{"a":${entry(0, 4)},"a" \n:${entry(0, 4)}}`, 4), 'names "a" twice'],
    ['a name twice, escaped', file(`{"a":${entry(0, 4)},"\\u0061":${entry(0, 4)}}`, 4), 'names "a" twice'],
    ['a field twice', file('{"a":{"dtype":"F32","dtype":"I32","shape":[],"data_offsets":[0,4]}}', 4), '"dtype" twice'],
    ['overlap', file(`{"a":${entry(0, 8, [2])},"b":${entry(4, 8)}}`, 8), 'tensor "b" starts at byte 119'],
    ['a hole', file(`{"a":${entry(4, 8)}}`, 8), 'a hole'],
    ['past the end', file(`{"a":${entry(0, 8, [2])}}`, 4), 'but the file has'],
    ['begin after end', file(`{"a":${entry(4, 0)}}`, 4), 'tensor "a" lies at bytes'],
    ['wrong span', file(`{"a":${entry(0, 4, [2])}}`, 4), 'F32 of shape [2] takes 8 bytes'],
    ['a huge shape', file(`{"a":${entry(0, 4, [2 ** 52, 2 ** 52])}}`, 4), 'tensor "a"'],
    ['zero times overflow', file(`{"a":${entry(0, 0, [1e300, 0])}}`), 'whole numbers'],
    ['a negative dimension', file(`{"a":${entry(0, 4, [-1, -1])}}`, 4), 'whole numbers'],
    ['a fraction', file(`{"a":${entry(0, 4, [0.5, 2])}}`, 4), 'whole numbers'],
    ['an unknown type', file(`{"a":${entry(0, 4, [1], 'F8_E4M3')}}`, 4), '"F8_E4M3" is none of F64'],
    ['a prototype name as type', file(`{"a":${entry(0, 4, [1], 'toString')}}`, 4), 'is none of'],
    [
      'an unknown field',
      file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}'),
      'unknown header field "x"',
    ],
    ['metadata that is no text', file('{"__metadata__":{"a":1}}'), '"a" must be a string'],
    ['a BOOL of 2', file(`{"a":${entry(0, 1, [1], 'BOOL')}}`, 1).fill(2, -1), 'is 2; only 0 and 1'],
    ['deep nesting', file('['.repeat(200_000) + ']'.repeat(200_000)), 'a.safetensors:'],
  ])('%s is named', (_, bytes, text) => {
    expect(message(bytes)).toContain('a.safetensors: ')
    expect(message(bytes)).toContain(text)
  })

  test('a tensor may be called like a property of every object', () => {
    const data = Float32Array.of(1)
    const back = readSafetensors(
      writeSafetensors(
        JSON.parse('{"__proto__":{},"toString":{}}', (key, v) => (key === '' ? v : { shape: [1], data })),
      ),
    )
    expect(Object.keys(back.tensors).sort()).toEqual(['__proto__', 'toString'])
    expect(back.tensors['constructor']).toBeUndefined()
  })

  test('all 65 536 patterns of F16 and BF16 survive decode and encode, and decode to their formula', () => {
    const patterns = Uint16Array.from({ length: 65_536 }, (_, i) => i)
    for (const dtype of ['F16', 'BF16'] as const) {
      const header = JSON.stringify({ a: { dtype, shape: [65_536], data_offsets: [0, 131_072] } })
      const bytes = file(header, 131_072)
      bytes.set(new Uint8Array(patterns.buffer), bytes.length - 131_072)
      const t = readSafetensors(bytes).tensors['a']!
      const back = writeSafetensors({ a: t })
      expect(Buffer.compare(back.slice(-131_072), new Uint8Array(patterns.buffer))).toBe(0)
      const [fractionBits, bias] = dtype === 'F16' ? [10, 15] : [7, 127]
      const wrong: number[] = []
      for (let p = 0; p < 65_536; p++) {
        const [e, f] = [(p & 0x7fff) >> fractionBits, p & (2 ** fractionBits - 1)]
        const special = e === 2 * bias + 1
        const magnitude = special
          ? f === 0
            ? Infinity
            : NaN
          : e === 0
            ? f * 2 ** (1 - bias - fractionBits)
            : (1 + f / 2 ** fractionBits) * 2 ** (e - bias)
        if (!Object.is(t.data[p], p >> 15 ? -magnitude : magnitude)) wrong.push(p)
      }
      expect(wrong).toEqual([])
    }
  })

  test('encoding to 16 bits rounds to the nearest, ties to even', () => {
    for (const dtype of ['F16', 'BF16'] as const) {
      const round = (values: number[]) =>
        readSafetensors(writeSafetensors({ a: { dtype, shape: [values.length], data: Float32Array.from(values) } }))
          .tensors['a']!.data as Float32Array
      fc.assert(
        fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
          const [got] = round([value])
          const ulp =
            dtype === 'F16'
              ? Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10))
              : Math.max(2 ** -133, 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7))
          const limit = dtype === 'F16' ? 65_520 : 3.3961776e38
          const right =
            Math.abs(value) >= limit ? Math.abs(got!) === Infinity : value === 0 || Math.abs(got! - value) <= ulp / 2
          expect([value, got, right]).toEqual([value, got, true])
        }),
      )
    }
    const ties = readSafetensors(
      writeSafetensors({ a: { dtype: 'F16', shape: [4], data: Float32Array.of(2049, 2051, 2 ** -25, 3 * 2 ** -25) } }),
    ).tensors['a']!
    expect([...(ties.data as Float32Array)]).toEqual([2048, 2052, 0, 2 ** -23])
  })

  test.each([
    ['a shape that does not fit', { a: { shape: [3], data: new Float32Array(2) } }, 'Tensor "a"'],
    ['an array of another type', { a: { dtype: 'F32', shape: [2], data: new Float64Array(2) } }, 'Float32Array'],
    ['the reserved name', { __metadata__: { shape: [0], data: new Float32Array(0) } }, 'cannot be stored'],
    ['a name that is no text', { '\ud800': { shape: [0], data: new Float32Array(0) } }, 'cannot be stored'],
  ] as [string, Record<string, WritableTensor>, string][])('writing refuses %s', (_, bad, text) => {
    expect(() => writeSafetensors(bad)).toThrow(text)
  })
})

const data = process.env['EQUILIBRIA_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const here = existsSync(data)
if (!here) console.log(`skipped, no data pack at ${data}: files of another writer`)
describe.skipIf(!here)('files of another writer', () => {
  const files = !here
    ? []
    : ['parity', 'lp/random'].flatMap((folder) =>
        readdirSync(join(data, folder), { recursive: true, encoding: 'utf8' })
          .filter((f) => f.endsWith('.safetensors'))
          .map((f) => join(folder, f)),
      )
  test('there are some', () => expect(files.length).toBeGreaterThan(0))
  test.each(files)('%s', (path) => {
    const bytes = readFileSync(join(data, path))
    const { tensors, metadata: text } = readSafetensors(bytes, path)
    expect(Object.keys(tensors).length).toBeGreaterThan(0)
    const total = Object.values(tensors).reduce((sum, t) => sum + t.data.byteLength, 0)
    expect(total).toBe(bytes.length - 8 - Number(bytes.readBigUInt64LE(0)))
    const again = readSafetensors(writeSafetensors(tensors, text))
    expect(plain(again.tensors)).toEqual(plain(tensors))
  })
})
