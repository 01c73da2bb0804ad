import * as tf from '@tensorflow/tfjs-core'
import type { BoundOperator } from '@equilibria/spec'
import { picard } from '@equilibria/solvers'
import { EquilibriaError, offTape, scoped } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { type FamilyActivation, type FamilyActivationName, activationOf } from '../parameters/activations.ts'
import { spectralSolution } from '../parameters/affine-family.ts'
import { circularBound } from '../parameters/circular-bound.ts'
import { remembered } from '../parameters/remembered.ts'
import { frobenius, scaledBelow } from '../parameters/scaled-below.ts'
import { requireBetween, requireSizes } from '../parameters/validate.ts'
import { createVariables } from '../parameters/variables.ts'

/** Grid, kernel, modulus and activation of `circularConvolution`. */
export interface CircularConvolutionOptions {
  /** Lengths of the one or two axes of the state, `[batch, …grid, channels]`. */
  readonly grid: readonly number[]
  readonly channels: number
  /** Channels of the input, `[batch, …grid, inputs]`. */
  readonly inputs: number
  /** Taps along each axis. Default `3`. */
  readonly taps?: number
  /** `κ` in `(0, 1)`. Default `0.9`. */
  readonly modulus?: number
  /** `σ`, whose slope is taken off the norm. Default `'tanh'`. */
  readonly activation?: FamilyActivationName | FamilyActivation
  /** Scale of the kernel at the start: standard deviation `gain / √(taps · channels)`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * `G(z, x) = σ(K ∗ z + x U + b)` with a circular convolution of norm at most `c = κ / Lip(σ)`, `K = V · c / max(c, ‖V ∗‖₂)`: a
 * `κ`-contraction in the 2-norm, whatever `V`, `U` and `b` are.
 *
 * The norm is the exact one of the convolution on this grid, by one channel matrix per frequency, not that of the reshaped
 * kernel (which is below it by up to the root of the number of taps). `U` is `1 × 1`. The gradient of the norm is taken at
 * the frequency where it is attained.
 *
 * `z` is `[batch, …grid, channels]`, `x` `[batch, …grid, inputs]`; the borders are joined. When not to use it: where borders
 * matter; on another grid than the one it was made for.
 *
 * @cost 1 product of `[batch · points, taps · channels]` by `[taps · channels, channels]` per evaluation, and a copy of the state
 * per tap; per change of the weights the frequencies of `circularBound`
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a grid of more than two axes or shorter than the
 * kernel, a modulus outside `(0, 1)`, an unknown activation; `shape` when the input is not `[batch, …grid, inputs]`
 * @cite sedghi2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { circularConvolution } from '@equilibria/operators'
 *
 * const family = circularConvolution({ grid: [8, 8], channels: 4, inputs: 1 })
 * const { state, status } = equilibrium(family, { solver: family.solver() }).solve(tf.ones([2, 8, 8, 1]))
 * console.log(status, state.shape) // converged …, [2, 8, 8, 4]
 * family.dispose()
 * ```
 */
export function circularConvolution({
  grid,
  channels,
  inputs,
  taps = 3,
  modulus = 0.9,
  activation: given = 'tanh',
  gain = 1,
  seed = 0,
}: CircularConvolutionOptions): CertifiedOperator<tf.Tensor, tf.Tensor> {
  requireSizes('circularConvolution', {
    channels,
    inputs,
    taps,
    ...Object.fromEntries(grid.map((n, axis) => [`grid[${axis}]`, n])),
  })
  requireBetween('circularConvolution', 0, 1, { modulus })
  if (grid.length < 1 || grid.length > 2 || grid.some((n) => n < taps))
    throw new EquilibriaError(
      'option',
      `circularConvolution({ grid: [${grid.join(', ')}], taps: ${taps} }) is not usable.`,
      'Pass one or two lengths, none shorter than the kernel.',
    )
  const activation = activationOf(given)
  const limit = modulus / activation.lipschitz
  const shape = [...grid.map(() => taps), channels, channels]
  const window = taps ** grid.length
  const { kernel, input, bias } = createVariables(
    {
      kernel: { shape, deviation: gain / Math.sqrt(window * channels) },
      input: { shape: [inputs, channels], deviation: 1 / Math.sqrt(inputs) },
      bias: { shape: [channels], value: 0 },
    },
    seed,
  )
  // A change of a kernel by ΔK changes the convolution by at most Σ over taps of ‖ΔKₜ‖ ≤ √taps ‖ΔK‖_F.
  const measured = remembered((values) => ({
    measure: circularBound(values, shape, grid),
    size: Math.sqrt(window) * frobenius(values),
  }))
  const used = (): tf.Tensor => {
    const { measure, size } = measured(kernel.dataSync())
    return scaledBelow(kernel, limit, measure, size)
  }
  const modulusNow = (): number => {
    const values = offTape(() => scoped(() => used().dataSync<'float32'>().slice()))
    return Math.min(modulus, activation.lipschitz * circularBound(values, shape, grid).bound * (1 + 2 ** -51))
  }
  return {
    kind: 'operator',
    spec: 1,
    name: 'circularConvolution',
    traits: { lipschitz: modulus, monotone: 1 - modulus },
    variables: { kernel, input, bias },
    certificate: {
      property: 'contraction',
      norm: '2',
      modulus,
      modulusNow,
      solutionLipschitz: () => spectralSolution(input, activation.lipschitz, modulusNow()),
      statement: `‖G(a, x) − G(b, x)‖₂ ≤ ${modulus} ‖a − b‖₂ for all weights, states and inputs: the kernel is divided by the norm of its convolution on this grid.`,
      assumptions: [
        `${activation.name} is ${activation.lipschitz}-Lipschitz in the 2-norm`,
        'the weights are finite',
        `the grid is ${grid.join(' × ')}, its borders joined`,
      ],
      sources: ['banach1922', 'sedghi2019'],
    },
    bind: (x): BoundOperator<tf.Tensor> => {
      if (x.shape.slice(1).join() !== [...grid, inputs].join())
        throw new EquilibriaError(
          'shape',
          `circularConvolution() was given a tensor (${x.shape}).`,
          `Pass one of shape [batch, ${[...grid, inputs].join(', ')}].`,
        )
      const batch = x.shape[0]!
      const { matrix, injection } = scoped(() => ({
        matrix: tf.reshape(used(), [window * channels, channels]) as tf.Tensor2D,
        injection: tf.add(tf.matMul(tf.reshape(x, [-1, inputs]), input as unknown as tf.Tensor2D), bias),
      }))
      const full = [batch, ...grid, channels]
      return {
        initial: () => tf.zeros(full),
        apply: (z) => {
          const columns = tf.reshape(patches(z, taps, grid), [-1, window * channels])
          return activation.apply(tf.reshape(tf.add(tf.matMul(columns, matrix), injection), full))
        },
      }
    },
    solver: () => picard(),
    dispose: () => tf.dispose([kernel, input, bias]),
  }
}

/** The neighbours of each point, side by side in the last axis, first axis of taps slowest; borders joined. */
function patches(z: tf.Tensor, taps: number, grid: readonly number[]): tf.Tensor {
  const before = Math.floor((taps - 1) / 2)
  const along = (t: tf.Tensor, axis: number): tf.Tensor[] => {
    const length = grid[axis]!
    return Array.from({ length: taps }, (_, k) => {
      const shift = (k - before + length) % length
      if (shift === 0) return t
      const at = t.shape.map(() => 0)
      const [head, tail] = [[...t.shape], [...t.shape]]
      head[axis + 1] = length - shift
      tail[axis + 1] = shift
      const from = [...at]
      from[axis + 1] = shift
      return tf.concat([tf.slice(t, from, head), tf.slice(t, at, tail)], axis + 1)
    })
  }
  return tf.concat(
    grid.reduce((parts, _, axis) => parts.flatMap((part) => along(part, axis)), [z]),
    -1,
  )
}
