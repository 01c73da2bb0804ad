// Workspace lint: every package has the shape of tooling/generators/package-template.mjs.
import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path'
import { files as template } from '../generators/package-template.mjs'
import { json, libraries, read, root, SOURCE, sources, workspace } from './lib.mjs'

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)
const MOST_LINES = 300
const TFJS = '@tensorflow/tfjs-core'

/** Without the source condition: what is published. */
const strip = (value) =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([k]) => k !== SOURCE)
          .map(([k, v]) => [k, strip(v)]),
      )
    : value

function exportsOf(pkg, say) {
  const { exports = {}, publishConfig = {} } = pkg.manifest
  if (exports['./package.json'] !== './package.json') say('exports: "./package.json" is missing.')
  for (const [key, value] of Object.entries(exports)) {
    if (key === './package.json') continue
    if (typeof value === 'string') {
      // A file that is shipped as it lies there: data, wasm.
      const folder = value.replace(/^\.\//, '').split('/')[0]
      if (!existsSync(join(root, pkg.path, folder))) say(`exports["${key}"]: ${folder} does not exist.`)
      if (!pkg.manifest.files?.some((f) => f.split('/')[0] === folder)) say(`files must name "${folder}".`)
      continue
    }
    const keys = Object.keys(value)
    if (keys[0] !== SOURCE || keys[1] !== 'types' || keys.at(-1) !== 'default') {
      say(`exports["${key}"] must list "${SOURCE}" first, then "types", and "default" last.`)
      continue
    }
    const pairs =
      typeof value[SOURCE] === 'string'
        ? [[value[SOURCE], value.default]]
        : Object.entries(value[SOURCE]).map(([condition, file]) => [file, value[condition]])
    for (const [from, to] of pairs) {
      if (!existsSync(join(root, pkg.path, from))) say(`exports["${key}"]: ${from} does not exist.`)
      const wanted = from.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, '.js')
      if (to !== wanted) say(`exports["${key}"]: ${from} is built to ${wanted}, not to ${to}.`)
    }
    if (!/^\.\/dist\/.+\.d\.ts$/.test(value.types)) say(`exports["${key}"].types must be a ./dist/….d.ts.`)
  }
  if (publishConfig.access !== 'public') say('publishConfig.access must be "public".')
  if (!same(publishConfig.exports, strip(exports)))
    say(`publishConfig.exports must be exports without "${SOURCE}", in the same order.`)
}

function versions(manifest, say, isLibrary) {
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
      const own = name.startsWith('@equilibria/') || name === 'equilibria'
      const legal = own
        ? kind === 'dependencies' && isLibrary
          ? ['workspace:^']
          : ['workspace:^', 'workspace:*']
        : ['catalog:']
      if (!legal.includes(version) && !(!own && /^catalog:\w+$/.test(version)))
        say(`${kind}["${name}"] is "${version}"; it must be ${legal.map((l) => `"${l}"`).join(' or ')}.`)
    }
}

