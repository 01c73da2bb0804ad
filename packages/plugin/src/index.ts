import type { Backend, Feature, Parts, Plugin, Requirements } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/core'

/** The newest contract this host speaks, and the oldest it can still adapt. */
export const SPEC = { newest: 1, oldest: 1 } as const

/**
 * Declare a plugin. Returns its argument, frozen, with every literal type kept.
 *
 * Nothing is registered anywhere: a plugin is a value, and importing it has no side effect.
 */
export function definePlugin<const N extends string, const P extends Parts>(
  plugin: Omit<Plugin<N, P>, 'kind' | 'spec'>,
): Plugin<N, P> {
  if (!/^[a-z][a-z0-9-]*$/.test(plugin.name))
    throw new EquilibriaError(
      'option',
      `Plugin name "${plugin.name}" is not usable as a namespace.`,
      'Use lower-case letters, digits and dashes, starting with a letter.',
    )
  if (Object.keys(plugin.samples).length === 0)
    throw new EquilibriaError(
      'option',
      `Plugin "${plugin.name}" has no samples.`,
      'Add one small solved instance: it is the test, the documentation and the benchmark.',
    )
  return Object.freeze({ kind: 'plugin', spec: 1, ...plugin })
}

/* ------------------------------------------------------------------- kit */

type Values<P extends Plugin, Part extends keyof Parts> =
  P extends Plugin<infer N, infer Q>
    ? Q[Part] extends Readonly<Record<string, unknown>>
      ? { readonly [K in keyof Q[Part] & string as `${N}/${K}`]: Q[Part][K] }
      : unknown
    : never
type Merge<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void
  ? { [K in keyof I]: I[K] }
  : never

/** Names to factories, across plugins. A value you hold — never a global. */
export interface Kit<Ps extends readonly Plugin[]> {
  readonly plugins: Ps
  readonly operators: Merge<Values<Ps[number], 'operators'>>
  readonly solvers: Merge<Values<Ps[number], 'solvers'>>
  readonly gradients: Merge<Values<Ps[number], 'gradients'>>
  readonly analyzers: Merge<Values<Ps[number], 'analyzers'>>
  readonly tasks: Merge<Values<Ps[number], 'tasks'>>
  readonly negotiation: readonly Negotiation[]
}
export interface Negotiation {
  readonly plugin: string
  readonly outcome: 'ready' | 'degraded' | 'refused'
  /** One line per thing that is missing, each saying what happens instead. */
  readonly notes: readonly string[]
}

const SOFT: readonly Feature[] = ['simd128', 'threads', 'gpu']

/** Compare what is asked with what is there. Speed may be missing; correctness may not. */
export function negotiate(name: string, asked: Requirements, backend: Backend): Negotiation {
  const missing = (asked.features ?? []).filter((f) => !backend.features.includes(f))
  const hard = missing.filter((f) => !SOFT.includes(f))
  const slow = (asked.kernels ?? []).filter((k) => !(k in backend.kernels))
  return {
    plugin: name,
    outcome: hard.length ? 'refused' : missing.length || slow.length ? 'degraded' : 'ready',
    notes: [
      ...hard.map((f) => `needs "${f}", which backend "${backend.name}" does not have`),
      ...missing.filter((f) => !hard.includes(f)).map((f) => `would be faster with "${f}"; running without`),
      ...slow.map((k) => `kernel "${k}" falls back to the reference version`),
    ],
  }
}

export function createKit<const Ps extends readonly Plugin[]>(options: {
  readonly plugins: Ps
  readonly backend: Backend
}): Kit<Ps> {
  const tables = { operators: {}, solvers: {}, gradients: {}, analyzers: {}, tasks: {} } as Record<
    keyof Parts,
    Record<string, unknown>
  >
  const seen = new Set<string>()
  const negotiation: Negotiation[] = []
  for (const plugin of options.plugins) {
    if (plugin.spec > SPEC.newest || plugin.spec < SPEC.oldest)
      throw new EquilibriaError(
        'spec',
        `Plugin "${plugin.name}@${plugin.version}" speaks contract ${plugin.spec}; this host speaks ${SPEC.oldest}–${SPEC.newest}.`,
        plugin.spec > SPEC.newest ? 'Upgrade @equilibria/plugin.' : 'Upgrade the plugin.',
      )
    if (seen.has(plugin.name))
      throw new EquilibriaError(
        'option',
        `Two plugins are called "${plugin.name}".`,
        'Rename one: { ...plugin, name: "other" }.',
      )
    seen.add(plugin.name)
    const verdict = negotiate(plugin.name, plugin.requires ?? {}, options.backend)
    if (verdict.outcome === 'refused')
      throw new EquilibriaError(
        'requirement',
        `Plugin "${plugin.name}" ${verdict.notes[0]}.`,
        'Choose another backend, or leave the plugin out.',
      )
    negotiation.push(verdict)
    for (const part of Object.keys(tables) as (keyof Parts)[])
      for (const [key, factory] of Object.entries(plugin.parts[part] ?? {}))
        tables[part][`${plugin.name}/${key}`] = factory
  }
  return { plugins: options.plugins, ...tables, negotiation } as unknown as Kit<Ps>
}
