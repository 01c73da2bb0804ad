import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'

/** A map between the features of a sample, with what is known about its slope. */
export interface FamilyActivation {
  readonly name: string
  apply(x: tf.Tensor): tf.Tensor
  /** `|σ(a) − σ(b)| ≤ lipschitz · |a − b|`: in every `ℓᵖ` norm. */
  readonly lipschitz: number
  /** Entry by entry; default `true`. `false`: weighted norms are not respected. */
  readonly componentwise?: boolean
  /** Entries never fall as theirs rises. Default `false`. */
  readonly increasing?: boolean
}
/** Of an activation that is known by name. */
export type FamilyActivationName = 'identity' | 'leakyRelu' | 'maxMin' | 'relu' | 'sigmoid' | 'softplus' | 'tanh'

const activations: Readonly<Record<FamilyActivationName, Omit<FamilyActivation, 'name'>>> = {
  identity: { lipschitz: 1, increasing: true, apply: (x) => x },
  leakyRelu: { lipschitz: 1, increasing: true, apply: (x) => tf.leakyRelu(x, 0.1) },
  /** Larger and smaller of neighbouring pairs of features: 1-Lipschitz, and loses no gradient. */
  maxMin: { lipschitz: 1, componentwise: false, apply: (x) => maxMin(x) },
  relu: { lipschitz: 1, increasing: true, apply: (x) => positivePart(x) },
  sigmoid: { lipschitz: 0.25, increasing: true, apply: (x) => tf.sigmoid(x) },
  softplus: { lipschitz: 1, increasing: true, apply: (x) => tf.softplus(x) },
  tanh: { lipschitz: 1, increasing: true, apply: (x) => tf.tanh(x) },
}

/**
 * A known activation by name, or the one given.
 *
 * @throws EquilibriaError `option` on a name that is not known, or a Lipschitz constant that is not a positive number
 */
export function activationOf(given: FamilyActivationName | FamilyActivation): FamilyActivation {
  const found: FamilyActivation | undefined =
    typeof given === 'string' ? activations[given] && { name: given, ...activations[given] } : given
  if (!found)
    throw new EquilibriaError(
      'option',
      `There is no activation "${String(given)}".`,
      `Pass one of ${Object.keys(activations).join(', ')}, or { name, apply, lipschitz }.`,
    )
  if (!(found.lipschitz > 0 && found.lipschitz < Number.POSITIVE_INFINITY))
    throw new EquilibriaError(
      'option',
      `The activation "${found.name}" has the Lipschitz constant ${found.lipschitz}.`,
      'Pass a positive number.',
    )
  return found
}

/** The same where the family needs slopes of single entries. */
export function componentwise(
  family: string,
  given: FamilyActivationName | FamilyActivation,
  increasing = false,
): FamilyActivation {
  const found = activationOf(given)
  if (found.componentwise === false || (increasing && !found.increasing))
    throw new EquilibriaError(
      'option',
      `${family}() cannot use the activation "${found.name}".`,
      `Pass one that acts on each entry by itself${increasing ? ' and is increasing' : ''}, such as 'tanh'.`,
    )
  return found
}

function maxMin(x: tf.Tensor): tf.Tensor {
  const features = x.shape.at(-1)!
  if (features % 2 !== 0)
    throw new EquilibriaError('shape', `maxMin pairs features, and there are ${features}.`, 'Pass an even number.')
  const pairs = tf.reshape(x, [...x.shape.slice(0, -1), features / 2, 2])
  const [a, b] = tf.unstack(pairs, -1) as [tf.Tensor, tf.Tensor]
  // on wasm, maximum and minimum drop NaN
  const broken = tf.mul(tf.add(a, b), 0)
  return tf.reshape(tf.stack([tf.add(tf.maximum(a, b), broken), tf.add(tf.minimum(a, b), broken)], -1), x.shape)
}

/** `max(x, 0)` that passes NaN on: on wasm, `tf.relu` makes 0 of it, and a broken sample would look converged. */
export const positivePart = (x: tf.Tensor): tf.Tensor => tf.sub(x, tf.minimum(x, 0))
