import type { Backend, Parts, Plugin } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/core'
import { type Negotiation, negotiate, requireSpec } from './negotiate.ts'

type Values<P extends Plugin, Part extends keyof Parts> =
  P extends Plugin<infer N, infer Q>
    ? Q[Part] extends Readonly<Record<string, unknown>>
      ? { readonly [K in keyof Q[Part] & string as `${N}/${K}`]: Q[Part][K] }
      : Record<never, never> // a plugin without this part adds no name; `unknown` would swallow those of the others
    : never
type Merge<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void
  ? { [K in keyof I]: I[K] }
  : never

/** Names to factories, across plugins: `kit.tasks['lp/random']`. A value you hold, never a global. */
export interface Kit<Ps extends readonly Plugin[]> {
  readonly plugins: Ps
  readonly operators: Merge<Values<Ps[number], 'operators'>>
  readonly solvers: Merge<Values<Ps[number], 'solvers'>>
  readonly gradients: Merge<Values<Ps[number], 'gradients'>>
  readonly analyzers: Merge<Values<Ps[number], 'analyzers'>>
  readonly tasks: Merge<Values<Ps[number], 'tasks'>>
  /** What each plugin asked for and what came of it, in the order given. */
  readonly negotiation: readonly Negotiation[]
}

/**
 * Put plugins together for one backend. Every name is `plugin/part`, typed.
 *
 * @throws EquilibriaError `spec` when a plugin speaks another contract, `requirement` when the backend lacks something it
 * cannot do without, `option` when two plugins share a name
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, referenceBackend } from '@equilibria/core'
 * import { createKit, definePlugin } from '@equilibria/plugin'
 *
 * const half = () => defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const plugin = definePlugin({
 *   name: 'halves',
 *   version: '1.0.0',
 *   summary: 'z = z/2 + x.',
 *   parts: { operators: { half } },
 *   samples: { two: { summary: 'The answer is 2x.', operator: half, input: () => tf.ones([1, 2]) } },
 * })
 * const kit = createKit({ plugins: [plugin], backend: referenceBackend })
 * console.log(kit.operators['halves/half']().name) // a name that does not exist is a type error
 * ```
 */
export function createKit<const Ps extends readonly Plugin[]>(options: {
  readonly plugins: Ps
  readonly backend: Backend
}): Kit<Ps> {
  const tables: Record<keyof Parts, Record<string, unknown>> = {
    operators: {},
    solvers: {},
    gradients: {},
    analyzers: {},
    tasks: {},
  }
  const seen = new Set<string>()
  const negotiation: Negotiation[] = []
  for (const plugin of options.plugins) {
    requireSpec(plugin)
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
