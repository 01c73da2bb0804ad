// `npm test`: types, then every test of the lane on every project (tfjs cpu, tfjs wasm, host).
//
//   node tooling/tasks/test.mjs [--lane everyday|slow] [--skip-types] [vitest arguments…]
//
// The last line on stdout is always `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const args = process.argv.slice(2)
const LANES = ['everyday', 'slow']
function option(name) {
  const i = args.findIndex((a) => a === name || a.startsWith(`${name}=`))
  if (i < 0) return undefined
  const [word] = args.splice(i, 1)
  return word.includes('=') ? word.slice(name.length + 1) : (args.splice(i, 1)[0] ?? '')
}
function flag(name) {
  const i = args.indexOf(name)
  if (i >= 0) args.splice(i, 1)
  return i >= 0
}

const lane = option('--lane') ?? process.env['EQUILIBRIA_LANE'] ?? 'everyday'
const skipTypes = flag('--skip-types')
if (!LANES.includes(lane)) {
  process.stderr.write(`test: there is no lane "${lane}". Pass --lane ${LANES.join(' or --lane ')}.\n`)
  process.exit(2)
}

const total = { passed: 0, failed: 0, skipped: 0 }
const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`
let code = 0

if (!skipTypes) {
  const started = Date.now()
  console.log('[test] types: tsc on sources, tests and type tests; sources again with isolated declarations')
  let said = ''
  for (const project of ['tsconfig.json', 'tooling/tsconfig/sources.json']) {
    const r = spawnSync('tsc', ['-p', project, '--pretty', 'false'], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
      maxBuffer: 1 << 26,
    })
    if (r.status !== 0)
      said += `${r.stdout ?? ''}${r.stderr ?? ''}${r.error?.message ?? ''}` || `tsc -p ${project} failed\n`
  }
  const ok = said === ''
  if (ok) total.passed++
  else {
    console.log(said)
    total.failed += Math.max(1, new Set(said.match(/^.+: error TS\d+.*$/gm)).size)
  }
  console.log(`[test] types: ${ok ? 'ok' : 'FAILED'} (${seconds(started)})`)
}

// Tests against third-party data are skipped without it; here is why, once.
const pack = resolve(process.env['EQUILIBRIA_DATA'] ?? '../shared/data')
console.log(
  existsSync(pack)
    ? `[test] data pack: ${pack}`
    : `[test] data pack: none at ${pack}, so tests that read it are skipped (EQUILIBRIA_DATA names another folder)`,
)

const folder = mkdtempSync(join(tmpdir(), 'equilibria-test-'))
const file = join(folder, 'summary.json')
// vitest's default reporter prints progress for people; the second one counts and says why tests were skipped.
const reporters = ['--reporter=default', '--reporter=./tooling/vitest-config/summary-reporter.mjs']
const started = Date.now()
console.log(`[test] ${lane} lane: vitest run ${args.join(' ')}`.trimEnd())
const r = spawnSync('vitest', ['run', '--passWithNoTests', ...reporters, ...args], {
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, EQUILIBRIA_LANE: lane, EQUILIBRIA_TEST_SUMMARY: file },
  shell: process.platform === 'win32',
})
let counts
try {
  counts = JSON.parse(readFileSync(file, 'utf8'))
} catch {
  console.log(`[test] vitest ended without a result (${r.error?.message ?? r.signal ?? `exit code ${r.status}`})`)
  counts = { passed: 0, failed: 1, skipped: 0 }
}
rmSync(folder, { recursive: true, force: true })
if (r.status !== 0 && counts.failed === 0) counts.failed = 1
for (const key of Object.keys(total)) total[key] += counts[key]
if (total.failed > 0) code = 1
console.log(`[test] ${lane} lane: ${counts.failed ? 'FAILED' : 'ok'} (${seconds(started)})`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = code
