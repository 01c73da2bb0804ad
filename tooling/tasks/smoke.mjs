// Does what we would publish work for a stranger? Packs every publishable package, installs the tarballs with npm into
// an empty project outside the repository, and there, on the Node that the machine came with:
//   1. imports and requires every entry point;
//   2. solves, with a gradient, on tfjs `cpu`;
//   3. bundles the same program for browsers with esbuild and with vite, and runs what comes out;
//   4. runs the command line, when there is one.
//
//   node tooling/tasks/smoke.mjs [--keep]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { json, root, workspace } from '../checks/lib.mjs'
import { pack } from '../checks/tarballs.mjs'

const keep = process.argv.includes('--keep')
const began = Date.now()
const folder = mkdtempSync(join(tmpdir(), 'equilibria-smoke-'))
const project = join(folder, 'project')
/** The bootstrap says which Node started it; that is the one a user would have. */
const node = process.env['SYSTEM_NODE'] ?? process.execPath
const counts = { passed: 0, failed: 0, skipped: 0 }

function run(command, args, options = {}) {
  const env = {
    ...process.env,
    PATH: `${dirname(node)}${process.platform === 'win32' ? ';' : ':'}${process.env['PATH']}`,
  }
  for (const key of Object.keys(env))
    if (/^npm_(?!config_(registry|userconfig|globalconfig|cafile))/i.test(key)) delete env[key]
  return spawnSync(command, args, {
    cwd: project,
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 26,
    timeout: 600_000,
    ...options,
  })
}
function step(name, body) {
  const started = Date.now()
  let error
  try {
    body()
    counts.passed++
  } catch (caught) {
    error = caught
    counts.failed++
  }
  const time = `${((Date.now() - started) / 1000).toFixed(1)} s`
  console.log(`[smoke] ${error ? 'FAILED' : 'ok    '} ${time.padStart(7)}  ${name}`)
  // Minified code in a stack trace is one line of a megabyte.
  if (error)
    console.log(
      String(error.message)
        .replace(/^(.{300}).*$/gm, '$1 …')
        .replace(/^/gm, '          '),
    )
  return !error
}
function insist(r, what) {
  if (r.error || r.status !== 0)
    throw new Error(`${what}: ${r.error?.message ?? `exit code ${r.status}`}\n${r.stdout ?? ''}${r.stderr ?? ''}`)
  return r.stdout
}
const script = (name, text) => {
  writeFileSync(join(project, name), text)
  return name
}

/** A user's first program; prints what it found. */
const PROGRAM = `
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@equilibria/tensor/gradients'
import { defineOperator, equilibrium } from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'

await tf.setBackend('cpu')
// z = z/2 + x has z* = 2x, so d(sum z*)/dx = 2 everywhere.
const half = defineOperator({ name: 'half', initial: (x) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
const layer = equilibrium(half, { solver: anderson(), gradient: implicit({ solver: gmres() }), tolerance: 1e-6 })
const x = tf.tensor2d([[1, 2], [3, -4]])
const { state, status } = layer.solve(x)
const [dx] = tf.grads((x) => tf.sum(layer.solve(x).state))([x])
const close = (got, want) => got.every((g, i) => Math.abs(g - want[i]) < 1e-4)
if (status !== 'converged' || !close([...state.dataSync()], [2, 4, 6, -8])) throw new Error('wrong answer: ' + status + ' ' + state.dataSync())
if (!close([...dx.dataSync()], [2, 2, 2, 2])) throw new Error('wrong gradient: ' + dx.dataSync())
console.log('solved, with a gradient')
`

