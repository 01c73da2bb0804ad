import type { Backend, Feature, Plugin, Requirements } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/core'

/** The newest contract this host speaks, and the oldest it can still adapt. */
export const SPEC: { readonly newest: 1; readonly oldest: 1 } = { newest: 1, oldest: 1 }

/** What came of comparing one plugin's requirements with a backend. */
export interface Negotiation {
  readonly plugin: string
  readonly outcome: 'ready' | 'degraded' | 'refused'
  /** One line per thing that is missing, each saying what happens instead. */
  readonly notes: readonly string[]
}

const SOFT: readonly Feature[] = ['simd128', 'threads', 'gpu']

/**
 * Compare what is asked with what is there. Speed may be missing (`degraded`, with a note); correctness may not
 * (`refused`).
 */
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

/** @throws EquilibriaError `spec` when the plugin was written for a contract this host does not speak */
export function requireSpec({
  name,
  version,
  spec,
}: Pick<Plugin, 'name' | 'version'> & { readonly spec: number }): void {
  if (spec > SPEC.newest || spec < SPEC.oldest)
    throw new EquilibriaError(
      'spec',
      `Plugin "${name}@${version}" speaks contract ${spec}; this host speaks ${SPEC.oldest}–${SPEC.newest}.`,
      spec > SPEC.newest ? 'Upgrade @equilibria/plugin.' : 'Upgrade the plugin.',
    )
}
