/**
 * What needs a file system: linear programs from files.
 * @module plugin-lp/node
 */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { LinearProgram } from './program/program.ts'
import { fileError } from './read/fail.ts'
import { readLpJson } from './read/json.ts'
import { loadMps } from './read/load-mps.ts'
import type { MpsOptions, MpsProgram } from './read/mps.ts'

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    throw fileError(
      { file: path },
      `the file cannot be read: ${(error as Error).message}`,
      'Check the path and its permissions.',
      error,
    )
  }
}

/**
 * Reads an MPS file, gzipped or not.
 * @throws `file`: see `readMps`.
 */
export async function readMpsFile(path: string, options: MpsOptions = {}): Promise<MpsProgram> {
  return loadMps(await bytesOf(path), { ...options, name: options.name ?? basename(path) })
}

/**
 * Reads a linear program from `.mps`, `.mps.gz` or `.json` (the form of `readLpJson`), told apart by the name.
 * @throws `file`: see `readMps` and `readLpJson`.
 */
export async function readProgramFile(path: string): Promise<LinearProgram> {
  if (path.endsWith('.json')) return readLpJson(await bytesOf(path), { name: basename(path) })
  return readMpsFile(path)
}
