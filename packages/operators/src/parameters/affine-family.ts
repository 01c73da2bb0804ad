import * as tf from '@tensorflow/tfjs-core'
import type { BoundOperator, Solver, Traits } from '@equilibria/spec'
import { EquilibriaError, offTape, scoped } from '@equilibria/tensor'
import type { Certificate, CertifiedOperator } from '../certificate.ts'
import { spectralBound } from './spectral-bound.ts'
import { requireSizes } from './validate.ts'
import { createVariables, type Start } from './variables.ts'

/** What the families `z ↦ σ(z W + x U + b)` have in common. */
export interface AffineOptions {
  /** Entries of the state `z`, `[batch, size]`. */
  readonly size: number
  /** Entries of the input `x`, `[batch, inputs]`. */
  readonly inputs: number
  /** Scale of the free weights at the start: standard deviation `gain / √size`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/** The weights that all of them have, before whatever makes them safe. */
export interface AffineVariables {
  /** `[size, size]`. */
  readonly weight: tf.Variable
  /** `U`, `[inputs, size]`. */
  readonly input: tf.Variable
  /** `b`, `[size]`. */
  readonly bias: tf.Variable
}
type Extra = Readonly<Record<string, tf.Variable>>

export interface AffineParts<E extends Extra> {
  readonly name: string
  readonly options: AffineOptions
  /** Beside `weight`, `input` and `bias`. */
  readonly extra?: { readonly [K in keyof E]: Start }
  readonly weight?: Start
  readonly traits?: Traits
  /** `W` as it is used, on the tape; once per solve. */
  matrix(variables: AffineVariables & E): tf.Tensor2D
  /** `x U + b` ↦ what is added to `z W`. Default: itself. */
  inject?(raw: tf.Tensor): tf.Tensor
  /** `z W + …` ↦ `G(z)`. */
  finish(sum: tf.Tensor, z: tf.Tensor2D): tf.Tensor
  /** The part of the state that is read. Default: all of it. */
  read?(z: tf.Tensor2D): tf.Tensor2D
  /** Where a solve starts. Default: zeros. */
  initial?(matrix: tf.Tensor2D, injection: tf.Tensor2D): tf.Tensor2D
  certificate(variables: AffineVariables & E, used: () => Float32Array): Certificate<tf.Tensor2D>
  solver(certificate: Certificate<tf.Tensor2D>, used: () => Float32Array): Solver
}

/** Builds `G(z, x) = finish(read(z) W + inject(x U + b), z)` with its weights and its certificate. */
export function affineFamily<E extends Extra = Readonly<Record<never, never>>>(
  parts: AffineParts<E>,
): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { name, options } = parts
  const { size, inputs, gain = 1, seed = 0 } = options
  requireSizes(name, { size, inputs })
  if (!(gain >= 0 && gain < Number.POSITIVE_INFINITY))
    throw new EquilibriaError('option', `${name}({ gain: ${gain} }) is not a scale.`, 'Pass a finite number ≥ 0.')
  const variables = createVariables(
    {
      weight: parts.weight ?? { shape: [size, size], deviation: gain / Math.sqrt(size) },
      input: { shape: [inputs, size], deviation: 1 / Math.sqrt(inputs) },
      bias: { shape: [size], value: 0 },
      ...parts.extra,
    },
    seed,
  ) as unknown as AffineVariables & E
  const used = (): Float32Array => offTape(() => scoped(() => parts.matrix(variables).dataSync<'float32'>().slice()))
  const certificate = parts.certificate(variables, used)
  return {
    kind: 'operator',
    spec: 1,
    name,
    traits: parts.traits ?? {},
    certificate,
    variables: { ...variables },
    bind: (x): BoundOperator<tf.Tensor2D> => {
      if (x.rank !== 2 || x.shape[1] !== inputs)
        throw new EquilibriaError(
          'shape',
          `${name}() of ${inputs} inputs was given a tensor (${x.shape}).`,
          `Pass one of shape [batch, ${inputs}].`,
        )
      const { matrix, injection } = scoped(() => {
        const raw = tf.add(tf.matMul(x, variables.input as unknown as tf.Tensor2D), variables.bias)
        return { matrix: parts.matrix(variables), injection: (parts.inject ? parts.inject(raw) : raw) as tf.Tensor2D }
      })
      const read = parts.read ?? ((z: tf.Tensor2D) => z)
      return {
        initial: () => parts.initial?.(matrix, injection) ?? tf.zeros([x.shape[0], size]),
        apply: (z) => parts.finish(tf.add(tf.matMul(read(z), matrix), injection), z),
      }
    },
    solver: () => parts.solver(certificate, used),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}

/** `L_σ ‖U‖₂ / (1 − modulus)`, rounded up: how fast `z*(x)` moves, in 2-norms. */
export const spectralSolution = (input: tf.Variable, slope: number, modulus: number): number =>
  ((slope * spectralBound(input.dataSync(), input.shape[0]!, input.shape[1]!)) / (1 - modulus)) * (1 + 2 ** -50)

/** `L_σ maxᵢ wᵢ ‖Uᵢ‖₂ / (1 − modulus)`, rounded up: the same in the norm `maxᵢ wᵢ |vᵢ|` of the state. */
export function weightedSolution(
  input: tf.Variable,
  slope: number,
  modulus: number,
  weights: ArrayLike<number>,
): number {
  const [inputs, size] = input.shape as [number, number]
  const values = input.dataSync()
  let largest = 0
  for (let i = 0; i < size; i++) {
    const column = Float64Array.from({ length: inputs }, (_, k) => values[k * size + i]!)
    largest = Math.max(largest, weights[i]! * Math.hypot(...column))
  }
  return ((slope * largest) / (1 - modulus)) * (1 + (inputs + 8) * 2 ** -51)
}
