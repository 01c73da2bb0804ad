/** Bytes per element of every element type we read and write. */
export const itemSize = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const

/** Element types as the file format spells them. */
export type Dtype = keyof typeof itemSize

/** The typed arrays that tensors are read into and written from. */
export type HostArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array

/** A tensor in ordinary memory. F16 and BF16 live as `Float32Array`, BOOL as `Uint8Array` of 0 and 1. */
export interface HostTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** Row-major, `product(shape)` elements. */
  readonly data: HostArray
}

type Constructor = {
  new (buffer: ArrayBuffer, byteOffset: number, length: number): HostArray
  readonly name: string
  readonly BYTES_PER_ELEMENT: number
}

/** The array that holds each element type in memory. */
export const holder: Readonly<Record<Dtype, Constructor>> = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Float32Array,
  BF16: Float32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
}

export const isDtype = (text: unknown): text is Dtype => typeof text === 'string' && Object.hasOwn(itemSize, text)

/** The element type a bare array is written as. */
export function dtypeOf(data: HostArray): Dtype {
  if (data instanceof Float32Array) return 'F32'
  if (data instanceof Float64Array) return 'F64'
  if (data instanceof Int32Array) return 'I32'
  if (data instanceof Uint8Array) return 'U8'
  if (data instanceof Int8Array) return 'I8'
  if (data instanceof Int16Array) return 'I16'
  if (data instanceof Uint16Array) return 'U16'
  if (data instanceof Uint32Array) return 'U32'
  return data instanceof BigInt64Array ? 'I64' : 'U64'
}