function main() {
  mkdirSync(project)
  let packed
  const version = run(node, ['--version']).stdout?.trim()
  console.log(`[smoke] system Node ${version}, npm ${run('npm', ['--version']).stdout?.trim()}, in ${project}`)
  if (
    !step('turbo run build', () =>
      insist(
        spawnSync('turbo', ['run', 'build', '--output-logs=errors-only'], { cwd: root, encoding: 'utf8' }),
        'turbo',
      ),
    )
  )
    return
  if (
    !step('pnpm pack, every publishable package', () => {
      packed = pack(folder)
    })
  )
    return

  const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')
  const pinned = (name) => new RegExp(`^ {2}'?${name}'?: (\\S+)$`, 'm').exec(catalog)?.[1] ?? '*'
  const tarballs = Object.fromEntries(Object.entries(packed).map(([n, f]) => [n, `file:${f}`]))
  const install = () => {
    writeFileSync(
      join(project, 'package.json'),
      JSON.stringify({
        name: 'a-stranger',
        private: true,
        type: 'module',
        dependencies: {
          ...tarballs,
          '@tensorflow/tfjs-core': pinned('@tensorflow/tfjs-core'),
          '@tensorflow/tfjs-backend-cpu': pinned('@tensorflow/tfjs-backend-cpu'),
        },
        devDependencies: { esbuild: pinned('esbuild'), vite: pinned('vite') },
        // Not published yet: what the tarballs ask of each other comes from tarballs too.
        overrides: Object.fromEntries(Object.keys(tarballs).map((n) => [n, `$${n}`])),
      }),
    )
    insist(
      run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { shell: process.platform === 'win32' }),
      'npm install',
    )
    const links = readdirSync(join(project, 'node_modules', '@equilibria'))
    if (links.length < 2) throw new Error('nothing was installed')
  }
  if (!step('npm install of the tarballs', install)) return

  const points = workspace('packages', 'apps')
    .filter((p) => !p.manifest.private)
    .flatMap(({ manifest }) =>
      Object.entries(manifest.publishConfig?.exports ?? manifest.exports ?? {})
        // Data that is shipped under a pattern is no module.
        .filter(([key]) => !key.includes('*'))
        .map(([key]) => manifest.name + key.slice(1)),
    )
  const modules = points.filter((p) => !p.endsWith('/package.json'))
  step(`import of ${modules.length} entry points`, () => {
    const text = `for (const p of ${JSON.stringify(modules)}) { try { await import(p) } catch (e) { console.error(p + ': ' + (e.stack ?? e)); process.exitCode = 1 } }`
    insist(run(node, [script('import.mjs', text)]), 'import')
  })
  step(`require() of ${points.length} entry points`, () => {
    // Node 20.19 and 22.12 are the first that can; before, it takes import().
    const text = `for (const p of ${JSON.stringify(points)}) { try { require(p) } catch (e) { console.error(p + ': ' + (e.stack ?? e)); process.exitCode = 1 } }`
    insist(run(node, [script('require.cjs', text)]), 'require')
  })
  step('a solve with a gradient in plain Node', () => {
    insist(run(node, [script('program.mjs', PROGRAM)]), 'program.mjs')
  })
  step('types: a strict TypeScript project compiles against the tarballs', () => {
    script(
      'program.ts',
      PROGRAM.replace('(x) => tf.zerosLike', '(x: tf.Tensor2D) => tf.zerosLike')
        .replace(
          'tf.grads((x) => tf.sum(layer.solve(x).state))',
          'tf.grads((x) => tf.sum(layer.solve(x as tf.Tensor2D).state))',
        )
        .replace('(got, want) =>', '(got: number[], want: number[]) =>')
        .replace('want[i])', 'want[i]!)')
        .replace('...dx.dataSync()', '...dx!.dataSync()')
        .replace("' + dx.dataSync()", "' + dx!.dataSync()"),
    )
    script(
      'tsconfig.json',
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          module: 'nodenext',
          target: 'es2023',
          skipLibCheck: true,
          noUncheckedIndexedAccess: true,
          types: [],
          lib: ['es2023', 'dom'],
        },
        files: ['program.ts'],
      }),
    )
    insist(run(join(root, 'node_modules', '.bin', 'tsc'), ['-p', '.'], { shell: process.platform === 'win32' }), 'tsc')
  })

  step('bundled by esbuild for browsers, and run', () => {
    const bin = join('node_modules', '.bin', 'esbuild')
    insist(
      run(
        bin,
        [
          'program.mjs',
          '--bundle',
          '--format=esm',
          '--platform=browser',
          '--minify',
          '--outfile=esbuild/program.mjs',
          '--log-level=warning',
        ],
        { shell: process.platform === 'win32' },
      ),
      'esbuild',
    )
    outside('esbuild/program.mjs')
  })
  step('bundled by vite for browsers, and run', () => {
    script(
      'vite.config.mjs',
      `export default { logLevel: 'warn', build: { target: 'es2022', outDir: 'vite', minify: true, rollupOptions: { input: 'program.mjs', output: { entryFileNames: 'program.mjs' } } } }`,
    )
    insist(run(join('node_modules', '.bin', 'vite'), ['build'], { shell: process.platform === 'win32' }), 'vite')
    outside('vite/program.mjs')
  })
  function outside(file) {
    // Elsewhere, so that nothing can be resolved (a bundle is complete or it fails), and with the globals that tfjs
    // takes for a browser in place of those that it takes for Node.
    const alone = join(folder, `alone-${counts.passed}.mjs`)
    writeFileSync(alone, readFileSync(join(project, file)))
    const host = join(folder, `host-${counts.passed}.mjs`)
    writeFileSync(
      host,
      `Object.defineProperty(globalThis, 'process', { value: undefined })
      Object.assign(globalThis, { window: globalThis, document: {}, addEventListener() {} })
      await import(${JSON.stringify(pathToFileURL(alone).href)})`,
    )
    const said = insist(run(node, [host], { cwd: folder }), file)
    if (!said.includes('solved, with a gradient')) throw new Error(`${file} said: ${said}`)
  }

  if (existsSync(join(root, 'apps/cli/package.json')) && !json('apps/cli/package.json').private)
    step('equilibria --help, from its tarball', () => {
      const said = insist(
        run(join('node_modules', '.bin', 'equilibria'), ['--help'], { shell: process.platform === 'win32' }),
        'equilibria',
      )
      if (!/equilibria/i.test(said)) throw new Error(`it said: ${said}`)
    })
  else {
    counts.skipped++
    console.log('[smoke] skipped           equilibria --help: there is no publishable apps/cli')
  }
}

try {
  main()
} finally {
  if (keep) console.log(`[smoke] kept ${folder}`)
  else rmSync(folder, { recursive: true, force: true })
}
console.log(`[smoke] ${((Date.now() - began) / 1000).toFixed(1)} s`)
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed ? 1 : 0
