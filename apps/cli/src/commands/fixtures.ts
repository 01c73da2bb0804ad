import {
  formatFixtureLine,
  implicitFixtures,
  runFixtures,
  truthFixtures,
  type FixtureKind,
} from '@equilibria/conformance'
import { readFixtureFolder } from '@equilibria/conformance/node'
import { fixtureKinds as lpFixtures } from '@equilibria/plugin-lp/fixtures'
import '../backend.ts'
import { choice, defineCommand, flag, text } from '../command.ts'
import { liveLine } from '../live-line.ts'
import { writeSolverPage } from '../solver-page.ts'
import { green, print, red, say } from '../terminal.ts'

/** Every kind this installation knows; a domain adds its own here as it lands. */
const kinds: readonly FixtureKind[] = [implicitFixtures, truthFixtures, ...lpFixtures]

/** `equilibria fixtures DIR`: other people's numbers, reproduced. */
export const fixtures = defineCommand({
  name: 'fixtures',
  summary: 'Reproduce the third-party and closed-form fixtures found in a folder.',
  positionals: [{ name: 'DIR', summary: 'A folder laid out as the data pack; files are recognised by their content' }],
  options: {
    backend: choice('Only this tfjs backend. Default: both.', ['wasm', 'cpu']),
    json: flag('One JSON array on stdout instead of lines'),
    table: text('Instead: run every solver on every problem, some minutes, and write the table to this file', 'FILE'),
  },
  details: `Kinds: ${kinds.map((k) => k.name).join(', ')}. One line each: verdict, backend, kind, name, worst relative error\nand tolerance. Exit code 1 if any fails.`,
  examples: [
    'equilibria fixtures ../shared/data',
    'equilibria fixtures my-fixtures --backend wasm',
    'equilibria fixtures ../shared/data --json | jq length',
  ],
  async run([folder], { backend, json, table }) {
    const began = performance.now()
    if (table !== undefined) {
      const rows = await writeSolverPage(table, await readFixtureFolder(folder!))
      say(`${rows} problems in ${((performance.now() - began) / 1000).toFixed(0)} s: ${table}`)
      return 0
    }
    const live = liveLine()
    let seen = 0
    const lines = await runFixtures(await readFixtureFolder(folder!), kinds, {
      backends: backend ? [backend] : ['cpu', 'wasm'],
      onLine: (line) => {
        if (json) return live.update(`fixture ${++seen}: ${line.name} on ${line.backend}`)
        const shown = formatFixtureLine(line)
        print(line.pass ? shown.replace(/^pass/, green('pass')) : shown.replace(/^FAIL/, red('FAIL')))
      },
    })
    live.end()
    if (json) print(JSON.stringify(lines, null, 2))
    const failed = lines.filter((l) => !l.pass).length
    say(
      `${lines.length - failed} of ${lines.length} fixtures reproduced in ${((performance.now() - began) / 1000).toFixed(1)} s`,
    )
    return failed === 0 ? 0 : 1
  },
})
