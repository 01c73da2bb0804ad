import * as tf from '@tensorflow/tfjs-core'
import { requireRange, requireWhole } from '@equilibria/core'
import { linearProxSplitting, peacemanRachford } from '@equilibria/solvers'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { createVariables } from '../parameters/variables.ts'
import { type ConvolutionNow, convolutionNow, onImages } from './monotone-convolution-parts.ts'
import { type MonotoneActivation, proximalOf } from './monotone-dense.ts'
import { whileUnchanged } from './monotone-host.ts'
import { circularConvolution, gridOf, kernelBlocks, multiplyFrequencies, transposedKernel } from './monotone-fourier.ts'
import { spectralBound } from '../parameters/spectral-bound.ts'

/** Grid, channels, modulus, start and seed of a `monotoneConvolution`. */
export interface MonotoneConvolutionOptions {
  readonly height: number
  readonly width: number
  /** Channels of the state. */
  readonly channels: number
  /** Channels of the input. */
  readonly inputs: number
  /** Side of the kernels, odd, at most `height` and `width`. Default `3`. */
  readonly kernel?: number
  /** `m` in `(0, 1]`. Default `0.5`. */
  readonly modulus?: number
  /** Default `relu`. */
  readonly activation?: MonotoneActivation
  /** The scales `g` and `h` at the start. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * Monotone operator equilibrium network of circular convolutions: `z = σ(W z + U ∗ x + b)` with
 * `W = (1 − m) I − AᵀA + B − Bᵀ`, `A = g Ã/‖Ã‖`, `B = h B̃/‖B̃‖` (Frobenius norms of the kernels), all on a torus.
 *
 * As for `monotone`, there is exactly one equilibrium for every value of the weights. The resolvent
 * `(I + α(I − W))⁻¹` is exact: one complex `C × C` inverse per frequency, and discrete Fourier transforms as matrix
 * products. `solver()` is `peacemanRachford()`; for gradients use `implicit({ solver: peacemanRachford() })`.
 *
 * `x` is `[batch, height, width, inputs]`, `z` `[batch, height, width, channels]`; kernels are `[k, k, in, out]`. The
 * edges are joined: not for images where that matters, unless they come with a margin.
 *
 * @cost per evaluation 3 convolutions; per step of the solver 2 transforms beside it, `O(batch · C · h · w · (h + w))`; once
 * per change of the weights `h(⌊w/2⌋ + 1)` inverses of `2C × 2C` matrices on the host, and about 20 products of that size each
 * @throws EquilibriaError `option` on sizes below 1, an even or too large kernel, a modulus outside `(0, 1]`, an activation
 * that is not a proximal map; `shape` (from a solve) on an input of another shape
 * @cite winston2020, sedghi2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { monotoneConvolution } from '@equilibria/operators'
 *
 * const operator = monotoneConvolution({ height: 6, width: 6, channels: 2, inputs: 1, seed: 1 })
 * const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 200 })
 * console.log(layer.solve(tf.ones([1, 6, 6, 1])).status) // converged
 * operator.dispose()
 * ```
 */
export function monotoneConvolution(options: MonotoneConvolutionOptions): CertifiedOperator<tf.Tensor4D, tf.Tensor4D> {
  const { height, width, channels, inputs, kernel: k = 3, modulus = 0.5, gain = 1, seed = 0 } = options
  for (const [name, value] of Object.entries({ height, width, channels, inputs, kernel: k }))
    requireWhole(`monotoneConvolution({ ${name} })`, value, 1)
  if (k % 2 === 0 || k > Math.min(height, width))
    throw new EquilibriaError(
      'option',
      `monotoneConvolution({ kernel: ${k} }) does not fit a ${height} × ${width} grid.`,
      'Pass an odd number, at most the height and the width.',
    )
  requireRange('monotoneConvolution({ modulus })', modulus, Number.MIN_VALUE, 1)
  requireRange('monotoneConvolution({ gain })', gain, 0, 1e6)
  const activation = proximalOf('monotoneConvolution', options.activation ?? 'relu')
  const shape = [k, k, channels, channels]
  const variables = createVariables(
    {
      A: { shape, deviation: 1 },
      B: { shape, deviation: 1 },
      g: { shape: [], value: gain },
      h: { shape: [], value: gain },
      U: { shape: [k, k, inputs, channels], deviation: 1 / (k * Math.sqrt(inputs)) },
      bias: { shape: [channels], value: 0 },
    },
    seed,
  )
  const { A, B, g, h, U, bias } = variables
  const grid = gridOf(height, width)
  /** `A` and `B − Bᵀ`; on the tape when one is recording. */
  const kernels = (): { readonly A: tf.Tensor4D; readonly skew: tf.Tensor4D } => {
    const scaled = (kernel: tf.Tensor, size: tf.Tensor) =>
      tf.mul(tf.div(kernel, tf.sqrt(tf.add(tf.sum(tf.square(kernel)), TINY))), size) as tf.Tensor4D
    const b = scaled(B, h)
    return { A: scaled(A, g), skew: tf.sub(b, transposedKernel(b)) }
  }
  const apply = (z: tf.Tensor4D, at: ReturnType<typeof kernels>): tf.Tensor4D => {
    const gram = circularConvolution(circularConvolution(z, at.A), transposedKernel(at.A))
    return tf.add(tf.mul(z, 1 - modulus), tf.sub(circularConvolution(z, at.skew), gram))
  }
  const now = whileUnchanged([A, B, g, h], (): ConvolutionNow =>
    scoped(() => {
      const at = kernels()
      const data = { A: at.A.dataSync().slice(), skew: at.skew.dataSync().slice() }
      return convolutionNow(grid, data as { A: Float32Array; skew: Float32Array }, k, channels, modulus)
    }),
  )
  return {
    kind: 'operator',
    spec: 1,
    name: 'monotone-convolution',
    traits: {},
    bind(x) {
      if (x.rank !== 4 || x.shape.slice(1).join() !== [height, width, inputs].join())
        throw new EquilibriaError(
          'shape',
          `monotoneConvolution() was given a tensor (${x.shape}).`,
          `Pass [batch, ${height}, ${width}, ${inputs}].`,
        )
      const at = kernels()
      const injected: tf.Tensor4D = tf.add(circularConvolution(x, U as unknown as tf.Tensor4D), bias)
      const { data, bounds, inverse } = now()
      // What splittings hold must live until the backward pass: numbers on the host do.
      const ofData = (flip: boolean) => (z: tf.Tensor4D) => {
        const skew = tf.tensor4d(data.skew, [k, k, channels, channels])
        return apply(z, {
          A: tf.tensor4d(data.A, [k, k, channels, channels]),
          skew: flip ? tf.neg(skew) : skew,
        })
      }
      const images = onImages([height, width, channels])
      return {
        initial: () => tf.zerosLike(injected),
        apply: (z) => images.prox(activation, tf.add(apply(z, at), injected)),
        splitting: images.splitting(
          linearProxSplitting({
            weights: {
              apply: images.flat(ofData(false)),
              transpose: images.flat(ofData(true)),
              resolvent: (v, alpha) => images.flat((z) => multiplyFrequencies(grid, z, inverse(alpha, false)))(v),
              resolventTransposed: (v, alpha) =>
                images.flat((z) => multiplyFrequencies(grid, z, inverse(alpha, true)))(v),
            },
            bias: images.pack(injected),
            proximal: activation,
            monotonicity: modulus,
            ...bounds,
          }),
        ),
      }
    },
    variables,
    certificate: {
      property: 'monotone',
      norm: '2',
      modulus,
      modulusNow: () => now().modulus(),
      solutionLipschitz() {
        const blocks = kernelBlocks(grid, U.dataSync(), [k, inputs, channels])
        const norm = Math.max(...blocks.map((block) => spectralBound(block, 2 * inputs, 2 * channels)))
        // Frequencies are computed to about 1e-15 of the sum of the kernel.
        return (norm / now().modulus()) * (1 + 1e-12)
      },
      statement: `The symmetric part of I − W is at least ${modulus} I for every value of the weights: exactly one equilibrium.`,
      assumptions: [
        'kernels are formed in exact arithmetic; modulusNow() is about kernels as rounded to float32',
        'the grid is a torus',
      ],
      sources: ['winston2020', 'sedghi2019'],
    },
    solver: () => peacemanRachford(),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}

/** Below the square of any kernel worth having; a kernel of zeros stays one. */
const TINY = 1e-20
