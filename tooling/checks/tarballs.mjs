// What would be published, judged as tarballs: their files, publint, and "are the types wrong".
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { readFileSync } from 'node:fs'
import { root, workspace } from './lib.mjs'

const run = (command, args, cwd = root) =>
  spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 1 << 26,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
  })

/** Pack every publishable package into `folder`; `{ name: path }`. */
export function pack(folder) {
  const packed = {}
  for (const pkg of workspace('packages', 'apps').filter((p) => !p.manifest.private)) {
    const r = run('pnpm', ['pack', '--json', '--pack-destination', folder], join(root, pkg.path))
    if (r.status !== 0) throw new Error(`pnpm pack failed in ${pkg.path}:\n${r.stdout}${r.stderr}`)
    const file = `${pkg.manifest.name.replace('@', '').replace('/', '-')}-${pkg.manifest.version}.tgz`
    if (!readdirSync(folder).includes(file)) throw new Error(`pnpm pack in ${pkg.path} wrote no ${file}.`)
    packed[pkg.manifest.name] = join(folder, file)
  }
  return packed
}

/** `{ path: text }` of a tarball: 512-byte headers, name at 0, size in octal at 124, long names in a pax header. */
export function untar(file) {
  const bytes = gunzipSync(readFileSync(file))
  const found = {}
  let long
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0;) {
    const field = (from, length) => bytes.toString('utf8', at + from, at + from + length).replace(/\0.*$/s, '')
    const size = Number.parseInt(field(124, 12), 8) || 0
    const type = field(156, 1)
    const data = bytes.subarray(at + 512, at + 512 + size)
    if (type === 'x') long = /\d+ path=([^\n]*)\n/.exec(data.toString('utf8'))?.[1]
    else {
      const prefix = field(345, 155)
      found[(long ?? (prefix ? `${prefix}/${field(0, 100)}` : field(0, 100))).replace(/^package\//, '')] = data
      long = undefined
    }
    at += 512 + Math.ceil(size / 512) * 512
  }
  return found
}

function contents(name, files, say) {
  const names = Object.keys(files)
  for (const wanted of ['package.json', 'README.md', 'LICENSE'])
    if (!names.includes(wanted)) say(`${wanted} is not in the tarball.`)
  if (!names.some((f) => f.startsWith('dist/') && f.endsWith('.js'))) say('there is no JavaScript in dist/.')
  for (const file of names)
    if (/\.tsbuildinfo$|\.test(-d)?\.|(^|\/)test\/|\.tgz$|(^|\/)\.env/.test(file)) say(`${file} must not be published.`)
  const manifest = files['package.json']?.toString('utf8') ?? ''
  if (/"(workspace|catalog):/.test(manifest)) say('package.json still says workspace: or catalog:.')
  if (manifest.includes('@equilibria/source')) say('package.json still has the source condition.')
}

export default function tarballs() {
  const problems = []
  const folder = mkdtempSync(join(tmpdir(), 'equilibria-pack-'))
  try {
    const packed = pack(folder)
    for (const [name, file] of Object.entries(packed)) {
      const say = (text) => problems.push(`${name}: ${text}`)
      const files = untar(file)
      contents(name, files, say)
      const lint = run('publint', ['--strict', file])
      if (lint.status !== 0) say(`publint:\n${lint.stdout}${lint.stderr}`)
      const manifest = JSON.parse(files['package.json'].toString('utf8'))
      if (!Object.values(manifest.exports ?? {}).some((value) => value.types)) continue
      const types = run('attw', [file, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii'])
      if (types.status !== 0) say(`attw:\n${types.stdout}${types.stderr}`)
    }
    return { problems, note: `${Object.keys(packed).length} tarballs` }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
