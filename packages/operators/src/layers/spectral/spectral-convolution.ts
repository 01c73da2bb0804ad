import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../../layer.ts'
import { spectralBound } from '../../parameters/spectral-bound.ts'
import { createVariables } from '../../parameters/variables.ts'
import { requireShape, requireSizes } from '../checks.ts'
import { type Basis, complexBasis, realBasis } from './basis.ts'

/** Channels, frequencies and start of a spectral convolution. */
export interface SpectralConvolutionOptions<Modes> {
  /** Channels in. */
  readonly inputs: number
  /** Channels out. */
  readonly outputs: number
  /** How many frequencies of each axis are kept, as described at the layer. */
  readonly modes: Modes
  /** Standard deviation of real and imaginary parts at the start: `gain / √(2 · inputs)`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
}

/** `[cos, sin]` products instead of an FFT: no complex numbers, which tfjs can neither differentiate nor hold on wasm. */
const times = (matrix: Float32Array, rows: number, x: tf.Tensor): tf.Tensor =>
  tf.matMul(tf.tensor2d(matrix, [rows, matrix.length / rows]), x as tf.Tensor2D)

/** Tables by size of the signal, on the host: the layer itself works at every size. */
const table = (make: (size: number) => Basis): ((size: number) => Basis) => {
  const made = new Map<number, Basis>()
  return (size) => {
    const one = made.get(size) ?? make(size)
    made.set(size, one)
    return one
  }
}

/** `modes` complex matrices `inputs × outputs`, as variables, real blocks, and a bound on the norm of the largest. */
function mixing(name: string, modes: number, inputs: number, outputs: number, gain: number, seed: number) {
  const part = { shape: [modes, inputs, outputs], deviation: gain / Math.sqrt(2 * inputs) }
  const variables = createVariables({ real: part, imaginary: part }, seed)
  return {
    kind: 'layer',
    name,
    variables,
    /** `(a + ib)(R + iS)` as `[a, b] [[R, S], [−S, R]]`: `[modes, 2 · inputs, 2 · outputs]`. */
    blocks: (): tf.Tensor =>
      tf.concat(
        [
          tf.concat([variables.real, variables.imaginary], 2),
          tf.concat([tf.neg(variables.imaginary), variables.real], 2),
        ],
        1,
      ),
    lipschitz: (): number => {
      const [real, imaginary] = [variables.real.dataSync(), variables.imaginary.dataSync()]
      let largest = 0
      for (let mode = 0; mode < modes; mode++) {
        const block = Array.from({ length: 4 * inputs * outputs }, (_, i) => {
          const [row, column] = [Math.floor(i / (2 * outputs)), i % (2 * outputs)]
          const at = (mode * inputs + (row % inputs)) * outputs + (column % outputs)
          if (row < inputs === column < outputs) return real[at]!
          return row < inputs ? imaginary[at]! : -imaginary[at]!
        })
        largest = Math.max(largest, spectralBound(block, 2 * inputs, 2 * outputs))
      }
      return largest
    },
    dispose: (): void => tf.dispose(Object.values(variables)),
  } as const
}

/** @throws EquilibriaError `shape` unless `size` entries carry these frequencies */
function requireModes(name: string, size: number, modes: number, least: number): void {
  if (size < least)
    throw new EquilibriaError(
      'shape',
      `${name} with ${modes} modes was given ${size} entries along an axis.`,
      `Pass at least ${least}, or keep fewer modes.`,
    )
}

/**
 * Spectral convolution, the layer of Fourier neural operators, on signals `[batch, length, inputs]`: the frequencies
 * `0 … modes − 1` are mixed by a complex matrix each, the others are dropped:
 *
 * `y = F⁻¹ (R_k · (F x)_k)`.
 *
 * The same weights act at every length `≥ 2 · modes − 2`, and alike: on a band-limited signal sampled more finely, the
 * answer is that of before, sampled more finely. It commutes with circular shifts. It is linear, and its norm is at most
 * `max_k ‖R_k‖₂` (exactly that, but for frequency 0 and the highest, of which only real parts count).
 *
 * The transforms are products with tables of cosines and sines: for long signals with many modes an FFT would be faster.
 *
 * @cost `4 · length · modes · (inputs + outputs)` multiply–adds per sample, and the mixing
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` on other inputs, and on signals too
 * short for the modes
 * @cite li2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { spectralConvolution1d } from '@equilibria/operators'
 *
 * const layer = spectralConvolution1d({ inputs: 2, outputs: 3, modes: 4 })
 * console.log(layer.bind()(tf.ones([1, 16, 2])).shape, layer.bind()(tf.ones([1, 32, 2])).shape) // [1, 16, 3], [1, 32, 3]
 * layer.dispose()
 * ```
 */
export function spectralConvolution1d({
  inputs,
  outputs,
  modes,
  gain = 1,
  seed = 0,
}: SpectralConvolutionOptions<number>): Layer {
  requireSizes('spectralConvolution1d', { inputs, outputs, modes })
  const { blocks, ...layer } = mixing('spectralConvolution1d', modes, inputs, outputs, gain, seed)
  const basis = table((size) => realBasis(size, modes))
  return {
    ...layer,
    bind: () => {
      const mixed = blocks()
      return (x) => {
        requireShape('spectralConvolution1d()', x, ['batch', 'length', 'channels'], inputs)
        const [batch, size] = x.shape as [number, number]
        requireModes('spectralConvolution1d()', size, modes, Math.max(1, 2 * modes - 2))
        const { analysis, synthesis } = basis(size)
        const values = tf.reshape(tf.transpose(x, [1, 0, 2]), [size, batch * inputs])
        const coordinates = tf.reshape(times(analysis, 2 * modes, values), [2, modes, batch, inputs])
        const product = mix(coordinates, mixed, [modes], batch, inputs, outputs)
        const back = times(synthesis, size, tf.reshape(product, [2 * modes, batch * outputs]))
        return tf.transpose(tf.reshape(back, [size, batch, outputs]), [1, 0, 2])
      }
    },
  }
}

/** `[2, …modes, batch, inputs]` → `[2, …modes, batch, outputs]`. */
function mix(
  coordinates: tf.Tensor,
  blocks: tf.Tensor,
  modes: readonly number[],
  batch: number,
  inputs: number,
  outputs: number,
): tf.Tensor {
  const count = modes.reduce((a, b) => a * b, 1)
  const pairs = tf.transpose(tf.reshape(coordinates, [2, count, batch, inputs]), [1, 2, 0, 3])
  const product = tf.matMul(tf.reshape(pairs, [count, batch, 2 * inputs]) as tf.Tensor3D, blocks as tf.Tensor3D)
  return tf.transpose(tf.reshape(product, [count, batch, 2, outputs]), [2, 0, 1, 3])
}

/**
 * The same on images `[batch, height, width, inputs]`, `modes: [rows, columns]`: along the height the frequencies
 * `−rows … rows − 1`, along the width `0 … columns − 1`: `2 · rows · columns` complex matrices. Where the frequency along the
 * width is 0 (or the highest) only the real part of the answer counts, as in an inverse real transform.
 *
 * @cost two transforms by tables along each axis: `8 · height · columns · (width + 4 · rows)` multiply–adds per sample and
 * channel, about, and the mixing
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` on other inputs, and on images too
 * small for the modes: at least `[2 · rows, 2 · columns − 2]`
 * @cite li2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { spectralConvolution2d } from '@equilibria/operators'
 *
 * const layer = spectralConvolution2d({ inputs: 2, outputs: 3, modes: [2, 3] })
 * console.log(layer.bind()(tf.ones([1, 8, 8, 2])).shape, layer.lipschitz?.()) // [1, 8, 8, 3], its norm
 * layer.dispose()
 * ```
 */
export function spectralConvolution2d({
  inputs,
  outputs,
  modes: [rows, columns],
  gain = 1,
  seed = 0,
}: SpectralConvolutionOptions<readonly [rows: number, columns: number]>): Layer {
  requireSizes('spectralConvolution2d', { inputs, outputs, 'modes, rows': rows, 'modes, columns': columns })
  const count = 2 * rows
  const { blocks, ...layer } = mixing('spectralConvolution2d', count * columns, inputs, outputs, gain, seed)
  const across = table((size) => realBasis(size, columns))
  const down = table((size) => complexBasis(size, rows))
  return {
    ...layer,
    bind: () => {
      const mixed = blocks()
      return (x) => {
        requireShape('spectralConvolution2d()', x, ['batch', 'height', 'width', 'channels'], inputs)
        const [batch, height, width] = x.shape as [number, number, number]
        requireModes('spectralConvolution2d()', height, rows, count)
        requireModes('spectralConvolution2d()', width, columns, Math.max(1, 2 * columns - 2))
        const [h, w] = [down(height), across(width)]
        /** `[2 · a, b, rest]` → `[2 · b, a, rest]`: real and imaginary parts stay outside, the axes change places. */
        const turned = (t: tf.Tensor, a: number, b: number): tf.Tensor =>
          tf.reshape(tf.transpose(tf.reshape(t, [2, a, b, -1]), [0, 2, 1, 3]), [2 * b, -1])
        const values = tf.reshape(tf.transpose(x, [2, 1, 0, 3]), [width, -1])
        const half = turned(times(w.analysis, 2 * columns, values), columns, height)
        const full = times(h.analysis, 2 * count, half) // [2, count, columns, batch, inputs]
        const product = mix(full, mixed, [count, columns], batch, inputs, outputs)
        const back = times(h.synthesis, 2 * height, tf.reshape(product, [2 * count, -1]))
        const image = times(w.synthesis, width, turned(back, height, columns))
        return tf.transpose(tf.reshape(image, [width, height, batch, outputs]), [2, 1, 0, 3])
      }
    },
  }
}
