/** A few lines that read what the tests need; the library has its own codec. */
export interface HostTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array
}

const types = { F32: Float32Array, F64: Float64Array, I32: Int32Array, I64: BigInt64Array, U8: Uint8Array }

export function readSafetensors(file: Uint8Array): Readonly<Record<string, HostTensor>> {
  const bytes = Uint8Array.from(file) // Buffer.slice would share a pool
  const size = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size))) as Record<
    string,
    { dtype: keyof typeof types; shape: number[]; data_offsets: [number, number] }
  >
  return Object.fromEntries(
    Object.entries(head)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => [name, { shape, data: new types[dtype](bytes.slice(8 + size + from, 8 + size + to).buffer) }],
      ),
  )
}
