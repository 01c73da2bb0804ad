import { readFile } from 'node:fs/promises'
import { EquilibriaError } from '@equilibria/tensor'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { readCheckpoint } from '../checkpoint/read.ts'
import type { CheckpointStore } from '../checkpoint/store.ts'
import { writeCheckpoint } from '../checkpoint/write.ts'
import { writeFileAtomically } from './atomic-write.ts'

/** A checkpoint store in one file, written atomically. */
export function checkpointFile(path: string): CheckpointStore {
  return {
    name: path,
    async load() {
      try {
        return await readFile(path)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw unreadable(path, error)
      }
    },
    save: (bytes) => writeFileAtomically(path, bytes),
  }
}

/** @throws EquilibriaError `file`, naming the file, and the tensor or field that is wrong. */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw unreadable(path, error)
  }
  return readCheckpoint(bytes, path)
}

/** @throws EquilibriaError `file` when it cannot be written; an older file is then as it was. */
export const saveCheckpoint = (path: string, checkpoint: Checkpoint): Promise<void> =>
  writeFileAtomically(path, writeCheckpoint(checkpoint))

const unreadable = (path: string, error: unknown): EquilibriaError =>
  new EquilibriaError('file', `${path} could not be read: ${(error as Error).message}`, 'Check the path.', {
    cause: error,
  })
