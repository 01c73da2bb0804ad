import * as tf from '@tensorflow/tfjs-core'

/*
 * Circular convolutions on an h × w grid, rows of channels: `(z A)(p) = Σ_t z(p + t) A_t`, `A_t` [C, C']. In Fourier space
 * each frequency has its own complex C × C' matrix. A complex row (re | im) times a complex matrix is a real product with
 * [[Re, Im], [−Im, Re]]. Signals are real: half of the frequencies along w say everything.
 */

/** A grid and what transforms over it need: tables for products, made once per shape. */
export interface Grid {
  readonly height: number
  readonly width: number
  /** Frequencies along the width, `⌊w/2⌋ + 1`. */
  readonly half: number
  /** `half · height`: frequencies in all; number `kw · height + kh`. */
  readonly frequencies: number
  readonly tables: {
    /** `[w, 2 half]`. */
    readonly alongWidth: Float32Array
    /** `[2h, 2h]`, complex to complex. */
    readonly alongHeight: Float32Array
    /** `[2h, 2h]`. */
    readonly backHeight: Float32Array
    /** `[2 half, w]`. */
    readonly backWidth: Float32Array
  }
}

/** cos and sin of `2π k / n`, the angle reduced first. */
const turn = (k: number, n: number): readonly [number, number] => {
  const angle = (2 * Math.PI * (((k % n) + n) % n)) / n
  return [Math.cos(angle), Math.sin(angle)]
}

export function gridOf(height: number, width: number): Grid {
  const half = Math.floor(width / 2) + 1
  const alongWidth = new Float32Array(width * 2 * half)
  const backWidth = new Float32Array(2 * half * width)
  for (let x = 0; x < width; x++)
    for (let k = 0; k < half; k++) {
      const [c, s] = turn(k * x, width)
      alongWidth[x * 2 * half + k] = c
      alongWidth[x * 2 * half + half + k] = -s
      // Each frequency stands for its mirror image too, but for the ones that are their own.
      const twice = k === 0 || 2 * k === width ? 1 : 2
      backWidth[k * width + x] = (twice * c) / width
      backWidth[(half + k) * width + x] = (-twice * s) / width
    }
  const alongHeight = new Float32Array(4 * height * height)
  const backHeight = new Float32Array(4 * height * height)
  const n = 2 * height
  for (let y = 0; y < height; y++)
    for (let k = 0; k < height; k++) {
      const [c, s] = turn(k * y, height)
      // e^{−iθ}: (re + i im)(c − i s)
      alongHeight[y * n + k] = alongHeight[(height + y) * n + height + k] = c
      alongHeight[y * n + height + k] = -s
      alongHeight[(height + y) * n + k] = s
      backHeight[k * n + y] = backHeight[(height + k) * n + height + y] = c / height
      backHeight[k * n + height + y] = s / height
      backHeight[(height + k) * n + y] = -s / height
    }
  return { height, width, half, frequencies: half * height, tables: { alongWidth, alongHeight, backHeight, backWidth } }
}

/** `z` `[batch, h, w, C]` times one real-embedded block `[2C, 2C']` per frequency, given as one array after another. */
export function multiplyFrequencies(grid: Grid, z: tf.Tensor4D, blocks: Float32Array): tf.Tensor4D {
  const { height: h, width: w, half, frequencies, tables } = grid
  const [batch, , , C] = z.shape
  const out = blocks.length / (frequencies * 4 * C)
  const rows = tf.reshape(tf.transpose(z, [0, 1, 3, 2]), [batch * h * C, w])
  const byWidth = tf.matMul(rows, tf.tensor2d(tables.alongWidth, [w, 2 * half]))
  const columns = tf.transpose(tf.reshape(byWidth, [batch, h, C, 2, half]), [0, 2, 4, 3, 1])
  const n = 2 * h
  const spectrum = tf.matMul(tf.reshape(columns, [batch * C * half, n]), tf.tensor2d(tables.alongHeight, [n, n]))
  const perFrequency = tf.transpose(tf.reshape(spectrum, [batch, C, half, 2, h]), [2, 4, 0, 3, 1])
  const product = tf.matMul(
    tf.reshape(perFrequency, [frequencies, batch, 2 * C]) as tf.Tensor3D,
    tf.tensor3d(blocks, [frequencies, 2 * C, 2 * out]),
  )
  const back = tf.transpose(tf.reshape(product, [half, h, batch, 2, out]), [2, 4, 0, 3, 1])
  const grown = tf.matMul(tf.reshape(back, [batch * out * half, n]), tf.tensor2d(tables.backHeight, [n, n]))
  const lines = tf.transpose(tf.reshape(grown, [batch, out, half, 2, h]), [0, 4, 1, 3, 2])
  const image = tf.matMul(tf.reshape(lines, [batch * h * out, 2 * half]), tf.tensor2d(tables.backWidth, [2 * half, w]))
  return tf.transpose(tf.reshape(image, [batch, h, out, w]), [0, 1, 3, 2])
}

