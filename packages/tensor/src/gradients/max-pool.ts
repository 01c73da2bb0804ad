import * as tf from '@tensorflow/tfjs-core'
import { addUp } from './gather.ts'
import { kernel, repair, zeros, type Repair } from './repair.ts'

interface Attributes {
  readonly filterSize: number | number[]
  readonly strides: number | number[]
  readonly pad: 'valid' | 'same' | number
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** Positions of the entries of every window in the flattened image; `height × width` stands for "outside". */
function windows(shape: readonly number[], { filterSize, strides, pad, dimRoundingMode }: Attributes) {
  const i = tf.backend_util.computePool2DInfo(
    shape as never,
    filterSize as never,
    strides as never,
    1,
    pad,
    dimRoundingMode,
  )
  const { inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth, padInfo } = i
  const count = filterHeight * filterWidth
  const at = new Int32Array(outHeight * outWidth * count)
  let n = 0
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++)
      for (let fy = 0; fy < filterHeight; fy++)
        for (let fx = 0; fx < filterWidth; fx++) {
          const row = y * i.strideHeight - padInfo.top + fy
          const column = x * i.strideWidth - padInfo.left + fx
          const inside = row >= 0 && row < inHeight && column >= 0 && column < inWidth
          at[n++] = inside ? row * inWidth + column : inHeight * inWidth
        }
  return { at: tf.tensor1d(at, 'int32'), pixels: inHeight * inWidth, windows: outHeight * outWidth, count }
}

/** `[batch, windows, count, channels]`: what each window sees of `x`, with `outside` beyond the border. */
function see(x: tf.Tensor, outside: number, w: ReturnType<typeof windows>): tf.Tensor {
  const [batch, , , channels] = x.shape as [number, number, number, number]
  const flat = tf.concat([tf.reshape(x, [batch, w.pixels, channels]), tf.fill([batch, 1, channels], outside)], 1)
  return tf.reshape(tf.gather(flat, w.at, 1), [batch, w.windows, w.count, channels])
}

/** Which entry each window takes, as weights that add up to 1: equal ones share. */
function taken(x: tf.Tensor, y: tf.Tensor, w: ReturnType<typeof windows>): tf.Tensor {
  const best = tf.reshape(y, [y.shape[0]!, w.windows, 1, y.shape[3]!])
  const hit = tf.cast(tf.equal(see(x, -Infinity, w), best), 'float32')
  return tf.div(hit, tf.maximum(tf.sum(hit, 2, true), 1))
}

/**
 * The wasm kernel for the gradient of max-pooling is wrong wherever the maximum of a window is not positive (its running
 * maximum starts at the smallest positive float), so there we take the windows apart: right, and several times the memory
 * of the image. Elsewhere the kernel stays. It gets a gradient of its own: it is linear in `dy`, and its adjoint picks
 * the entry that each window took.
 */
export const maxPool: readonly Repair[] = [
  repair<Attributes>('MaxPool', { inputs: ['x'], outputs: [true] }, (dy, [x, y], attrs) => ({
    x: () => {
      if (tf.getBackend() !== 'wasm') return kernel('MaxPoolGrad', { dy, input: x!, output: y! }, attrs)
      const w = windows(x!.shape, attrs)
      const [batch, , , channels] = x!.shape as [number, number, number, number]
      const pieces = tf.mul(taken(x!, y!, w), tf.reshape(dy, [batch, w.windows, 1, channels]))
      const sums = addUp(pieces, [batch, w.pixels + 1, channels], w.at, 1)
      return tf.reshape(tf.slice(sums, [0, 0, 0], [batch, w.pixels, channels]), x!.shape)
    },
  })),
  repair<Attributes>('MaxPoolGrad', { inputs: ['input', 'output'] }, (ddx, [input, output], attrs) => ({
    dy: () => {
      const w = windows(input!.shape, attrs)
      return tf.reshape(tf.sum(tf.mul(taken(input!, output!, w), see(ddx, 0, w)), 2), output!.shape)
    },
    input: zeros(input!),
    output: zeros(output!),
  })),
]
