import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { spectralConvolution1d, spectralConvolution2d } from '@equilibria/operators'
import { checkLayer, neverBroken, powerNorm, shake, tensor, values } from './layer-checks.ts'

/** Real part, imaginary part. */
type Complex = [number, number]
const turn = (angle: number): Complex => [Math.cos(angle), Math.sin(angle)]
const product = (a: Complex, b: Complex): Complex => [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]

/**
 * The sums by their definition: `rfft2` of numpy (over all of `h`, half of `w`), the modes mixed, `irfft2`, which drops the
 * imaginary part of what is its own conjugate. One row (`h = 1`, `rows = 0`) is the layer on signals.
 */
function reference(
  x: Float64Array,
  real: Float64Array,
  imaginary: Float64Array,
  [batch, h, w, inputs]: readonly [number, number, number, number],
  [rows, columns]: readonly [number, number],
  outputs: number,
): Float64Array {
  const kept = rows === 0 ? [0] : Array.from({ length: 2 * rows }, (_, i) => (i < rows ? i : i - 2 * rows))
  const y = new Float64Array(batch * h * w * outputs)
  for (let b = 0; b < batch; b++)
    kept.forEach((k, place) => {
      for (let l = 0; l < columns; l++) {
        const found = Array.from({ length: inputs }, (_, c) => {
          const sum: Complex = [0, 0]
          for (let i = 0; i < h; i++)
            for (let j = 0; j < w; j++) {
              const e = turn(-2 * Math.PI * ((k * i) / h + (l * j) / w))
              const value = x[((b * h + i) * w + j) * inputs + c]!
              sum[0] += value * e[0]
              sum[1] += value * e[1]
            }
          return sum
        })
        for (let o = 0; o < outputs; o++) {
          const mixed: Complex = [0, 0]
          found.forEach((coordinate, c) => {
            const at = ((place * columns + l) * inputs + c) * outputs + o
            const [re, im] = product(coordinate, [real[at]!, imaginary[at]!])
            mixed[0] += re
            mixed[1] += im
          })
          const twice = l === 0 || 2 * l === w ? 1 : 2
          for (let i = 0; i < h; i++)
            for (let j = 0; j < w; j++)
              y[((b * h + i) * w + j) * outputs + o]! +=
                (twice * product(mixed, turn(2 * Math.PI * ((k * i) / h + (l * j) / w)))[0]) / (h * w)
        }
      }
    })
  return y
}

test.each([
  [6, 3],
  [6, 4], // the highest frequency of an even size
  [5, 3],
  [1, 1],
])('1-D, %i entries, %i modes: values and gradients', (size, modes) => {
  const layer = spectralConvolution1d({ inputs: 2, outputs: 3, modes })
  shake(layer)
  tf.tidy(() =>
    checkLayer(
      layer,
      { x: tensor([2, size, 2], 1) },
      ({ x }) => x!,
      ({ x }, { real, imaginary }) => reference(x!, real!, imaginary!, [2, 1, size, 2], [0, modes], 3),
    ),
  )
  layer.dispose()
})

test.each([
  [4, 4, 2, 3], // the highest frequencies of both axes
  [5, 6, 2, 2],
  [2, 3, 1, 2],
])('2-D, %i × %i entries, modes %i, %i: values and gradients', (h, w, rows, columns) => {
  const layer = spectralConvolution2d({ inputs: 2, outputs: 3, modes: [rows, columns] })
  shake(layer)
  tf.tidy(() =>
    checkLayer(
      layer,
      { x: tensor([2, h, w, 2], 1) },
      ({ x }) => x!,
      ({ x }, { real, imaginary }) => reference(x!, real!, imaginary!, [2, h, w, 2], [rows, columns], 3),
    ),
  )
  layer.dispose()
})

test('the bound is the norm, up to the imaginary parts that do not count', () => {
  const signal = spectralConvolution1d({ inputs: 3, outputs: 2, modes: 4 })
  const image = spectralConvolution2d({ inputs: 2, outputs: 2, modes: [2, 3] })
  for (const [layer, shape] of [
    [signal, [1, 9, 3]],
    [image, [1, 6, 7, 2]],
  ] as const) {
    const bound = layer.lipschitz!()
    neverBroken(bound, layer.bind(), shape)
    const norm = powerNorm(layer.bind(), shape)
    expect(norm).toBeLessThanOrEqual(bound * (1 + 1e-5))
    expect(norm).toBeGreaterThan(0.75 * bound)
  }
  // A matrix at frequency 2, which is neither 0 nor the highest: exact, but for the n^{1/2p} of the Schatten norm.
  tf.tidy(() => {
    const { real, imaginary } = signal.variables as { real: tf.Variable; imaginary: tf.Variable }
    const only = tf.reshape(tf.tensor([0, 0, 5, 0]), [4, 1, 1])
    real.assign(tf.mul(real, only) as tf.Tensor3D)
    imaginary.assign(tf.mul(imaginary, only) as tf.Tensor3D)
    expect(powerNorm(signal.bind(), [1, 9, 3]) / signal.lipschitz!()).toBeCloseTo(1, 2)
  })
  signal.dispose()
  image.dispose()
})

test('the same operator at every resolution, on band-limited signals', () => {
  const layer = spectralConvolution1d({ inputs: 1, outputs: 1, modes: 3 })
  shake(layer)
  tf.tidy(() => {
    const wave = (n: number): tf.Tensor =>
      tf.tensor(
        Array.from(
          { length: n },
          (_, j) => 0.3 + Math.cos((2 * Math.PI * j) / n) - 0.5 * Math.sin((4 * Math.PI * j) / n),
        ),
        [1, n, 1],
      )
    const map = layer.bind()
    const [coarse, fine] = [values(map(wave(8))), values(map(wave(32)))]
    coarse.forEach((y, j) => expect(fine[4 * j]!).toBeCloseTo(y, 5))
  })
  layer.dispose()
})

test('mistakes are named', () => {
  const layer = spectralConvolution2d({ inputs: 1, outputs: 1, modes: [2, 3] })
  tf.tidy(() => {
    expect(() => layer.bind()(tf.ones([1, 3, 8, 1]))).toThrow('given 3 entries')
    expect(() => layer.bind()(tf.ones([1, 8, 3, 1]))).toThrow('given 3 entries')
    expect(() => layer.bind()(tf.ones([1, 8, 8, 2]))).toThrow('[batch, height, width, 1]')
  })
  layer.dispose()
  expect(() => spectralConvolution1d({ inputs: 1, outputs: 1, modes: 0 })).toThrow('modes')
})
