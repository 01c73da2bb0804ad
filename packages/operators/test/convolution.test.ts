import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { convolution1d, convolution2d, type Padding } from '@equilibria/operators'
import { checkLayer, neverBroken, powerNorm, shake, tensor, values } from './layer-checks.ts'

/** By the definition, place by place. */
function reference(
  x: Float64Array,
  weight: Float64Array,
  bias: Float64Array | undefined,
  [batch, h, w, inputs]: readonly [number, number, number, number],
  [kh, kw]: readonly [number, number],
  outputs: number,
  padding: Padding,
): Float64Array {
  const valid = padding === 'valid'
  const [oh, ow] = valid ? [h - kh + 1, w - kw + 1] : [h, w]
  const [top, left] = valid ? [0, 0] : [Math.floor((kh - 1) / 2), Math.floor((kw - 1) / 2)]
  const y = new Float64Array(batch * oh * ow * outputs)
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < oh; i++)
      for (let j = 0; j < ow; j++)
        for (let o = 0; o < outputs; o++) {
          let sum = bias?.[o] ?? 0
          for (let s = 0; s < kh; s++)
            for (let t = 0; t < kw; t++) {
              let [p, q] = [i + s - top, j + t - left]
              if (padding === 'circular') [p, q] = [(p + h) % h, (q + w) % w]
              if (p < 0 || q < 0 || p >= h || q >= w) continue
              for (let c = 0; c < inputs; c++)
                sum += x[((b * h + p) * w + q) * inputs + c]! * weight[((s * kw + t) * inputs + c) * outputs + o]!
            }
          y[((b * oh + i) * ow + j) * outputs + o] = sum
        }
  return y
}
const paddings = ['zero', 'circular', 'valid'] as const

describe.each(paddings)('%s padding', (padding) => {
  test.each([
    [3, true],
    [4, false],
    [1, true],
  ])('1-D, kernel %i: values and gradients', (kernel, bias) => {
    const layer = convolution1d({ inputs: 2, outputs: 3, kernel, padding, bias })
    shake(layer)
    tf.tidy(() =>
      checkLayer(
        layer,
        { x: tensor([2, 6, 2], 1) },
        ({ x }) => x!,
        ({ x }, { weight, bias: offset }) => reference(x!, weight!, offset, [2, 1, 6, 2], [1, kernel], 3, padding),
      ),
    )
    layer.dispose()
  })

  test.each([[[3, 3]], [[2, 3]]] as const)('2-D, kernel %j: values and gradients', (kernel) => {
    const layer = convolution2d({ inputs: 2, outputs: 3, kernel, padding })
    shake(layer)
    tf.tidy(() =>
      checkLayer(
        layer,
        { x: tensor([2, 4, 5, 2], 1) },
        ({ x }) => x!,
        ({ x }, { weight, bias }) => reference(x!, weight!, bias, [2, 4, 5, 2], kernel, 3, padding),
      ),
    )
    layer.dispose()
  })

  test('the bounds hold, and are as close as promised', () => {
    const options = { inputs: 2, outputs: 3, kernel: 3, padding } as const
    const free = convolution2d(options)
    const sized = convolution2d({ ...options, size: [6, 7] })
    const shape = [1, 6, 7, 2]
    const [loose, tight] = [free.lipschitz!(), sized.lipschitz!()]
    expect(tight).toBeLessThanOrEqual(loose)
    neverBroken(tight, sized.bind(), shape)
    neverBroken(loose, free.bind(), [1, 9, 4, 2])
    const norm = powerNorm(sized.bind(), shape)
    expect(norm).toBeLessThanOrEqual(tight * (1 + 1e-5))
    // Circular: the norm itself. Others lose what the edges add or take, at most a tenth or so at this size.
    expect(norm).toBeGreaterThan(tight * (padding === 'circular' ? 0.998 : 0.85))
    free.dispose()
    sized.dispose()
    const signal = convolution1d({ ...options, size: [8] })
    expect(powerNorm(signal.bind(), [1, 8, 2])).toBeLessThanOrEqual(signal.lipschitz!() * (1 + 1e-5))
    signal.dispose()
  })
})

