import { constants } from 'node:fs'
import { access, mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { EquilibriaError } from '@equilibria/core'

const refused = (option: string, path: string, why: string): EquilibriaError =>
  new EquilibriaError(
    'file',
    `Option --${option}: ${path} ${why}.`,
    'Name another place; folders that do not exist are made.',
  )

const kindOf = async (path: string): Promise<'folder' | 'file' | undefined> => {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file'
  } catch {
    return undefined
  }
}

/** From the nearest folder that exists to those above `folder` that have to be made, outermost first. */
async function chain(option: string, folder: string): Promise<{ base: string; missing: string[] }> {
  const missing: string[] = []
  for (let at = resolve(folder); ; at = dirname(at)) {
    const kind = await kindOf(at)
    if (kind === 'file') throw refused(option, at, 'is a file, not a folder')
    if (kind === 'folder') return { base: at, missing }
    if (dirname(at) === at) throw refused(option, at, 'does not exist')
    missing.unshift(at)
  }
}

/**
 * Whether files can be written in a folder, which need not exist yet: asked before minutes are spent on what goes there.
 * Makes nothing.
 * @throws EquilibriaError `file`, naming the folder that stands in the way.
 */
export async function checkFolder(option: string, folder: string): Promise<void> {
  const { base } = await chain(option, folder)
  try {
    await access(base, constants.W_OK)
  } catch {
    throw refused(option, base, 'may not be written')
  }
}

/** The same for a file: it must not be a folder. */
export async function checkFile(option: string, file: string): Promise<void> {
  if ((await kindOf(file)) === 'folder') throw refused(option, file, 'is a folder, not a file')
  await checkFolder(option, dirname(resolve(file)))
}

/**
 * Makes a folder. Level by level, because Node's recursive `mkdir` never ends where the system answers ENOENT to every
 * attempt, as below /proc.
 */
export async function makeFolder(option: string, folder: string): Promise<void> {
  for (const level of (await chain(option, folder)).missing) {
    try {
      await mkdir(level)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'EEXIST') throw refused(option, level, `cannot be made: ${message}`)
    }
  }
}
