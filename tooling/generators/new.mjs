// `pnpm new solver|operator|analyzer|package NAME`: writes a file, or a package, that already passes check and tests.
// Bad input is one line on stderr and exit code 2, with nothing written.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { entries, json, root, workspace } from '../checks/lib.mjs'
import { files as skeleton } from './package-template.mjs'
import { analyzer, camel, operator, plain, plugin, solver } from './templates.mjs'

const USAGE =
  'pnpm new solver|operator|analyzer NAME [--package FOLDER] · pnpm new package NAME [--floor 2…5] [--description "…"]'
/** An entry point nobody has measured yet. */
const FIRST_BUDGET = 2048

function refuse(text) {
  process.stderr.write(`new: ${text}\n`)
  process.exit(2)
}

const args = process.argv.slice(2)
const options = {}
const positional = []
while (args.length) {
  const word = args.shift()
  const match = /^--([a-z]+)(?:=(.*))?$/s.exec(word)
  if (!match) {
    if (word.startsWith('-')) refuse(`there is no option ${word}. ${USAGE}`)
    positional.push(word)
  } else {
    if (!['package', 'floor', 'description'].includes(match[1])) refuse(`there is no option --${match[1]}. ${USAGE}`)
    const value = match[2] ?? args.shift()
    if (!value) refuse(`--${match[1]} needs a value.`)
    options[match[1]] = value
  }
}
const [kind, name, ...rest] = positional
const HOMES = { solver: 'solvers', operator: 'operators', analyzer: 'theory' }
if (!kind || !name || rest.length) refuse(USAGE)
if (!(kind in HOMES) && kind !== 'package') refuse(`"${kind}" is not a kind of thing. ${USAGE}`)
const RESERVED = new Set(
  'await break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in index instanceof interface let new null package private protected public return static super switch this throw true try typeof undefined var void while with yield'.split(
    ' ',
  ),
)
if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 50)
  refuse(
    `"${name}" is not a usable name: lower-case words joined by single dashes, such as "broyden" or "peaceman-rachford".`,
  )
if (RESERVED.has(name)) refuse(`"${name}" is a word of JavaScript and cannot be the name of a function.`)

const writes = new Map()
const at = (path) => join(root, path)
const read = (path) => writes.get(path) ?? readFileSync(at(path), 'utf8')
const fresh = (path, text) => {
  if (existsSync(at(path))) refuse(`${path} exists already; nothing was written.`)
  writes.set(path, text)
}
const jsonText = (value) => `${JSON.stringify(value, null, 2)}\n`
const sorted = (table) => Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)))

function addPackage(folder, { floor, description, table, dependencies, devDependencies }) {
  const path = `packages/${folder}`
  if (existsSync(at(path))) refuse(`${path} exists already; nothing was written.`)
  const full = `@equilibria/${folder}`
  for (const [file, text] of Object.entries({
    ...skeleton({ name: folder, description, floor, dependencies, devDependencies }),
    ...table,
  }))
    fresh(`${path}/${file}`, text)
  const examples = json('docs/examples/package.json')
  examples.devDependencies = sorted({ ...examples.devDependencies, [full]: 'workspace:*' })
  writes.set('docs/examples/package.json', jsonText(examples))
  writes.set('tooling/checks/budgets.json', jsonText({ ...json('tooling/checks/budgets.json'), [full]: FIRST_BUDGET }))
}