test('circular convolution commutes with circular shifts; the others do not', () => {
  for (const padding of ['zero', 'circular'] as const) {
    const layer = convolution2d({ inputs: 2, outputs: 2, kernel: 3, padding })
    const gap = tf.tidy(() => {
      const roll = (t: tf.Tensor): tf.Tensor => {
        const [down, rest] = tf.split(t, [2, 3], 1) as [tf.Tensor, tf.Tensor]
        const [left, right] = tf.split(tf.concat([rest, down], 1), [1, 3], 2) as [tf.Tensor, tf.Tensor]
        return tf.concat([right, left], 2)
      }
      const map = layer.bind()
      const x = tensor([1, 5, 4, 2], 3)
      return Math.max(...values(tf.abs(tf.sub(map(roll(x)), roll(map(x))))))
    })
    if (padding === 'circular') expect(gap).toBeLessThan(1e-5)
    else expect(gap).toBeGreaterThan(0.1)
    layer.dispose()
  }
})

test('the bound of one channel is the largest value of the symbol', () => {
  // taps 1, 2, 1: symbol 2 + 2 cos ω, largest 4 at ω = 0; with 1, −2, 1 it is −2 + 2 cos ω, 4 at ω = π, and taps give 4 too
  for (const [taps, size, norm] of [
    [[1, 2, 1], 8, 4],
    [[1, -2, 1], 8, 4],
    [[1, 0, -1], 8, 2], // |2 sin ω|, at ω = π/2
    [[1, 0, -1], 3, Math.sqrt(3)], // π/2 is not among three frequencies: 2 sin(2π/3)
  ] as const) {
    const layer = convolution1d({ inputs: 1, outputs: 1, kernel: 3, padding: 'circular', bias: false, size: [size] })
    tf.tidy(() => layer.variables['weight']!.assign(tf.tensor([...taps], [1, 3, 1, 1])))
    const bound = layer.lipschitz!()
    expect(bound).toBeGreaterThanOrEqual(norm * (1 - 1e-15))
    expect(bound).toBeLessThan(norm * 1.001)
    layer.dispose()
  }
})

test('second derivatives: a Jacobian penalty equals its difference quotient', () => {
  const layer = convolution1d({ inputs: 2, outputs: 2, kernel: 3, padding: 'zero' })
  shake(layer)
  tf.tidy(() => {
    const weight = layer.variables['weight']!
    const x = tensor([1, 5, 2], 2)
    const penalty = (): tf.Scalar => {
      const map = layer.bind()
      return tf.sum(tf.square(tf.grad((t: tf.Tensor) => tf.sum(tf.square(map(t))))(x)))
    }
    const { grads } = tf.variableGrads(penalty, [weight])
    const got = values(grads[weight.name]!)
    const start = tf.clone(weight)
    const direction = tensor(weight.shape, 11)
    const at = (h: number): number => {
      weight.assign(tf.add(start, tf.mul(direction, h)))
      return penalty().dataSync()[0]!
    }
    const slope = (at(0.01) - at(-0.01)) / 0.02
    const want = got.reduce((s, g, i) => s + g * values(direction)[i]!, 0)
    expect(Math.abs(slope - want)).toBeLessThan(2e-3 * Math.abs(want)) // h² and float32 quotients
  })
  layer.dispose()
})

test('mistakes are named', () => {
  const layer = convolution2d({ inputs: 2, outputs: 1, kernel: 5, padding: 'circular', size: [4, 4] })
  const valid = convolution1d({ inputs: 1, outputs: 1, kernel: 5, padding: 'valid' })
  tf.tidy(() => {
    expect(() => layer.bind()(tf.ones([1, 4, 4, 3]))).toThrow('[batch, height, width, 2]')
    expect(() => layer.bind()(tf.ones([1, 5, 4, 2]))).toThrow('5 × 4')
    expect(() => valid.bind()(tf.ones([1, 4, 1]))).toThrow('kernel of 5 was given 4')
    expect(() => valid.bind()(tf.ones([4, 1]))).toThrow('[batch, length, 1]')
  })
  layer.dispose()
  valid.dispose()
  expect(() => convolution2d({ inputs: 1, outputs: 1, kernel: [3, 0] })).toThrow('kernel, columns')
  expect(() => convolution1d({ inputs: 1, outputs: 1, kernel: 3, padding: 'same' as 'zero' })).toThrow('same')
})