/** One real-embedded block `[2C, 2C']` per frequency of the kernel `[k, k, C, C']`, `k` odd, centred; float64. */
export function kernelBlocks(
  grid: Grid,
  kernel: ArrayLike<number>,
  [k, C, out]: readonly [k: number, channels: number, out: number],
): Float64Array[] {
  const middle = (k - 1) / 2
  return Array.from({ length: grid.frequencies }, (_, f) => {
    const [kw, kh] = [Math.floor(f / grid.height), f % grid.height]
    const block = new Float64Array(4 * C * out)
    for (let i = 0; i < k; i++)
      for (let j = 0; j < k; j++) {
        const [ch, sh] = turn(kh * (i - middle), grid.height)
        const [cw, sw] = turn(kw * (j - middle), grid.width)
        const [re, im] = [ch * cw - sh * sw, ch * sw + sh * cw]
        for (let a = 0; a < C; a++)
          for (let b = 0; b < out; b++) {
            const value = kernel[((i * k + j) * C + a) * out + b]!
            block[a * 2 * out + b]! += re * value
            block[a * 2 * out + out + b]! += im * value
          }
      }
    for (let a = 0; a < C; a++)
      for (let b = 0; b < out; b++) {
        block[(C + a) * 2 * out + b] = -block[a * 2 * out + out + b]!
        block[(C + a) * 2 * out + out + b] = block[a * 2 * out + b]!
      }
    return block
  })
}

/** `z` `[batch, h, w, C]` convolved with `[k, k, C, C']`, circularly, as one product; differentiable twice on every backend. */
export function circularConvolution(z: tf.Tensor4D, kernel: tf.Tensor4D): tf.Tensor4D {
  const [k, , C, out] = kernel.shape
  return tf.reshape(tf.matMul(patches(z, k), tf.reshape(kernel, [k * k * C, out])), [
    ...(z.shape.slice(0, 3) as [number, number, number]),
    out,
  ])
}

/** The `k × k` neighbourhoods of every point, `[batch · h · w, k² C]`. */
function patches(z: tf.Tensor4D, k: number): tf.Tensor2D {
  const [batch, h, w, C] = z.shape
  const p = (k - 1) / 2
  const wrap = (t: tf.Tensor4D, axis: 1 | 2): tf.Tensor4D => {
    if (p === 0) return t
    const n = t.shape[axis]!
    const take = (from: number): tf.Tensor4D => {
      const [begin, size] = [[0, 0, 0, 0] as [number, number, number, number], [...t.shape] as typeof t.shape]
      begin[axis] = from
      size[axis] = p
      return tf.slice(t, begin, size)
    }
    return tf.concat([take(n - p), t, take(0)], axis)
  }
  const padded = wrap(wrap(z, 1), 2)
  const shifted = Array.from({ length: k * k }, (_, t) =>
    tf.slice(padded, [0, Math.floor(t / k), t % k, 0], [batch, h, w, C]),
  )
  return tf.reshape(k === 1 ? shifted[0]! : tf.concat(shifted, 3), [batch * h * w, k * k * C])
}

/** The kernel of the transposed convolution: flipped, channels exchanged. */
export const transposedKernel = (kernel: tf.Tensor4D): tf.Tensor4D =>
  tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
