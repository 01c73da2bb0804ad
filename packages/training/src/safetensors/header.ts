import { EquilibriaError } from '@equilibria/tensor'
import { type Dtype, isDtype, itemSize } from './dtypes.ts'
import { repeatedKey } from './json-keys.ts'

/** Where one tensor lies, in bytes from the start of the file. */
export interface Span {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly elements: number
  readonly start: number
  readonly end: number
}

/** Throws an `EquilibriaError('file')` that names the file. */
export type Fail = (message: string) => never

const hint = 'The file is damaged or is no safetensors file: fetch or write it again.'
export const failIn =
  (file: string): Fail =>
  (message) => {
    throw new EquilibriaError('file', `${file}: ${message}`, hint)
  }

/** The format's own limit on the header. */
const longestHeader = 100_000_000
export const metadataKey = '__metadata__'

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const show = (value: unknown): string => {
  let text: string
  try {
    text = JSON.stringify(value) ?? 'nothing'
  } catch {
    text = 'nesting without end' // JSON.parse does not mind how deep a file nests; JSON.stringify does
  }
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** Parse and check everything before the data: nothing of the file is believed that was not compared with its size. */
export function parseHeader(bytes: Uint8Array, fail: Fail): { spans: Span[]; metadata: Record<string, string> } {
  if (bytes.length < 8) fail(`${bytes.length} bytes; the header length alone takes bytes 0 to 8.`)
  const announced = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (announced > BigInt(Math.min(longestHeader, bytes.length - 8)))
    fail(
      `bytes 0 to 8 announce a header of ${announced} bytes, but ${bytes.length - 8} bytes follow (limit ${longestHeader}).`,
    )
  const dataStart = 8 + Number(announced)
  const header = parseJson(bytes.subarray(8, dataStart), fail)

  const metadata: Record<string, string> = Object.create(null)
  const spans: Span[] = []
  for (const [name, entry] of Object.entries(header))
    if (name === metadataKey) {
      if (!isObject(entry)) fail(`${metadataKey} must be an object of strings; found ${show(entry)}.`)
      for (const [key, value] of Object.entries(entry as Record<string, unknown>)) {
        if (typeof value !== 'string') fail(`${metadataKey} ${show(key)} must be a string; found ${show(value)}.`)
        metadata[key] = value as string
      }
    } else spans.push(spanOf(name, entry, dataStart, bytes.length, fail))

  // The format allows neither overlap nor holes, so sorted spans must follow each other exactly.
  spans.sort((a, b) => a.start - b.start || a.end - b.end)
  let expected = dataStart
  for (const { name, start, end } of spans) {
    if (start !== expected)
      fail(
        `tensor ${show(name)} starts at byte ${start}, where ${start < expected ? 'another tensor still lies: they overlap' : `a hole ends that starts at byte ${expected}`}.`,
      )
    expected = end
  }
  if (expected !== bytes.length)
    fail(`the tensors end at byte ${expected}, but the file has ${bytes.length} bytes: the rest belongs to no tensor.`)
  return { spans, metadata }
}

function parseJson(raw: Uint8Array, fail: Fail): Record<string, unknown> {
  let text = ''
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
    header = JSON.parse(text)
  } catch (error) {
    fail(`the header (bytes 8 to ${8 + raw.length}) is not JSON in UTF-8: ${(error as Error).message}`)
  }
  if (!isObject(header) || text[0] !== '{') return fail(`the header must be a JSON object that starts at byte 8.`)
  const twice = repeatedKey(text)
  if (twice) fail(`the header names ${show(twice.key)} twice (again at character ${twice.position} of the header).`)
  return header
}

function spanOf(name: string, entry: unknown, dataStart: number, size: number, fail: Fail): Span {
  const tensor = `tensor ${show(name)}`
  if (!isObject(entry)) return fail(`${tensor}: the header entry must be an object; found ${show(entry)}.`)
  const { dtype, shape, data_offsets: offsets } = entry
  const extra = Object.keys(entry).find((key) => !['dtype', 'shape', 'data_offsets'].includes(key))
  if (extra !== undefined) fail(`${tensor}: unknown header field ${show(extra)}.`)
  if (!isDtype(dtype))
    return fail(`${tensor}: element type ${show(dtype)} is none of ${Object.keys(itemSize).join(' ')}.`)
  if (!Array.isArray(shape) || !shape.every(isCount))
    return fail(`${tensor}: the shape must be an array of whole numbers; found ${show(shape)}.`)
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    return fail(`${tensor}: data_offsets must be [begin, end]; found ${show(offsets)}.`)
  const [begin, end] = offsets as [number, number]
  if (begin > end || dataStart + end > size)
    fail(`${tensor} lies at bytes ${dataStart + begin} to ${dataStart + end}, but the file has ${size} bytes.`)
  const elements = (shape as number[]).reduce((a, b) => a * b, 1)
  // Exact although `elements` may round: an inexact product is beyond any file size.
  if (!Number.isSafeInteger(elements) || elements * itemSize[dtype] !== end - begin)
    fail(
      `${tensor}: ${dtype} of shape [${shape.join(',')}] takes ${elements * itemSize[dtype]} bytes, but bytes ${dataStart + begin} to ${dataStart + end} are ${end - begin}.`,
    )
  return { name, dtype, shape: shape as number[], elements, start: dataStart + begin, end: dataStart + end }
}
