// Everything that is generated from dependencies and not committed. Runs after `pnpm install`.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

for (const name of readdirSync('packages').sort()) {
  const script = join('packages', name, 'codegen.mjs')
  if (!existsSync(script)) continue
  const r = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (r.status !== 0) {
    process.stderr.write(`codegen: ${script} failed\n`)
    process.exit(r.status ?? 1)
  }
}
