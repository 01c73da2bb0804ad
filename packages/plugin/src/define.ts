import type { Parts, Plugin } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/core'

const PARTS: readonly string[] = ['operators', 'solvers', 'gradients', 'analyzers', 'tasks'] satisfies (keyof Parts)[]

/**
 * Declare a plugin. Returns its argument, frozen, with every literal type kept, so that a kit knows its names.
 *
 * Nothing is registered anywhere: a plugin is a value, and importing it has no side effect. Not for sharing a single
 * operator between two files of one project: export the function.
 *
 * @throws EquilibriaError `option` on a name that is no namespace, a part that does not exist, an entry that is not a
 * function, or no samples
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator } from '@equilibria/core'
 * import { definePlugin } from '@equilibria/plugin'
 *
 * const half = () => defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const plugin = definePlugin({
 *   name: 'halves',
 *   version: '1.0.0',
 *   summary: 'z = z/2 + x.',
 *   parts: { operators: { half } },
 *   samples: { two: { summary: 'The answer is 2x.', operator: half, input: () => tf.ones([1, 2]) } },
 * })
 * console.log(plugin.name, Object.keys(plugin.parts.operators))
 * ```
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
  for (const [part, table] of Object.entries(plugin.parts)) {
    if (!PARTS.includes(part))
      throw new EquilibriaError(
        'option',
        `Plugin "${plugin.name}" has a part "${part}".`,
        `The parts of a plugin are ${PARTS.join(', ')}.`,
      )
    for (const [key, factory] of Object.entries(table as Readonly<Record<string, unknown>>))
      if (typeof factory !== 'function')
        throw new EquilibriaError(
          'option',
          `Plugin "${plugin.name}": ${part}.${key} is ${factory === null ? 'null' : typeof factory}.`,
          'Pass a factory: a function that works without options.',
        )
  }
  if (Object.keys(plugin.samples).length === 0)
    throw new EquilibriaError(
      'option',
      `Plugin "${plugin.name}" has no samples.`,
      'Add one small solved instance: it is the test, the documentation and the benchmark.',
    )
  return Object.freeze({ kind: 'plugin', spec: 1, ...plugin })
}
