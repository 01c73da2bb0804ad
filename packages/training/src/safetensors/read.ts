import { type HostArray, type HostTensor, holder } from './dtypes.ts'
import { decodeBfloat16, decodeFloat16 } from './half.ts'
import { type Fail, failIn, parseHeader, type Span } from './header.ts'

/** What a safetensors file holds. */
export interface Safetensors {
  /** Tensors by name, in the order in which their data lies in the file. An object without a prototype. */
  readonly tensors: Readonly<Record<string, HostTensor>>
  /** The free text fields of the file; empty when it has none. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Parse a safetensors file: `u64 header length | JSON header | data`, little-endian, row-major.
 *
 * Every length, offset and shape is compared with the file before it is used; overlaps, holes, trailing bytes,
 * repeated names and unknown element types are errors. F16 and BF16 come back as `Float32Array`, I64 as
 * `BigInt64Array`, BOOL as `Uint8Array`. Data that lies aligned is a *view* into `bytes`, the rest is copied: keep
 * `bytes` unchanged, or copy.
 *
 * @param file What error messages call the bytes: usually the path.
 * @throws EquilibriaError `file`, naming the tensor and the byte.
 * @cite safetensors
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from '@equilibria/training'
 *
 * const bytes = writeSafetensors({ w: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } }, { author: 'me' })
 * const { tensors, metadata } = readSafetensors(bytes)
 * console.log(tensors['w']?.shape, metadata['author'])
 * ```
 */
export function readSafetensors(bytes: Uint8Array, file = 'safetensors data'): Safetensors {
  const fail = failIn(file)
  const { spans, metadata } = parseHeader(bytes, fail)
  const tensors: Record<string, HostTensor> = Object.create(null)
  for (const span of spans)
    tensors[span.name] = { dtype: span.dtype, shape: span.shape, data: dataOf(bytes, span, fail) }
  return { tensors, metadata }
}

function dataOf(bytes: Uint8Array, span: Span, fail: Fail): HostArray {
  const { dtype, elements, start } = span
  if (dtype === 'F16') return decodeFloat16(view(bytes, span, Uint16Array) as Uint16Array)
  if (dtype === 'BF16') return decodeBfloat16(view(bytes, span, Uint16Array) as Uint16Array)
  const data = view(bytes, span, holder[dtype])
  if (dtype === 'BOOL')
    for (let i = 0; i < elements; i++)
      if ((data[i] as number) > 1)
        fail(`tensor ${JSON.stringify(span.name)}: BOOL byte ${start + i} is ${data[i]}; only 0 and 1 are legal.`)
  return data
}

/** The machine is taken to be little-endian, like the format; every machine that runs JavaScript today is. */
function view(bytes: Uint8Array, { elements, start, end }: Span, Type: (typeof holder)['F32']): HostArray {
  const offset = bytes.byteOffset + start
  if (offset % Type.BYTES_PER_ELEMENT === 0 && bytes.buffer instanceof ArrayBuffer)
    return new Type(bytes.buffer, offset, elements)
  return new Type(bytes.slice(start, end).buffer as ArrayBuffer, 0, elements)
}
