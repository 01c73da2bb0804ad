import type { DataOptions, Splits } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import type { LpInput, LpOutput } from '../graph/input.ts'
import { type LpDataset, lpDataset } from './dataset.ts'
import { readOwn, readPack, type SplitName } from './files.ts'
import { readLabelledPrograms } from './read-random.ts'

/** The three splits of linear programs, with their float64 originals. */
export interface LpSplits extends Splits<LpInput, LpOutput> {
  readonly train: LpDataset
  readonly validation: LpDataset
  readonly test: LpDataset
}

/** Bytes of a split; instead of the files that ship with the package. */
export type ReadSplit = (split: SplitName) => Promise<Uint8Array>

/**
 * The random linear programs with labels: all of the data pack when `folder` holds it (2 500, 250, 500), otherwise the
 * 800, 100, 200 first ones that ship with this package in float32. `limit` takes the first of each; `seed` changes
 * nothing, the sets are fixed.
 * @throws `file` for damaged files, `option` for limits that are no positive whole numbers.
 */
export async function loadSplits(options: DataOptions = {}, read: ReadSplit = readOwn): Promise<LpSplits> {
  const { folder, limit = {} } = options
  const sources = new Set<string>()
  const load = async (split: SplitName): Promise<LpDataset> => {
    const most = limit[split]
    if (most !== undefined && (!Number.isSafeInteger(most) || most < 1)) {
      throw new EquilibriaError('option', `limit.${split} is ${most}.`, 'Give a whole number from 1, or leave it out.')
    }
    const found = folder === undefined ? undefined : await readPack(folder, split)
    sources.add(found === undefined ? 'shipped with plugin-lp, in float32' : `data pack at ${folder}, in float64`)
    const bytes = found ?? (await read(split))
    return lpDataset(readLabelledPrograms(bytes, { name: `${split}`, ...(most === undefined ? {} : { limit: most }) }))
  }
  const [train, validation, test] = [await load('train'), await load('validation'), await load('test')]
  const sizes = [train, validation, test].map(({ size }) => size).join(' / ')
  const source = `${sizes} random linear programs of the published distribution (${[...sources].join('; ')})`
  return { train, validation, test, source }
}
