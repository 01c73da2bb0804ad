import * as tf from '@tensorflow/tfjs-core'
import type { BoundOperator, Vector } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { linearProxSplitting, proximal, type Proximal } from '@equilibria/solvers'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import { stepBounds, type StepBounds, whileUnchanged } from './monotone-host.ts'

/** Activations that are proximal maps of a fixed function. */
export type MonotoneActivation = 'relu' | 'tanh' | 'sigmoid' | 'identity'

/** What the dense monotone families have in common. */
export interface MonotoneOptions {
  /** Entries of the state. */
  readonly size: number
  /** Entries of the input. */
  readonly inputs: number
  /** Default `relu`. */
  readonly activation?: MonotoneActivation
  /** Standard deviation of the matrices at the start, times `√size`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/** @throws EquilibriaError `option` */
export function checkMonotone(
  name: string,
  { size, inputs, activation = 'relu', gain = 1 }: MonotoneOptions,
): Proximal {
  requireWhole(`${name}({ size })`, size, 1)
  requireWhole(`${name}({ inputs })`, inputs, 1)
  requireRange(`${name}({ gain })`, gain, 0, 1e6)
  return proximalOf(name, activation)
}

/** @throws EquilibriaError `option` on a name that is not one of them */
export function proximalOf(name: string, activation: MonotoneActivation): Proximal {
  if (['relu', 'tanh', 'sigmoid', 'identity'].includes(activation)) return proximal[activation]
  throw new EquilibriaError(
    'option',
    `${name}({ activation: '${String(activation)}' }) is not a proximal map known here.`,
    "Pass 'relu', 'tanh', 'sigmoid' or 'identity'.",
  )
}

/** `x U + b` for rows `x`. @throws EquilibriaError `shape` */
export function injection(name: string, x: tf.Tensor2D, U: tf.Variable, bias: tf.Variable): Vector {
  const inputs = U.shape[0]!
  if (x.rank !== 2 || x.shape[1] !== inputs)
    throw new EquilibriaError(
      'shape',
      `${name}() of ${inputs} inputs was given a tensor (${x.shape}).`,
      `Pass [batch, ${inputs}].`,
    )
  return tf.add(tf.matMul(x, U as unknown as tf.Tensor2D), bias)
}

/** The matrix of a monotone family, and what is known of it at the present weights. */
export interface MonotoneMatrix {
  /** `W`, `[n, n]`, acting on rows; on the tape when one is recording. */
  build(): tf.Tensor2D
  /** `W` as it runs, rounded to float32, and bounds that hold for it. */
  now(): { readonly weights: Float32Array; readonly bounds: StepBounds; readonly inverses: Map<number, Float32Array> }
}

/**
 * `weigh(W)` writes `I − W` in the coordinates in which it is `monotonicity`-strongly monotone.
 */
export function monotoneMatrix(
  variables: readonly tf.Variable[],
  monotonicity: number,
  build: () => tf.Tensor2D,
  weigh: (w: Float32Array, n: number) => Float64Array = identityMinus,
): MonotoneMatrix {
  return {
    build,
    now: whileUnchanged(variables, () => {
      const weights = scoped(() => build().dataSync() as Float32Array).slice()
      const n = Math.sqrt(weights.length)
      return { weights, bounds: stepBounds(weigh(weights, n), n, monotonicity), inverses: new Map() }
    }),
  }
}

/** `I − W`. */
export const identityMinus = (w: ArrayLike<number>, n: number): Float64Array =>
  Float64Array.from(w, (x, k) => (k % (n + 1) === 0 ? 1 : 0) - x)

/** `z = prox(z W + u)` with its splitting. */
export function monotoneBound(
  matrix: MonotoneMatrix,
  bias: Vector,
  activation: Proximal,
  monotonicity: number,
): BoundOperator<tf.Tensor2D> {
  const weights = matrix.build()
  const { bounds, inverses } = matrix.now()
  return {
    initial: () => tf.zerosLike(bias),
    apply: (z) => activation.apply(tf.add(tf.matMul(z, weights), bias), 1),
    splitting: linearProxSplitting({ weights, bias, proximal: activation, monotonicity, ...bounds, inverses }),
  }
}
