// The bootstrap on a tiny workspace of its own, with this clone's tools.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const tools = join(root, '.tools')
/** The Node that npm runs on: an old one needs another for tooling, a new one does not. */
const systemNode = process.env['SYSTEM_NODE'] ?? process.execPath
const [major = 0, minor = 0] = spawnSync(systemNode, ['-p', 'process.versions.node'], { encoding: 'utf8' })
  .stdout.split('.')
  .map(Number)
const newNode = major > 22 || (major === 22 && minor >= 18)
const own: Record<string, string> = existsSync(join(tools, 'stamp.json'))
  ? JSON.parse(readFileSync(join(tools, 'stamp.json'), 'utf8'))
  : {}
const stamp = JSON.stringify(newNode ? { pnpm: own['pnpm'] } : own)
const usable = own['pnpm'] !== undefined && (newNode || Object.keys(own).length > 1)
let clone: string

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'equilibria-bootstrap-'))
  mkdirSync(join(clone, 'tooling/bootstrap'), { recursive: true })
  mkdirSync(join(clone, '.tools'))
  cpSync(join(root, 'tooling/bootstrap/run.mjs'), join(clone, 'tooling/bootstrap/run.mjs'))
  if (existsSync(tools)) {
    symlinkSync(join(tools, 'node_modules'), join(clone, '.tools/node_modules'))
    writeFileSync(join(clone, '.tools/stamp.json'), stamp)
  }
  writeFileSync(join(clone, 'package.json'), '{"name":"tiny","private":true}\n')
  writeFileSync(join(clone, 'pnpm-lock.yaml'), "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n")
})
afterEach(() => rmSync(clone, { recursive: true, force: true }))

const words = (...args: string[]) => [join(clone, 'tooling/bootstrap/run.mjs'), ...args]
function run(args: string[], env: Record<string, string> = {}, before: string[] = []) {
  const r = spawnSync(systemNode, [...before, ...words(...args)], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  })
  return { code: r.status, out: r.stdout, said: r.stderr }
}
const started = (child: ChildProcess) =>
  new Promise<string>((done) => {
    let said = ''
    child.stderr!.on('data', (chunk) => (said += String(chunk)))
    child.on('exit', () => done(said))
  })

describe.skipIf(!usable)("with this clone's tools (skipped when there is no .tools)", () => {
  test('installs, says so on stderr, and passes output, arguments and exit code of the command through', () => {
    const { code, out, said } = run(['node', '-e', 'console.log(process.argv.at(-1)); process.exit(7)', '--', 'a b'])
    expect(out).toBe('a b\n')
    expect(said).toMatch(/\[setup\] packages: ready in/)
    expect(code).toBe(7)
    expect(existsSync(join(clone, '.tools/lock'))).toBe(false)
  })

  test('settings of an outer npm do not reach the command; telemetry is off', () => {
    const code =
      'console.log(Object.keys(process.env).filter((k) => /^npm_/i.test(k)).join(), process.env.DO_NOT_TRACK)'
    const { out } = run(['node', '-e', code], {
      npm_config_dry_run: 'true',
      npm_config_global: 'true',
      npm_lifecycle_event: 'test',
    })
    expect(out).toBe(' 1\n')
  })

  test.skipIf(Object.keys(own).length < 2)('a Node fetched for an older one stays when a newer one runs it', () => {
    writeFileSync(join(clone, '.tools/stamp.json'), JSON.stringify(own))
    const bin = join(
      tools,
      'node_modules',
      Object.keys(own).find((name) => name !== 'pnpm')!,
      'bin/node',
    )
    const r = spawnSync(bin, words('node', '-e', ''), { encoding: 'utf8', timeout: 60_000 })
    expect([r.status, r.stderr]).toEqual([0, expect.not.stringContaining('fetching')])
    expect(JSON.parse(readFileSync(join(clone, '.tools/stamp.json'), 'utf8'))).toEqual(own)
  })

  test('a command that does not exist is named', () => {
    const { code, said } = run(['no-such-command'])
    expect(said).toContain('cannot run no-such-command')
    expect(code).toBe(1)
  })

  test('two setups in one clone: the second waits for the first', async () => {
    const holder = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
    writeFileSync(join(clone, '.tools/lock'), String(holder.pid))
    const second = spawn(systemNode, words('node', '-e', ''), { stdio: ['ignore', 'ignore', 'pipe'] })
    const said = started(second)
    await new Promise((done) => setTimeout(done, 800))
    expect(second.exitCode).toBe(null)
    holder.kill()
    // The lock is left behind as after a crash; the second sees that its owner is gone.
    expect(await said).toMatch(new RegExp(`process ${holder.pid}\\); waiting[\\s\\S]*packages: ready`))
  })

  test('a lockfile that does not fit ends readably, with what to do', () => {
    writeFileSync(join(clone, 'package.json'), '{"name":"tiny","private":true,"dependencies":{"absent":"1.0.0"}}\n')
    const { code, said } = run(['node', '-e', ''])
    expect(said).toMatch(/\[setup\] FAILED: pnpm install ended with exit code/)
    expect(said).toContain('the lockfile')
    expect(code).toBe(1)
  })
})

test('a registry that cannot be reached: the package is named, and what to do', () => {
  rmSync(join(clone, '.tools'), { recursive: true, force: true })
  // Port 9 (discard) on this machine: refused at once.
  const { code, said } = run(['node', '-e', ''], {
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_fetch_retries: '0',
    npm_config_cache: join(clone, 'cache'),
  })
  expect(said).toMatch(/\[setup\] FAILED: npm could not fetch (pnpm|node-\S+)@\d/)
  expect(said).toContain('run the same command again')
  expect(code).toBe(1)
  expect(existsSync(join(clone, '.tools/stamp.json'))).toBe(false)
})

test('an old Node on macOS: says which Node to install', () => {
  const disguise = join(clone, 'disguise.mjs')
  writeFileSync(
    disguise,
    `Object.defineProperty(process, 'platform', { value: 'darwin' })
     Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } })`,
  )
  const { code, said } = run(['node', '-e', ''], {}, ['--import', disguise])
  expect(said).toContain('Install Node >= 22.18')
  expect(code).toBe(1)
})

test('the lockfile of the repository names no address', () => {
  expect(readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8')).not.toMatch(/https?:\/\/|tarball:/)
})
