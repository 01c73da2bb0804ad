import { defineConfig } from 'vitest/config'

/*
 * Every test file runs twice: on tfjs `cpu` and on `wasm`. Lanes are file names: `*.slow.test.ts` only with
 * EQUILIBRIA_LANE=slow; `*.host.test.ts` touch no tensor and run once, under `host`.
 */
const slow = process.env['EQUILIBRIA_LANE'] === 'slow'
const conditions = ['@equilibria/source', 'module', 'node', 'development|production']
const shared = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@equilibria/source', 'node'] } },
}
const where = ['packages', 'apps', 'tooling'].map((top) => `${top}/*/test/**/*`)
const lane = slow ? '.slow' : ''
const project = (name: string, setupFiles: string[], include: string[], exclude: string[] = []) => ({
  ...shared,
  test: {
    name,
    setupFiles,
    include,
    exclude: ['**/node_modules/**', ...exclude],
    testTimeout: slow ? 900_000 : 60_000,
    hookTimeout: 120_000,
  },
})
const others = ['**/*.host.*', ...(slow ? [] : ['**/*.slow.test.ts']), '**/*.browser.test.ts', '**/*.gpu.test.ts']

/** tfjs advises every Node process to install its native backend; here that is a line per test file. */
const banner = 'Hi, looks like you are running TensorFlow.js in Node.js'

export default defineConfig({
  test: {
    onConsoleLog: (log: string) => (log.includes(banner) ? false : undefined),
    projects: [
      project(
        'cpu',
        ['tooling/vitest-config/setup-cpu.ts'],
        where.map((w) => `${w}${lane}.test.ts`),
        others,
      ),
      project(
        'wasm',
        ['tooling/vitest-config/setup-wasm.ts'],
        where.map((w) => `${w}${lane}.test.ts`),
        others,
      ),
      project(
        'host',
        [],
        where.map((w) => `${w}.host${lane}.test.ts`),
        slow ? [] : ['**/*.slow.test.ts'],
      ),
    ],
  },
})
