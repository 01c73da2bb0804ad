import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { rotary, selfAttention } from '@equilibria/operators'
import { checkLayer, shake, tensor, type Values, values } from './layer-checks.ts'

/** By the definition: one sample, one head, one query at a time. */
function reference(
  x: Float64Array,
  w: Values,
  [batch, places, features]: readonly [number, number, number],
  heads: number,
  causal: boolean,
  base: number | false,
): Float64Array {
  const size = features / heads
  const project = (b: number, p: number, matrix: Float64Array): Float64Array =>
    Float64Array.from({ length: features }, (_, o) => {
      let sum = 0
      for (let i = 0; i < features; i++) sum += x[(b * places + p) * features + i]! * matrix[i * features + o]!
      return sum
    })
  const turned = (v: Float64Array, p: number): Float64Array => {
    if (base === false) return v
    const half = size / 2
    return v.map((value, i) => {
      const [head, j] = [Math.floor(i / size) * size, i % size]
      const angle = p * base ** (-(2 * (j % half)) / size)
      const other = v[head + ((j + half) % size)]!
      return value * Math.cos(angle) + (j < half ? -other : other) * Math.sin(angle)
    })
  }
  const y = new Float64Array(batch * places * features)
  for (let b = 0; b < batch; b++)
    for (let p = 0; p < places; p++) {
      const q = turned(project(b, p, w['query']!), p)
      const joined = new Float64Array(features)
      for (let h = 0; h < heads; h++) {
        const seen = causal ? p + 1 : places
        const scores = Array.from({ length: seen }, (_, s) => {
          const k = turned(project(b, s, w['key']!), s)
          let sum = 0
          for (let i = h * size; i < (h + 1) * size; i++) sum += q[i]! * k[i]!
          return Math.exp(sum / Math.sqrt(size))
        })
        const total = scores.reduce((a, c) => a + c, 0)
        for (let s = 0; s < seen; s++) {
          const v = project(b, s, w['value']!)
          for (let i = h * size; i < (h + 1) * size; i++) joined[i]! += (scores[s]! / total) * v[i]!
        }
      }
      for (let o = 0; o < features; o++)
        for (let i = 0; i < features; i++)
          y[(b * places + p) * features + o]! += joined[i]! * w['output']![i * features + o]!
    }
  return y
}

test.each([
  [1, false, 10000],
  [2, true, 100],
  [2, false, false],
] as const)('%i heads, causal %s, rotary %s: values and gradients', (heads, causal, base) => {
  const layer = selfAttention({ features: 4, heads, causal, rotary: base })
  shake(layer)
  tf.tidy(() =>
    checkLayer(
      layer,
      { x: tensor([2, 3, 4], 1) },
      ({ x }) => x!,
      ({ x }, w) => reference(x!, w, [2, 3, 4], heads, causal, base),
    ),
  )
  layer.dispose()
})

test('rotary: scores depend on the distance of places, lengths are kept', () => {
  tf.tidy(() => {
    const places = 9
    const spread = (seed: number): tf.Tensor => tf.tile(tensor([1, 6], seed), [places, 1])
    const [q, k] = [rotary(spread(1), 50), rotary(spread(2), 50)] as [tf.Tensor2D, tf.Tensor2D]
    const scores = values(tf.matMul(q, k, false, true))
    const at = (p: number, s: number): number => scores[p * places + s]!
    for (let distance = -4; distance <= 4; distance++)
      for (let p = 5; p < places && p - distance < places; p++)
        expect(at(p, p - distance)).toBeCloseTo(at(4, 4 - distance), 5)
    expect(Math.abs(at(4, 4) - at(4, 0))).toBeGreaterThan(0.1)
    const lengths = values(tf.norm(q, 2, 1))
    lengths.forEach((l) => expect(l).toBeCloseTo(lengths[0]!, 5))
    expect(() => rotary(tf.ones([2, 3]))).toThrow('even')
  })
})

test('causal: what comes later changes nothing, not by a bit; samples do not see each other', () => {
  const layer = selfAttention({ features: 4, heads: 2, causal: true })
  tf.tidy(() => {
    const map = layer.bind()
    const x = tensor([2, 5, 4], 1)
    const [head, tail] = [tf.slice(x, [0, 0, 0], [2, 3, 4]), tensor([2, 2, 4], 9)]
    const first = (t: tf.Tensor): Float64Array => values(tf.slice(t, [0, 0, 0], [2, 3, 4]))
    expect(first(map(tf.concat([head, tail], 1)))).toEqual(first(map(x)))
    const alone = values(map(tf.slice(x, [0, 0, 0], [1, 5, 4])))
    alone.forEach((v, i) => expect(values(map(x))[i]!).toBeCloseTo(v, 6))
  })
  layer.dispose()
})

test('without positions it commutes with permutations of the places', () => {
  const layer = selfAttention({ features: 4, heads: 2, rotary: false })
  tf.tidy(() => {
    const order = tf.tensor1d([2, 0, 3, 1], 'int32')
    const map = layer.bind()
    const x = tensor([1, 4, 4], 1)
    const [a, b] = [values(map(tf.gather(x, order, 1))), values(tf.gather(map(x), order, 1))]
    a.forEach((v, i) => expect(v).toBeCloseTo(b[i]!, 5))
  })
  layer.dispose()
})

test('mistakes are named', () => {
  expect(() => selfAttention({ features: 6, heads: 4 })).toThrow('heads of 1.5')
  expect(() => selfAttention({ features: 6, heads: 2 })).toThrow('even')
  const layer = selfAttention({ features: 4 })
  expect(() => tf.tidy(() => layer.bind()(tf.ones([2, 4])))).toThrow('[batch, places, 4]')
  layer.dispose()
})
