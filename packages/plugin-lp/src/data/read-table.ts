import { type HostTensor, readSafetensors } from '@equilibria/training'
import { fileError } from '../read/fail.ts'

/** The tensors of one file, asked for by name and checked as they are handed out. */
export interface Table {
  readonly file: string
  has(name: string): boolean
  /** A float or integer tensor of this shape as float64; `'*'` in the shape fits anything. */
  read(
    name: string,
    shape: readonly (number | '*')[],
  ): { readonly shape: readonly number[]; readonly data: Float64Array }
}

export function openTable(bytes: Uint8Array, file: string): Table {
  const { tensors } = readSafetensors(bytes, file)
  return {
    file,
    has: (name) => Object.hasOwn(tensors, name),
    read: (name, shape) => {
      const tensor = tensors[name]
      const place = { file, field: `tensor "${name}"` }
      const wanted = `[${shape.join(', ')}]`
      if (tensor === undefined)
        throw fileError(place, 'it is missing', `Labelled programs need it, of shape ${wanted}.`)
      const fits =
        tensor.shape.length === shape.length && tensor.shape.every((d, k) => shape[k] === '*' || shape[k] === d)
      if (!fits)
        throw fileError(place, `its shape is [${tensor.shape.join(', ')}], not ${wanted}`, 'Write the file again.')
      return { shape: tensor.shape, data: toFloat64(tensor) }
    },
  }
}

const toFloat64 = ({ data }: HostTensor): Float64Array => {
  if (data instanceof Float64Array) return data
  const out = new Float64Array(data.length)
  for (let i = 0; i < out.length; i++) out[i] = Number(data[i])
  return out
}
