// `pnpm new` in a copy of this working tree: what it writes passes the checks and its own tests; what it refuses leaves
// nothing behind.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const copy = mkdtempSync(join(tmpdir(), 'equilibria-new-'))

function run(command: string, ...args: string[]): { readonly code: number | null; readonly said: string } {
  const PATH = `${join(copy, 'node_modules/.bin')}:${process.env['PATH']}`
  const env = { ...process.env, PATH, CI: '1', NO_COLOR: '1', EQUILIBRIA_LANE: 'everyday' }
  const r = spawnSync(command, args, { cwd: copy, encoding: 'utf8', env, maxBuffer: 1 << 26 })
  return { code: r.status, said: `${r.stdout}${r.stderr}${r.error?.message ?? ''}` }
}
const make = (...args: string[]) => run(process.execPath, 'tooling/generators/new.mjs', ...args)
const status = () => run('git', 'status', '--porcelain').said

beforeAll(() => {
  const listed = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  for (const file of listed.stdout.split('\n').filter(Boolean)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(join(root, file), join(copy, file), { force: true })
  }
  for (const [command, ...words] of [
    ['git', 'init', '-q'],
    ['git', 'add', '-A'],
    ['pnpm', 'install', '--frozen-lockfile', '--prefer-offline', '--loglevel=error'],
  ] as const) {
    const { code, said } = run(command, ...words)
    if (code !== 0) throw new Error(`${command} ${words.join(' ')}: ${said}`)
  }
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

test('bad names, kinds, options and existing targets: one line, exit code 2, nothing written', () => {
  const before = status()
  for (const [words, why] of [
    [[], 'pnpm new'],
    [['solver'], 'pnpm new'],
    [['wizard', 'x'], '"wizard"'],
    [['solver', 'Not_Kebab'], '"Not_Kebab"'],
    [['solver', 'a--b'], '"a--b"'],
    [['package', '../outside'], '"../outside"'],
    [['solver', 'class'], '"class"'],
    [['solver', 'picard'], 'exists already'],
    [['package', 'core'], 'exists already'],
    [['package', 'thing', '--floor', '9'], '--floor 9'],
    [['package', 'plugin-thing', '--floor', '3'], 'floor 5'],
    [['operator', 'thing', '--package', 'nowhere'], 'packages/nowhere'],
    [['solver', 'thing', '--colour', 'red'], '--colour'],
  ] as const) {
    const { code, said } = make(...words)
    expect(said).toContain(why)
    expect(said.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(2)
  }
  expect(status()).toBe(before)
})

test('a solver, an operator, an analyzer and two packages pass the checks and their tests as written', () => {
  const made = [
    ['solver', 'generated-solver'],
    ['operator', 'generated-operator'],
    ['analyzer', 'generated-analyzer'],
    ['package', 'generated-tools', '--description', 'Tools that were generated'],
    ['package', 'plugin-generated'],
  ]
  for (const words of made) {
    const { code, said } = make(...words)
    expect(said).toContain('wrote packages/')
    expect(code).toBe(0)
  }
  const checked = run(process.execPath, 'tooling/tasks/check.mjs')
  // Whatever else is wrong in this working tree is not the generator's doing.
  expect(checked.said.split('\n').filter((line) => /generated-|plugin-generated|not run/.test(line))).toEqual([])
  expect(checked.said).toMatch(/^\[check\] tarballs/m)

  const tested = run(process.execPath, 'tooling/tasks/test.mjs', '--skip-types', 'generated', 'tooling/examples')
  expect(tested.said).toMatch(/\n\d+ passed, 0 failed, 0 skipped\n$/)
  expect(tested.code).toBe(0)
}, 600_000)
