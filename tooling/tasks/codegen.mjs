// Everything that is generated from dependencies and not committed. Runs after `pnpm install`.
import { spawnSync } from 'node:child_process'
const r = spawnSync(process.execPath, ['packages/tensor/codegen.mjs'], { stdio: 'inherit' })
process.exit(r.status ?? 1)
