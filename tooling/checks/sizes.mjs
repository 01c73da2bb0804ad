// What each entry point adds to a bundle: minified and gzipped, its own code only (other packages of the workspace, tfjs
// and other dependencies are external), measured on the built `dist` with esbuild. Budgets are in budgets.json.
//
//   node tooling/checks/sizes.mjs            the table
//   node tooling/checks/sizes.mjs --update   write budgets: what is measured, and some room
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { json, libraries, root } from './lib.mjs'

const BUDGETS = 'tooling/checks/budgets.json'
/** Entry points for Node alone; the others run in browsers. */
const NODE_ONLY = new Set(['./node'])
/** The contract is types only. */
const NOTHING = '@equilibria/spec'

/** `portable` names an entry point that must run in a browser. */
async function measure(contents, resolveDir, external, portable) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir, loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    conditions: ['import', 'node'],
    mainFields: ['module', 'main'],
    external: ['node:*', ...external],
    write: false,
    logLevel: 'silent',
  })
  const code = outputFiles[0].contents
  // `process.getBuiltinModule` behind a question is fine; an import is not.
  const builtin = portable && /(?:from|import)\s*\(?["'](node:[\w/]+)["']/.exec(outputFiles[0].text)
  if (builtin)
    throw new Error(`${portable} imports ${builtin[1]}: only a "./node" entry point may; browsers have none.`)
  return code.length === 0 ? 0 : gzipSync(code, { level: 9 }).length
}

/** `{ 'package/entry': bytes }` of everything that is published. */
export async function measureAll() {
  const sizes = {}
  for (const pkg of libraries()) {
    const folder = join(root, pkg.path)
    for (const [key, value] of Object.entries(pkg.manifest.publishConfig?.exports ?? {})) {
      if (typeof value === 'string') continue // data
      const file = value.default ?? value.node
      if (!existsSync(join(folder, file))) throw new Error(`${pkg.path}/${file} is not built.`)
      const names = Object.keys({ ...pkg.manifest.dependencies, ...pkg.manifest.peerDependencies })
      // Everything the entry point exports is kept: `export *` of it.
      sizes[pkg.manifest.name + key.slice(1)] = await measure(
        `import * as all from ${JSON.stringify(file)}\nexport * from ${JSON.stringify(file)}\nif (0) console.log(all)`,
        folder,
        names.flatMap((n) => [n, `${n}/*`]),
        NODE_ONLY.has(key) ? undefined : pkg.manifest.name + key.slice(1),
      )
    }
  }
  // What a user of the first example ships, tfjs aside.
  sizes['equilibrium + anderson + implicit + gmres'] = await measure(
    [
      "export { defineOperator, equilibrium } from '@equilibria/core'",
      "export { anderson } from '@equilibria/solvers'",
      "export { gmres } from '@equilibria/solvers/linear'",
      "export { implicit } from '@equilibria/implicit-diff'",
    ].join('\n'),
    join(root, 'docs/examples'),
    ['@tensorflow/*'],
  )
  return sizes
}

export default async function sizes() {
  const budgets = json(BUDGETS)
  const measured = await measureAll()
  const problems = []
  for (const [name, bytes] of Object.entries(measured)) {
    const most = name === NOTHING ? 0 : budgets[name]
    if (most === undefined)
      problems.push(`${name}: ${bytes} B and no budget; run node tooling/checks/sizes.mjs --update.`)
    else if (bytes > most) problems.push(`${name}: ${bytes} B gzipped, over its budget of ${most} B.`)
  }
  for (const name of Object.keys(budgets))
    if (!(name in measured)) problems.push(`${BUDGETS} has a budget for ${name}, which does not exist.`)
  const total = Object.values(measured).at(-1)
  return { problems, note: `a first model: ${(total / 1024).toFixed(1)} kB gzipped without tfjs`, measured }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const measured = await measureAll()
  if (process.argv.includes('--update')) {
    const room = (bytes) => Math.ceil((bytes * 1.15 + 256) / 256) * 256
    const budgets = Object.fromEntries(Object.entries(measured).map(([k, b]) => [k, k === NOTHING ? 0 : room(b)]))
    writeFileSync(join(root, BUDGETS), `${JSON.stringify(budgets, null, 2)}\n`)
  }
  const budgets = existsSync(join(root, BUDGETS)) ? json(BUDGETS) : {}
  for (const [name, bytes] of Object.entries(measured))
    console.log(`${String(bytes).padStart(7)} B of ${String(budgets[name] ?? '-').padStart(7)}  ${name}`)
}
