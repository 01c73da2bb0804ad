import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { EquilibriaError } from '@equilibria/tensor'

let count = 0

/**
 * Write a file so that whoever reads it, at any moment and after any crash, sees the old bytes or the new ones and
 * nothing in between: a temporary file in the same folder, `fsync`, rename, `fsync` of the folder.
 *
 * @throws EquilibriaError `file` when the folder cannot be written; the old file is then as it was.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${count++}.tmp`)
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw new EquilibriaError(
      'file',
      `${path} could not be written: ${(error as Error).message}`,
      'Check that the folder exists, may be written and has room.',
      { cause: error },
    )
  }
  await syncFolder(dirname(path))
}

/** Makes the rename survive a power cut. Not every system can open a folder; the file itself is safe without. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  try {
    await folder?.sync().catch(() => undefined)
  } finally {
    await folder?.close()
  }
}
