/*
 * Writes the programs that ship with this package: the first ones of the data pack's splits (our own data), numbers in
 * float32, indices in 8 bits. `node --conditions=@equilibria/source data/subset.mjs FOLDER_OF_THE_DATA_PACK`
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readSafetensors, writeSafetensors } from '@equilibria/training'

const splits = [
  ['train', 'train', 800],
  ['val', 'validation', 100],
  ['test', 'test', 200],
]
for (const [from, to, count] of splits) {
  const path = resolve(process.argv[2] ?? '.', `lp/random/${from}.safetensors`)
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(path)), path)
  const table = {}
  for (const name of ['b', 'c', 'lower', 'upper', 'edge_value', 'x_star', 'row_dual', 'edge_index', 'circ']) {
    const { shape, data } = tensors[name]
    const part = data.subarray(0, count * shape.slice(1).reduce((a, d) => a * d, 1))
    const small = name === 'edge_index' || name === 'circ' ? Uint8Array.from(part) : Float32Array.from(part)
    table[name] = { shape: [count, ...shape.slice(1)], data: small }
  }
  writeFileSync(new URL(`${to}.safetensors`, import.meta.url), writeSafetensors(table))
}
