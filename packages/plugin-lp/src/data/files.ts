import type * as NodeFiles from 'node:fs'
import { fileError } from '../read/fail.ts'

/** The name of a split, as in its file. */
export type SplitName = 'train' | 'validation' | 'test'

/** The programs that ship with this package; literal, so that bundlers see them. */
const own: Readonly<Record<SplitName, () => URL>> = {
  train: () => new URL('../../data/train.safetensors', import.meta.url),
  validation: () => new URL('../../data/validation.safetensors', import.meta.url),
  test: () => new URL('../../data/test.safetensors', import.meta.url),
}

/** Node's own modules without an import that a bundler for browsers would stumble over. */
const nodeFiles = (): typeof NodeFiles | undefined =>
  typeof process === 'undefined' ? undefined : process.getBuiltinModule?.('node:fs')

/** The shipped programs of a split: from disk in Node, from beside the module in a browser. */
export async function readOwn(split: SplitName): Promise<Uint8Array> {
  const url = own[split]()
  const hint = 'Reinstall the package, or pass lpTask a `read` of your own.'
  try {
    const files = nodeFiles()
    if (url.protocol === 'file:' && files !== undefined) return new Uint8Array(await files.promises.readFile(url))
    const answer = await fetch(url)
    if (answer.ok) return new Uint8Array(await answer.arrayBuffer())
    throw new Error(`${answer.status} ${answer.statusText}`)
  } catch (error) {
    throw fileError(
      { file: url.href },
      `the programs shipped with plugin-lp cannot be read: ${String(error)}`,
      hint,
      error,
    )
  }
}

const packed: Readonly<Record<SplitName, string>> = { train: 'train', validation: 'val', test: 'test' }

/**
 * A split of the data pack in `folder`; nothing when the pack is not there (or there are no files at all, in a browser).
 * @throws `file` when the pack is there and cannot be read.
 */
export async function readPack(folder: string, split: SplitName): Promise<Uint8Array | undefined> {
  const files = nodeFiles()
  const path = `${folder.replace(/[\\/]+$/, '')}/lp/random/${packed[split]}.safetensors`
  if (files === undefined || !files.existsSync(path)) return undefined
  try {
    return new Uint8Array(await files.promises.readFile(path))
  } catch (error) {
    throw fileError({ file: path }, `the file cannot be read: ${String(error)}`, 'Check its permissions.', error)
  }
}
