import type { Plugin } from '@equilibria/spec'
import { referenceBackend } from '@equilibria/core'
import { createKit } from '@equilibria/plugin'
import { type Check, expectThat } from './check.ts'
import { gradientChecks } from './gradient-checks.ts'
import { sampleChecks } from './sample-checks.ts'
import { solverChecks } from './solver-checks.ts'
import { taskChecks, type TaskCheckOptions } from './task-checks.ts'

/** Everything a plugin must pass before it may say it is one: it joins a kit, its factories work without options, and
 * each of its samples, solvers, gradient modes and tasks passes the checks of its kind. */
export function pluginChecks(plugin: Plugin, options: { readonly tasks?: TaskCheckOptions } = {}): Check[] {
  const { name, parts } = plugin
  return [
    {
      name: `${name}: joins a kit`,
      run: () => {
        const kit = createKit({ plugins: [plugin], backend: referenceBackend })
        expectThat(kit.plugins.length === 1, 'The kit lost it.')
      },
    },
    {
      name: `${name}: every factory works with no options`,
      run: () => {
        for (const [part, table] of Object.entries(parts))
          for (const [key, factory] of Object.entries(table as Record<string, () => { spec: number; name: string }>))
            expectThat(factory().spec === plugin.spec, `${part}.${key}() is not a contract-${plugin.spec} object.`)
      },
    },
    ...Object.entries(plugin.samples).flatMap(([key, s]) => sampleChecks(`${name}/${key}`, s)),
    ...Object.values(parts.solvers ?? {}).flatMap((make) => solverChecks(make)),
    ...Object.values(parts.gradients ?? {}).flatMap((make) => gradientChecks(make)),
    ...Object.entries(parts.tasks ?? {}).flatMap(([key, make]) => taskChecks(`${name}/${key}`, make, options.tasks)),
  ]
}
