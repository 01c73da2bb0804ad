// What every library package looks like. Used by `pnpm new package`, and the check compares every package with it.
import { mkdirSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SOURCE = '@equilibria/source'

/** One entry of an `exports` map: source for this workspace, dist for everybody else. */
export function entry(file) {
  return { [SOURCE]: `./src/${file}.ts`, types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` }
}

/** `package.json` of a library. `dependencies` are workspace packages; `tfjs` adds the peer. */
export function packageJson({
  name,
  description,
  dependencies = [],
  devDependencies = [],
  external = {},
  tfjs = true,
  exports = { '.': 'index' },
  sideEffects = false,
}) {
  const strip = ({ [SOURCE]: _, ...rest }) => rest
  const map = (f) => ({
    ...Object.fromEntries(Object.entries(exports).map(([k, v]) => [k, f(entry(v))])),
    './package.json': './package.json',
  })
  return {
    name: `@equilibria/${name}`,
    version: '0.0.0',
    description,
    keywords: ['implicit-model', 'deep-equilibrium', 'fixed-point', 'tensorflow.js'],
    license: 'Apache-2.0',
    files: ['dist', 'src'],
    type: 'module',
    sideEffects,
    exports: map((e) => e),
    publishConfig: { access: 'public', exports: map(strip) },
    scripts: { build: 'tsc -p tsconfig.build.json' },
    dependencies: { ...Object.fromEntries(dependencies.map((d) => [`@equilibria/${d}`, 'workspace:^'])), ...external },
    devDependencies: {
      '@equilibria/tsconfig': 'workspace:*',
      ...Object.fromEntries(devDependencies.map((d) => [`@equilibria/${d}`, 'workspace:^'])),
      ...(tfjs ? { '@tensorflow/tfjs-core': 'catalog:' } : {}),
      '@types/node': 'catalog:',
      typescript: 'catalog:',
    },
    ...(tfjs ? { peerDependencies: { '@tensorflow/tfjs-core': '~4.22.0' } } : {}),
    engines: { node: '>=20.19' },
  }
}

export const files = ({ name, description, floor, ...rest }) => ({
  'package.json': JSON.stringify(packageJson({ name, description, ...rest }), null, 2) + '\n',
  'turbo.json': JSON.stringify({ extends: ['//'], tags: [`floor${floor}`] }) + '\n',
  'tsconfig.build.json':
    JSON.stringify({
      extends: '@equilibria/tsconfig/base.json',
      compilerOptions: { rootDir: 'src', outDir: 'dist', composite: false, incremental: false, customConditions: [] },
      include: ['src'],
    }) + '\n',
  'tsconfig.json':
    JSON.stringify({
      extends: '@equilibria/tsconfig/base.json',
      compilerOptions: { noEmit: true, composite: false, declaration: true, rootDir: '..' },
      include: ['src', 'test'],
    }) + '\n',
})

/** Write the files that are missing; never overwrite. */
export function write(folder, table) {
  for (const [path, text] of Object.entries(table)) {
    const to = join(folder, path)
    if (existsSync(to)) continue
    mkdirSync(join(to, '..'), { recursive: true })
    writeFileSync(to, text)
  }
}
