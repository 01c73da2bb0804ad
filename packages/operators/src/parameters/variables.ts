import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import { gaussian } from './random.ts'

/** How a weight starts: normal numbers of this standard deviation, or a constant. */
export type Start =
  | { readonly shape: readonly number[]; readonly deviation: number }
  | { readonly shape: readonly number[]; readonly value: number }

/**
 * One trainable variable per name, drawn from one seed in the order written, outside any `tf.tidy`. The caller disposes.
 *
 * @throws EquilibriaError `option` when the seed is no whole number
 */
export function createVariables<S extends Readonly<Record<string, Start>>>(
  starts: S,
  seed: number,
): { readonly [K in keyof S]: tf.Variable } {
  if (!Number.isInteger(seed))
    throw new EquilibriaError('option', `The seed ${seed} is not a whole number.`, 'Pass a whole number, such as 0.')
  const random = gaussian(seed)
  const variables = Object.entries(starts).map(([name, start]) => {
    const size = start.shape.reduce((a, b) => a * b, 1)
    const draw = () => ('value' in start ? start.value : start.deviation * random())
    const values = Float32Array.from({ length: size }, draw)
    return [name, tf.tidy(() => tf.variable(tf.tensor(values, [...start.shape]), true))] as const
  })
  return Object.fromEntries(variables) as { readonly [K in keyof S]: tf.Variable }
}

/** `{ a: { w } }` → `{ 'a.w': w }`: the names of the parts become prefixes. */
export function prefixed(
  parts: Readonly<Record<string, { readonly variables: Readonly<Record<string, tf.Variable>> }>>,
): Record<string, tf.Variable> {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([part, { variables }]) =>
      Object.entries(variables).map(([name, variable]) => [`${part}.${name}`, variable] as const),
    ),
  )
}