if (kind === 'package') {
  const domain = name.startsWith('plugin-')
  const floor = Number(options.floor ?? (domain ? 5 : 3))
  if (!Number.isInteger(floor) || floor < 2 || floor > 5)
    refuse(`--floor ${options.floor}: new packages stand on floors 2 to 5 (floor 0 is spec, 1 tensor, 6 the apps).`)
  if (domain && floor !== 5) refuse(`a plugin stands on floor 5, not on ${floor}.`)
  if (options.package) refuse('--package is for solvers, operators and analyzers.')
  const given =
    options.description ??
    (domain ? `The domain ${name.slice(7)}: operators and samples.` : `What ${name} is for, in one sentence.`)
  const description = /[.!?]$/.test(given.trim()) ? given.trim() : `${given.trim()}.`
  if (/[\n\r*`]/.test(description)) refuse('--description is one line of plain text.')
  addPackage(name, {
    floor,
    description,
    table: (domain ? plugin : plain)(name, description),
    dependencies: domain ? ['core', 'plugin', 'spec', 'tensor'] : ['spec', 'tensor'],
    devDependencies: domain ? ['conformance'] : [],
  })
} else {
  if (options.floor || options.description) refuse('--floor and --description are for packages.')
  const folder = options.package ?? HOMES[kind]
  const home = workspace('packages').find((p) => p.folder === folder)
  const full = `@equilibria/${folder}`
  const parts = { solver, operator, analyzer }[kind](name)
  const test =
    typeof parts.test === 'function'
      ? parts.test(full)
      : parts.test.replaceAll(`@equilibria/${HOMES[kind]}'`, `${full}'`)
  if (!home && options.package) refuse(`there is no package packages/${folder}.`)
  if (!home) {
    // The first of its kind brings the package along.
    const description = 'Reusable maps with honest traits, and ways to combine them.'
    addPackage(folder, {
      floor: 3,
      description,
      dependencies: ['core', 'spec', 'tensor'],
      devDependencies: ['solvers'],
      table: {
        'src/index.ts': `/**\n * ${description}\n * @module ${folder}\n */\n${parts.line}`,
        [`src/${name}.ts`]: parts.source,
        [`test/${name}.test.ts`]: test,
        'README.md': `# ${full}\n\n${description} Operators are plain values: import one, bind an input, solve.\n\n\`\`\`ts\nimport * as tf from '@tensorflow/tfjs-core'\nimport { equilibrium } from '@equilibria/core'\nimport { anderson } from '@equilibria/solvers'\nimport { ${camel(name)} } from '${full}'\n\nconst { status } = equilibrium(${camel(name)}(), { solver: anderson() }).solve(tf.ones([1, 2]))\nconsole.log(status)\n\`\`\`\n`,
      },
    })
  } else {
    if (kind !== 'operator' && folder !== HOMES[kind] && home.floor < 3)
      refuse(
        `packages/${folder} is on floor ${home.floor}; a ${kind} belongs into packages/${HOMES[kind]} or a plugin.`,
      )
    const index = `packages/${folder}/${entries(home)['.']}`
    fresh(`packages/${folder}/src/${name}.ts`, parts.source)
    // The checks that every solver must pass stand above solvers, in conformance.
    fresh(
      kind === 'solver' && folder === 'solvers'
        ? `packages/conformance/test/solvers/${name}.test.ts`
        : `packages/${folder}/test/${name}.test.ts`,
      test,
    )
    const text = read(index)
    if (new RegExp(`\\b${camel(name)}\\b`).test(text))
      refuse(`${index} exports "${camel(name)}" already; nothing was written.`)
    const body = text.replace(/^export \{\}\n?/m, '')
    const header = /@module\b/.test(body) ? '' : `/**\n * ${home.manifest.description}\n * @module ${folder}\n */\n`
    writes.set(index, `${header}${body.replace(/\n*$/, '\n')}${parts.line}`)
    // What the new file and its test import.
    const manifest = home.manifest
    const used = new Set([...parts.source.matchAll(/from '(@equilibria\/[a-z-]+)/g)].map((m) => m[1]))
    const tested = new Set([...test.matchAll(/from '(@equilibria\/[a-z-]+)/g)].map((m) => m[1]))
    const missing = [...used].filter((n) => !manifest.dependencies?.[n])
    const inTests =
      kind === 'solver' && folder === 'solvers'
        ? []
        : [...tested].filter(
            (n) => n !== full && !used.has(n) && !manifest.dependencies?.[n] && !manifest.devDependencies?.[n],
          )
    if (missing.length || inTests.length) {
      for (const n of missing) manifest.dependencies = sorted({ ...manifest.dependencies, [n]: 'workspace:^' })
      for (const n of inTests) manifest.devDependencies = sorted({ ...manifest.devDependencies, [n]: 'workspace:^' })
      writes.set(`packages/${folder}/package.json`, jsonText(manifest))
    }
  }
}

for (const [path, text] of writes) {
  mkdirSync(dirname(at(path)), { recursive: true })
  writeFileSync(at(path), text)
  process.stdout.write(`wrote ${path}\n`)
}
const run = (command, ...words) => {
  const r = spawnSync(command, words, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' })
  if (r.status !== 0) {
    process.stderr.write(`new: ${command} ${words.join(' ')} failed\n${r.stdout ?? ''}${r.stderr ?? ''}`)
    process.exit(1)
  }
}
run('oxfmt', ...[...writes.keys()].filter((p) => /\.(ts|json)$/.test(p)))
if ([...writes.keys()].some((p) => p.endsWith('package.json')))
  run('pnpm', 'install', '--prefer-offline', '--no-frozen-lockfile', '--loglevel=error')
process.stdout.write('next: npm test, and npm run check\n')
