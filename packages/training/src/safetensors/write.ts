import { EquilibriaError } from '@equilibria/tensor'
import { type Dtype, dtypeOf, type HostArray, holder, itemSize } from './dtypes.ts'
import { encodeBfloat16, encodeFloat16 } from './half.ts'
import { metadataKey } from './header.ts'

/** A tensor to write. `dtype` left out is that of the array; F16 and BF16 are written from a `Float32Array`. */
export interface WritableTensor {
  readonly dtype?: Dtype
  readonly shape: readonly number[]
  readonly data: HostArray
}

/**
 * The bytes of a safetensors file. Tensors are laid out by element size, largest first, then by name, so that each lies
 * aligned; the same table gives the same bytes. F16 and BF16 round to nearest, ties to even.
 *
 * @throws EquilibriaError `data` when a shape, an array or a name does not fit, naming the tensor.
 * @cite safetensors
 */
export function writeSafetensors(
  table: Readonly<Record<string, WritableTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const parts = Object.entries(table).map(([name, tensor]) => part(name, tensor))
  parts.sort((a, b) => itemSize[b.dtype] - itemSize[a.dtype] || (a.name < b.name ? -1 : 1))

  const header: [string, unknown][] = []
  if (Object.keys(metadata).length > 0) header.push([metadataKey, checkedText(metadata)])
  let offset = 0
  for (const { name, dtype, shape, raw } of parts) {
    header.push([name, { dtype, shape, data_offsets: [offset, (offset += raw.length)] }])
  }
  // `fromEntries` defines properties, so a tensor called "__proto__" is a tensor.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  const dataStart = 8 + Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(dataStart + offset).fill(0x20, 8, dataStart)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataStart - 8), true)
  bytes.set(json, 8)
  let at = dataStart
  for (const { raw } of parts) {
    bytes.set(raw, at)
    at += raw.length
  }
  return bytes
}

/** No half of a surrogate pair alone: UTF-8 cannot hold it. */
const isText = (text: string): boolean => !/\p{Surrogate}/u.test(text)

function part(
  name: string,
  { dtype: asked, shape, data }: WritableTensor,
): { name: string; dtype: Dtype; shape: readonly number[]; raw: Uint8Array } {
  const fail = (message: string): never => {
    throw new EquilibriaError('data', `Tensor ${JSON.stringify(name)}: ${message}`, 'Correct the table to write.')
  }
  const dtype = asked ?? dtypeOf(data)
  if (name === metadataKey || !isText(name)) fail('this name cannot be stored in a safetensors file.')
  if (!Object.hasOwn(itemSize, dtype)) fail(`unknown element type ${String(dtype)}.`)
  if (data.constructor.name !== holder[dtype].name)
    fail(`${dtype} is written from a ${holder[dtype].name}; got a ${data.constructor.name}.`)
  const elements = shape.reduce((a, b) => a * b, 1)
  if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0) || elements !== data.length)
    fail(`shape [${shape.join(',')}] does not hold ${data.length} elements.`)
  if (dtype === 'BOOL' && (data as Uint8Array).some((v) => v > 1)) fail('BOOL holds 0 and 1 only.')
  const stored =
    dtype === 'F16'
      ? encodeFloat16(data as Float32Array)
      : dtype === 'BF16'
        ? encodeBfloat16(data as Float32Array)
        : data
  return { name, dtype, shape, raw: new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength) }
}

function checkedText(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(metadata))
    if (typeof value !== 'string' || !isText(key) || !isText(value))
      throw new EquilibriaError(
        'data',
        `Metadata ${JSON.stringify(key)} is not well-formed text.`,
        'Write strings only; encode structured values with JSON.stringify.',
      )
  return metadata
}
