import { existsSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AnyTask, Plugin } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/core'
import { lp } from '@equilibria/plugin-lp'

/** Shipped with the CLI. */
const bundled: readonly Plugin[] = [lp]

const isObject = (v: unknown): v is object => typeof v === 'object' && v !== null

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
      EquilibriaError.is(error) // it was found, and says itself what it lacks
        ? error.hint
        : `Pass a path like ./my-plugin.js, an installed package, or one of: ${bundled.map((p) => p.name).join(', ')}.`,
      { cause: error },
    )
  }
  const found = [module.default, module.plugin].find(
    (v): v is Plugin =>
      isObject(v) && 'kind' in v && v.kind === 'plugin' && 'parts' in v && isObject(v.parts) && 'samples' in v,
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
  const task = hit.make()
  if (task.metrics.length === 0)
    throw new EquilibriaError(
      'option',
      `Task "${task.name}" has no metric.`,
      'Give it one: the first is the headline of training and studies.',
    )
  return task
}
