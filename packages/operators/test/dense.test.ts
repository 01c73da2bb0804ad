import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { compose, dense, spectralBound } from '@equilibria/operators'

test('a diagonal matrix: the bound is its largest entry, whatever the scale', () => {
  for (const scale of [1e-30, 1e-3, 1, 1e30]) {
    const bound = spectralBound([3 * scale, 0, 0, -scale], 2, 2) / (3 * scale)
    expect(bound).toBeGreaterThanOrEqual(1)
    expect(bound).toBeLessThan(1 + 1e-12)
  }
  // The worst case of the Schatten norm: n equal singular values, off by n^{1/2p}, p = 2¹⁰.
  expect(spectralBound([1, 0, 0, 1], 2, 2)).toBeLessThanOrEqual(2 ** (1 / 2048) * (1 + 1e-9))
  expect(spectralBound([0, 0], 1, 2)).toBe(0)
})

test('dense and compose: shapes, names, bounds, and nothing left behind', () => {
  const before = tf.memory().numTensors
  const net = compose(dense({ inputs: 3, outputs: 5, seed: 2 }), dense({ inputs: 5, outputs: 2, bias: false, seed: 3 }))
  expect(Object.keys(net.variables)).toEqual(['0.weight', '0.bias', '1.weight'])
  tf.tidy(() => {
    const map = net.bind()
    expect(map(tf.ones([4, 7, 3])).shape).toEqual([4, 7, 2])
    const a = tf.randomNormal([50, 3], 0, 1, 'float32', 1)
    const b = tf.randomNormal([50, 3], 0, 1, 'float32', 2)
    const gap = (x: tf.Tensor, y: tf.Tensor) => tf.norm(tf.sub(x, y), 2, 1).dataSync()
    const [out, into] = [gap(map(a), map(b)), gap(a, b)]
    // float32 roundings of the products: a few 2⁻²⁴
    out.forEach((d, i) => expect(d / into[i]!).toBeLessThanOrEqual(net.lipschitz!() * (1 + 1e-5)))
    expect(() => map(tf.ones([2, 4]))).toThrow('last axis')
  })
  net.dispose()
  expect(tf.memory().numTensors).toBe(before)
  expect(() => dense({ inputs: 0, outputs: 1 })).toThrow('not a size')
})
