import * as tf from '@tensorflow/tfjs-core'
import type { LinearizedSplitting, Splitting, Vector } from '@equilibria/spec'
import type { Proximal } from '@equilibria/solvers'
import { EquilibriaError, onTape } from '@equilibria/tensor'
import { spectralBound } from '../parameters/spectral-bound.ts'
import { invert, smallestEigenvalueBound, type StepBounds, stepOf } from './monotone-host.ts'
import { type Grid, kernelBlocks } from './monotone-fourier.ts'

/** What is known of `W = (1 − m) I − A Aᵀ + K`, `K` skew, at the present kernels. */
export interface ConvolutionNow {
  readonly data: { readonly A: Float32Array; readonly skew: Float32Array }
  readonly bounds: StepBounds
  /** Rigorous lower bound on the symmetric part of `I − W`. */
  modulus(): number
  /** `(I + α(I − W))⁻¹`, or of `Wᵀ`: one block per frequency. */
  inverse(alpha: number, transposed: boolean): Float32Array
}

export function convolutionNow(
  grid: Grid,
  data: ConvolutionNow['data'],
  k: number,
  channels: number,
  m: number,
): ConvolutionNow {
  const n = 2 * channels
  const of = (kernel: Float32Array) => kernelBlocks(grid, kernel, [k, channels, channels])
  const skew = of(data.skew)
  // Row vectors: z A Aᵀ, and the block of the transposed convolution is the transposed block.
  const symmetric = of(data.A).map((block) => {
    const out = new Float64Array(n * n)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        let sum = i === j ? m : 0
        for (let c = 0; c < n; c++) sum += block[i * n + c]! * block[j * n + c]!
        out[i * n + j] = sum
      }
    return out
  })
  const largest = (blocks: readonly Float64Array[]) =>
    blocks.reduce((most, block) => Math.max(most, spectralBound(block, n, n, 2)), 0) * (1 + 1e-12)
  const inverses = new Map<string, Float32Array>()
  let modulus: number | undefined
  return {
    data,
    bounds: stepOf(largest(symmetric), largest(skew), m),
    // As the skew part is exactly that only up to the rounding of its kernel, take the symmetric part of the whole.
    modulus: () =>
      (modulus ??= symmetric.reduce((least, block, f) => {
        const whole = block.map((x, i) => x - skew[f]![i]!)
        const size = Math.sqrt(whole.reduce((s, x) => s + x * x, 0))
        return Math.min(least, smallestEigenvalueBound(whole, n) - 1e-13 * size)
      }, Number.POSITIVE_INFINITY)),
    inverse(alpha, transposed) {
      const key = `${alpha} ${transposed}`
      const known = inverses.get(key)
      if (known) return known
      const all = new Float32Array(symmetric.length * n * n)
      symmetric.forEach((block, f) => {
        const whole = block.map((x, i) => {
          const eye = i % (n + 1) === 0 ? 1 : 0
          return eye + alpha * (x + (transposed ? 1 : -1) * skew[f]![i]!)
        })
        all.set(invert(whole, n), f * n * n)
      })
      inverses.set(key, all)
      return all
    },
  }
}

/** The way between images `[batch, h, w, C]` and vectors `[batch, hwC]`, for splittings written on vectors. */
export function onImages([height, width, channels]: readonly [number, number, number]): {
  pack(z: tf.Tensor4D): Vector
  flat(f: (z: tf.Tensor4D) => tf.Tensor4D): (v: Vector) => Vector
  prox(activation: Proximal, z: tf.Tensor4D): tf.Tensor4D
  splitting(parts: Splitting<Vector>): Splitting<tf.Tensor4D>
} {
  const size = height * width * channels
  const pack = (z: tf.Tensor4D): Vector => tf.reshape(z, [-1, size])
  const unpack = (v: Vector): tf.Tensor4D => tf.reshape(v, [-1, height, width, channels])
  const splitting = (parts: Splitting<Vector>): Splitting<tf.Tensor4D> => {
    const { resolventA, applyA, applyC: _, stateOf, linearize, resolventB, ...numbers } = parts
    return {
      ...numbers,
      resolventB: (v, alpha) => unpack(resolventB(pack(v), alpha)),
      ...(applyA ? { applyA: (v: tf.Tensor4D) => unpack(applyA(pack(v))) } : {}),
      ...(stateOf ? { stateOf: (p: tf.Tensor4D) => unpack(stateOf(pack(p))) } : {}),
      ...(resolventA
        ? {
            resolventA(v: tf.Tensor4D, alpha: number): tf.Tensor4D {
              if (onTape())
                throw new EquilibriaError(
                  'gradient',
                  'A gradient is being recorded through the resolvent of monotoneConvolution(), which is not differentiated.',
                  'Use implicit() as the gradient of this layer: it solves the adjoint by splitting as well.',
                )
              return unpack(resolventA(pack(v), alpha))
            },
          }
        : {}),
      ...(linearize
        ? {
            linearize(z: tf.Tensor4D): LinearizedSplitting<tf.Tensor4D> {
              const { tensors, adjoint, tangent } = linearize(pack(z))
              return {
                tensors,
                adjoint: (v, kept) => splitting(adjoint(pack(v), kept)),
                ...(tangent
                  ? {
                      tangent: (v: tf.Tensor4D, kept: readonly tf.Tensor[]) => splitting(tangent(pack(v), kept)),
                    }
                  : {}),
              }
            },
          }
        : {}),
    }
  }
  return {
    pack,
    flat: (f) => (v) => pack(f(unpack(v))),
    prox: (activation, z) => unpack(activation.apply(pack(z), 1)),
    splitting,
  }
}
