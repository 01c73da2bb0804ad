import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { EquilibriaError } from '@equilibria/core'

/** The data pack: `--data`, then EQUILIBRIA_DATA, then `../shared/data`; `undefined` when there is none. */
export function dataFolder(named: string | undefined): string | undefined {
  if (named !== undefined && !existsSync(named))
    throw new EquilibriaError(
      'option',
      `Option --data: the folder ${named} does not exist.`,
      'Leave it out to use the data that ships with the task.',
    )
  if (named !== undefined && !statSync(named).isDirectory())
    throw new EquilibriaError(
      'option',
      `Option --data: ${named} is not a folder.`,
      'Leave it out to use the data that ships with the task.',
    )
  return [named, process.env['EQUILIBRIA_DATA'], resolve('../shared/data')].find(
    (f) => f !== undefined && f !== '' && existsSync(f),
  )
}
