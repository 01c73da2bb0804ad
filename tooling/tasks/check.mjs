// `npm run check`: every gate that is not a test, one line each; what a failing gate said stands below its line. The
// last line counts gates.
//
//   node tooling/tasks/check.mjs [--only GATE[,GATE…]] [--list]
import { spawnSync } from 'node:child_process'

const shell =
  (command, ...args) =>
  () => {
    const r = spawnSync(command, args, {
      encoding: 'utf8',
      shell: process.platform === 'win32',
      maxBuffer: 1 << 27,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    })
    if (r.status === 0) return { problems: [] }
    return { problems: [`${r.stdout ?? ''}${r.stderr ?? ''}`.trim() || `${command}: ${r.error?.message ?? r.status}`] }
  }
const both =
  (...steps) =>
  () => {
    for (const step of steps) {
      const r = step()
      if (r.problems.length) return r
    }
    return { problems: [] }
  }
const own = (name) => async () => (await import(`../checks/${name}.mjs`)).default()

/** In this order: what fails fast and explains most comes first; what needs `dist` comes last. */
const GATES = {
  format: { what: 'oxfmt --check', run: shell('oxfmt', '--check', '.') },
  types: {
    what: 'tsc: all files and type tests; sources again with isolated declarations',
    run: both(
      shell('tsc', '-p', 'tsconfig.json', '--pretty', 'false'),
      shell('tsc', '-p', 'tooling/tsconfig/sources.json', '--pretty', 'false'),
    ),
  },
  lint: { what: 'oxlint, type-aware', run: shell('oxlint', '--type-aware', '--deny-warnings', '--format=unix') },
  boundaries: { what: 'turbo boundaries: undeclared imports, floors as tags', run: shell('turbo', 'boundaries') },
  floors: { what: 'arrows point down, no cycles', run: own('floors') },
  workspace: { what: 'every package has the shape of the template', run: own('manifests') },
  knip: {
    what: 'unused files, exports and dependencies',
    run: shell('knip', '--no-progress', '--no-config-hints'),
  },
  docstrings: { what: 'doc comments, @cost, @cite, @throws, references', run: own('docstrings') },
  build: { what: 'turbo run build', run: shell('turbo', 'run', 'build', '--output-logs=errors-only') },
  sizes: { what: 'what each entry point adds to a bundle', run: own('sizes'), needs: 'build' },
  tarballs: { what: 'packed: files, publint, attw', run: own('tarballs'), needs: 'build' },
}

const args = process.argv.slice(2)
if (args.includes('--list')) {
  for (const [name, { what }] of Object.entries(GATES)) console.log(`${name.padEnd(11)} ${what}`)
  process.exit(0)
}
const i = args.indexOf('--only')
const chosen = i < 0 ? Object.keys(GATES) : (args[i + 1] ?? '').split(',')
const unknown = [...chosen.filter((g) => !(g in GATES)), ...args.filter((_, k) => i < 0 || (k !== i && k !== i + 1))]
if (unknown.length) {
  process.stderr.write(
    `check: "${unknown[0]}" is not known. Gates: ${Object.keys(GATES).join(', ')} (--only, --list).\n`,
  )
  process.exit(2)
}

const began = Date.now()
const failed = new Set()
let notRun = 0
for (const name of chosen) {
  const { what, run, needs } = GATES[name]
  if (failed.has(needs)) {
    console.log(`[check] ${name.padEnd(11)} not run: ${needs} failed`)
    failed.add(name)
    notRun++
    continue
  }
  const started = Date.now()
  let result
  try {
    result = await run()
  } catch (error) {
    result = { problems: [error.message] }
  }
  const { problems, note } = result
  const verdict = problems.length ? `FAILED${problems.length > 1 ? ` (${problems.length})` : ''}` : 'ok'
  const time = `${((Date.now() - started) / 1000).toFixed(1)} s`
  console.log(
    `[check] ${name.padEnd(11)} ${verdict.padEnd(11)} ${time.padStart(7)}  ${what}${note ? ` (${note})` : ''}`,
  )
  if (problems.length) {
    failed.add(name)
    console.log(problems.join('\n').replace(/^/gm, '          '))
  }
}
const total = `${((Date.now() - began) / 1000).toFixed(1)} s`
console.log(failed.size ? `[check] FAILED: ${[...failed].join(', ')} (${total})` : `[check] all ok (${total})`)
console.log(`${chosen.length - failed.size} passed, ${failed.size - notRun} failed, ${notRun} skipped`)
process.exitCode = failed.size ? 1 : 0