function library(pkg, say) {
  const m = pkg.manifest
  if (m.name !== `@equilibria/${pkg.folder}` && m.name !== pkg.folder)
    say(`name is "${m.name}"; the folder says "@equilibria/${pkg.folder}".`)
  if (!m.description?.trim().endsWith('.')) say('description must be a sentence.')
  if (m.license !== 'Apache-2.0') say('license must be "Apache-2.0".')
  if (m.type !== 'module') say('type must be "module".')
  if (m.engines?.node !== '>=20.19') say('engines.node must be ">=20.19".')
  if (!m.keywords?.length) say('keywords are missing.')
  if (m.sideEffects !== false && !Array.isArray(m.sideEffects)) say('sideEffects must be false, or a list of files.')
  for (const folder of ['dist', 'src']) if (!m.files?.includes(folder)) say(`files must name "${folder}".`)
  if (!m.scripts?.build?.startsWith('tsc -p tsconfig.build.json')) say('scripts.build must start with tsc.')
  exportsOf(pkg, say)
  versions(m, say, true)

  const uses = sources(pkg).some((f) => read(f).includes(`'${TFJS}'`))
  if (uses && m.peerDependencies?.[TFJS] !== '~4.22.0')
    say(`${TFJS} must be a peer, "~4.22.0": two copies are two engines.`)
  for (const name of Object.keys(m.dependencies ?? {}))
    if (name.startsWith('@tensorflow/') && pkg.floor < 6) say(`${name} must not be a dependency; make it a peer.`)

  const expected = template({ name: pkg.folder, description: '', floor: pkg.floor })
  for (const file of ['tsconfig.json', 'tsconfig.build.json']) {
    if (!existsSync(join(root, pkg.path, file))) say(`${file} is missing.`)
    else if (!same(json(pkg.path, file), JSON.parse(expected[file]))) say(`${file} differs from the template.`)
  }
  if (!existsSync(join(root, pkg.path, 'README.md'))) say('README.md is missing.')
  else {
    const text = read(pkg.path, 'README.md')
    if (!text.startsWith(`# ${m.name}`)) say(`README.md must start with "# ${m.name}".`)
    // The contract has nothing to run.
    if (pkg.folder !== 'spec' && !/^```(ts|sh)$/m.test(text)) say('README.md has no example (a ```ts or ```sh block).')
  }
  for (const file of sources(pkg)) {
    const text = read(file)
    const lines = text.split('\n').length - 1
    const reason = /\blong\b|\blines\b|\bone file\b/i.test(text.slice(0, 600))
    if (lines > MOST_LINES && !reason)
      say(`${file} has ${lines} lines (most: ${MOST_LINES}). Cut it, or say at its top why it is long.`)
  }
}

export default function manifests() {
  const problems = []
  const published = libraries()
  for (const pkg of published) library(pkg, (text) => problems.push(`${pkg.path}: ${text}`))

  for (const pkg of workspace('tooling', 'apps')) {
    const say = (text) => problems.push(`${pkg.path}: ${text}`)
    versions(pkg.manifest, say, false)
    if (pkg.top === 'tooling' && pkg.manifest.private !== true) say('tooling packages are private.')
    if (pkg.top === 'apps' && !pkg.manifest.private) exportsOf(pkg, say)
    for (const [name, file] of Object.entries(pkg.manifest.bin ?? {})) {
      const source = file.replace(/^\.\/dist\//, './src/').replace(/\.js$/, '.ts')
      if (!existsSync(join(root, pkg.path, source)))
        say(`bin["${name}"] is built from ${source}, which does not exist.`)
    }
    if (!pkg.manifest.private && pkg.manifest.engines?.node !== '>=20.19') say('engines.node must be ">=20.19".')
  }
  const rootManifest = json('package.json')
  versions(rootManifest, (text) => problems.push(`package.json: ${text}`), false)

  const example = json('docs/examples/package.json').devDependencies
  for (const { manifest } of published)
    if (!example[manifest.name]) problems.push(`docs/examples/package.json: add "${manifest.name}": "workspace:*".`)

  const names = new Set(workspace('packages', 'apps').map((p) => p.manifest.name))
  for (const file of globSync('.changeset/*.md', { cwd: root }).filter((f) => !f.endsWith('README.md')))
    for (const [, name] of (read(file).split('---')[1] ?? '').matchAll(/^['"]?([^'":\s]+)['"]?\s*:/gm))
      if (!names.has(name)) problems.push(`${file} names "${name}", which is not a package here.`)

  // A resolved address in the lockfile would tie every clone to one registry.
  const lock = read('pnpm-lock.yaml')
  const address = /^.*(tarball: |https?:\/\/).*$/m.exec(lock)
  if (address) problems.push(`pnpm-lock.yaml holds an address: ${address[0].trim()}`)
  return { problems, note: `${published.length} libraries` }
}
