// `npm start`: the first study, end to end. Further arguments go to it, `npm start -- --help` for instance.
import { spawnSync } from 'node:child_process'

const own = process.argv.slice(2)
const preset = own.some((a) => a === '--preset' || a.startsWith('--preset=')) ? [] : ['--preset', 'quick']
const words = ['study', 'lp', ...preset, ...own]
process.stderr.write(`[start] equilibria ${words.join(' ')}\n`)
const r = spawnSync(process.execPath, ['--conditions=@equilibria/source', 'apps/cli/src/bin.ts', ...words], {
  stdio: 'inherit',
})
process.exitCode = r.status ?? 1
