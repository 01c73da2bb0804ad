import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import type { Layer } from '../../layer.ts'
import { createVariables } from '../../parameters/variables.ts'
import { requireShape, requireSizes } from '../checks.ts'
import { convolve } from './convolve.ts'
import { circularBound, tapBound } from './norm.ts'
import { padded, type Padding } from './padding.ts'

/** Channels, kernel, edges and start of a convolution. */
export interface ConvolutionOptions<Size> {
  /** Channels in. */
  readonly inputs: number
  /** Channels out. */
  readonly outputs: number
  /** Extent of the kernel; one number for all axes, or one each. */
  readonly kernel: number | Size
  /** Default `'zero'`. */
  readonly padding?: Padding
  /** Default `true`. */
  readonly bias?: boolean
  /** Standard deviation of the weights at the start: `gain / √(inputs · taps)`. Default `1`. */
  readonly gain?: number
  /** Default `0`. */
  readonly seed?: number
  /** The size of the signals, for a sharper Lipschitz bound; other sizes then throw, as the bound would not be theirs. */
  readonly size?: Size
}

/**
 * Convolution of signals `[batch, length, inputs]`, stride 1: `yᵢ = Σₜ xᵢ₊ₜ₋ₗ Wₜ + b`, `l = ⌊(kernel − 1)/2⌋` (`l = 0` when
 * `valid`). As everywhere in machine learning it is a correlation: the kernel is not turned.
 *
 * Circular padding commutes with shifts. The Lipschitz bound is exact up to 1e-3 for circular padding with `size` given;
 * with `size` and zero or valid padding it is that of the circular convolution on `length + kernel − 1` (`length`) entries,
 * of which the layer is a part; without, `Σₜ ‖Wₜ‖₂`, which can be `√kernel` times too large or more.
 *
 * @cost one convolution; its gradients are two more, the same on wasm, where tfjs has none for the kernel
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` on other inputs, and on signals too
 * short for the kernel
 * @cite sedghi2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { convolution1d } from '@equilibria/operators'
 *
 * const layer = convolution1d({ inputs: 2, outputs: 4, kernel: 3, padding: 'circular', size: [16] })
 * console.log(layer.bind()(tf.ones([1, 16, 2])).shape, layer.lipschitz?.()) // [1, 16, 4], its norm
 * layer.dispose()
 * ```
 */
export function convolution1d(options: ConvolutionOptions<readonly [length: number]>): Layer {
  const { kernel, size } = options
  const extent = typeof kernel === 'number' ? kernel : kernel[0]
  const layer = convolution('convolution1d', options, [1, extent], size && [1, size[0]])
  return {
    ...layer,
    bind: () => {
      const map = layer.bind()
      return (x) => {
        requireShape('convolution1d()', x, ['batch', 'length', 'channels'], options.inputs)
        return tf.squeeze(map(tf.expandDims(x, 1)), [1])
      }
    },
  }
}

/**
 * Convolution of images `[batch, height, width, inputs]`, stride 1: `yᵢⱼ = Σₛₜ xᵢ₊ₛ₋ₗ,ⱼ₊ₜ₋ₗ Wₛₜ + b`. Everything else is as in
 * `convolution1d`; the bound of zero padding is that of the circular convolution on images larger by `kernel − 1`.
 *
 * @cost one convolution; its gradients are two more, the same on wasm, where tfjs has none for the kernel. The bound with
 * `size` given: about 0.1 s for 8 channels and 32 × 32, 2 s for 32
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1; `shape` on other inputs, and on images too
 * small for the kernel
 * @cite sedghi2019
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { convolution2d } from '@equilibria/operators'
 *
 * const layer = convolution2d({ inputs: 1, outputs: 4, kernel: 3, size: [8, 8] })
 * console.log(layer.bind()(tf.ones([2, 8, 8, 1])).shape, layer.lipschitz?.()) // [2, 8, 8, 4], a bound
 * layer.dispose()
 * ```
 */
export function convolution2d(options: ConvolutionOptions<readonly [height: number, width: number]>): Layer {
  const { kernel, size } = options
  return convolution('convolution2d', options, typeof kernel === 'number' ? [kernel, kernel] : kernel, size)
}

function convolution(
  name: string,
  { inputs, outputs, padding = 'zero', bias = true, gain = 1, seed = 0 }: Omit<ConvolutionOptions<unknown>, 'kernel'>,
  kernel: readonly [number, number],
  size: readonly [number, number] | undefined,
): Layer {
  const [height, width] = kernel
  requireSizes(name, { inputs, outputs, 'kernel, rows': height, 'kernel, columns': width })
  if (size) requireSizes(name, { 'size, rows': size[0], 'size, columns': size[1] })
  if (!['zero', 'circular', 'valid'].includes(padding))
    throw new EquilibriaError('option', `${name}({ padding: ${padding} })`, 'Pass "zero", "circular" or "valid".')
  const shape = [height, width, inputs, outputs] as const
  const variables = createVariables(
    {
      weight: { shape, deviation: gain / Math.sqrt(height * width * inputs) },
      ...(bias ? { bias: { shape: [outputs], value: 0 } } : {}),
    },
    seed,
  )
  const { weight, bias: offset }: { weight: tf.Variable; bias?: tf.Variable } = variables
  return {
    kind: 'layer',
    name,
    variables,
    bind: () => (x) => {
      requireShape(`${name}()`, x, ['batch', 'height', 'width', 'channels'], inputs)
      if (size && (x.shape[1] !== size[0] || x.shape[2] !== size[1]))
        throw new EquilibriaError(
          'shape',
          `${name}({ size: [${size}] }) was given ${x.shape[1]} × ${x.shape[2]} entries.`,
          'Leave size out for a bound that holds at every size.',
        )
      const y = convolve(padded(`${name}()`, x, kernel, padding), weight)
      return offset ? tf.add(y, offset) : y
    },
    lipschitz: () => {
      const values = weight.dataSync()
      const taps = tapBound(values, shape)
      if (!size) return taps
      const around = padding === 'zero' ? ([size[0] + height - 1, size[1] + width - 1] as const) : size
      return Math.min(taps, circularBound(values, shape, around))
    },
    dispose: () => tf.dispose(Object.values(variables)),
  }
}
