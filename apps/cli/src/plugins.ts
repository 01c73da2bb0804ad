import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AnyTask, Plugin } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/core'
import { lp } from '@equilibria/plugin-lp'

/** Shipped with the CLI. */
const bundled: readonly Plugin[] = [lp]

/** A plugin by path or package name: the default export, or a named export called `plugin`. */
export async function loadPlugin(name: string): Promise<Plugin> {
  const own = bundled.find((p) => p.name === name)
  if (own) return own
  const path = name.startsWith('.') || isAbsolute(name) || existsSync(name)
  let module: { readonly default?: unknown; readonly plugin?: unknown }
  try {
    module = (await import(path ? pathToFileURL(resolve(name)).href : name)) as typeof module
  } catch (error) {
    throw new EquilibriaError(
      'option',
      `Plugin "${name}" could not be loaded: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      `Pass a path like ./my-plugin.js, an installed package, or one of: ${bundled.map((p) => p.name).join(', ')}.`,
      { cause: error },
    )
  }
  const found = [module.default, module.plugin].find(
    (v): v is Plugin => typeof v === 'object' && v !== null && 'kind' in v && v.kind === 'plugin',
  )
  if (!found)
    throw new EquilibriaError(
      'option',
      `"${name}" exports no plugin.`,
      'Its default export must be the result of definePlugin() from @equilibria/plugin.',
    )
  return found
}

/** A task by name, from the bundled plugins and those named with --plugin. `lp` alone means the first task of plugin `lp`. */
export async function findTask(name: string, extra: string | undefined): Promise<AnyTask> {
  const plugins = extra === undefined ? bundled : [await loadPlugin(extra), ...bundled]
  const all = plugins.flatMap((p) =>
    Object.entries(p.parts.tasks ?? {}).map(([key, make]) => ({ names: [`${p.name}/${key}`, p.name], make })),
  )
  const hit = all.find((t) => t.names[0] === name) ?? all.find((t) => t.names.includes(name))
  if (!hit)
    throw new EquilibriaError(
      'option',
      `There is no task "${name}".`,
      `Tasks: ${all.map((t) => t.names[0]).join(', ')}. A task of another plugin needs --plugin MODULE.`,
    )
  return hit.make()
}
