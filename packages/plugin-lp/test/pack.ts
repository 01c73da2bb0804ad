import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** Where the data pack would be. */
export const packFolder: string =
  process.env['EQUILIBRIA_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data')

/** The data pack's folder of linear programs, or nothing, said once. */
export function lpPack(): string | undefined {
  const folder = resolve(packFolder, 'lp')
  if (existsSync(folder)) return folder
  console.log(`Skipped: no data pack at ${packFolder} (set EQUILIBRIA_DATA).`)
  return undefined
}

export interface Instance {
  readonly name: string
  readonly file?: string
  readonly rows: number
  readonly cols: number
  readonly nonzeros?: number
  readonly objective_offset?: number
  readonly published_optimum?: number | null
  readonly highs_objective?: number
  readonly lp_relaxation_objective?: number
  readonly status?: number
}

export function manifest(folder: string): readonly Instance[] {
  const parsed: { instances: Instance[] } = JSON.parse(readFileSync(resolve(folder, 'manifest.json'), 'utf8'))
  return parsed.instances
}
