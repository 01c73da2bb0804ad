import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { compose, dense, type Layer, spectralNorm, weightNorm } from '@equilibria/operators'
import { drawValues, norm2, normal, uniform, WILD } from './families-support.ts'

const wrappers = { spectralNorm, weightNorm }
type Wrapper = keyof typeof wrappers

/** The matrix that is used, exactly: images of unit vectors without a bias. */
const used = (layer: Layer, inputs: number): number[][] =>
  tf.tidy(() => layer.bind()(tf.eye(inputs)).arraySync() as number[][])

for (const name of Object.keys(wrappers) as Wrapper[])
  describe(`the wrapper ${name}`, () => {
    const wrap = wrappers[name]
    test('the norm of what is used is below its bound, which is below the limit, for 60 wild weights', () => {
      const before = tf.memory().numTensors
      for (let draw = 0; draw < 60; draw++) {
        const random = uniform(draw)
        const [inputs, outputs] = [1 + Math.floor(6 * random()), 1 + Math.floor(6 * random())]
        const limit = [0.5, 1, 7][draw % 3]!
        const layer = wrap(dense({ inputs, outputs, bias: false }), { limit })
        const weight = layer.variables['weight']!
        tf.tidy(() => weight.assign(drawValues(random, [inputs, outputs], WILD)))
        const bound = layer.lipschitz!()
        expect(bound).toBeLessThanOrEqual(limit)
        // the reference is right to some ulp of float64
        expect(norm2(used(layer, inputs))).toBeLessThanOrEqual(bound * (1 + 1e-14))
        layer.dispose()
      }
      expect(tf.memory().numTensors).toBe(before)
    })
    test('a scale that is learnt is refused, and so is what names no linear weight, or is wrapped already', () => {
      const layer = dense({ inputs: 2, outputs: 2 })
      expect(() => wrap(layer, { learnScale: true as false })).toThrow(/learnt scale can grow past any limit/)
      expect(() => wrap(layer, { limit: 0 })).toThrow('not a bound')
      expect(() => wrap(layer, { limit: Number.NaN })).toThrow('not a bound')
      expect(() => wrap(wrap(layer))).toThrow('names no weight')
      expect(() => wrap(compose(layer))).toThrow('names no weight')
      layer.dispose()
    })
    test.each([5, 6, 7, 8])('its gradient is that of differences, %i', (seed) => {
      const random = uniform(seed)
      const layer = wrap(dense({ inputs: 4, outputs: 3, gain: 3, seed: 2 }), { limit: 0.8 })
      const weight = layer.variables['weight']!
      const x = tf.tensor2d(Array.from({ length: 8 }, () => normal(random)), [2, 4]) // prettier-ignore
      const c = tf.tensor2d(Array.from({ length: 6 }, () => normal(random)), [2, 3]) // prettier-ignore
      const loss = (): tf.Scalar => tf.sum(tf.mul(layer.bind()(x), c))
      const at = (w: tf.Tensor): number =>
        tf.tidy(() => {
          weight.assign(w)
          return loss().dataSync()[0]!
        })
      const w = tf.clone(weight)
      const direction = tf.tensor2d(Array.from({ length: 12 }, () => normal(random)), [4, 3]) // prettier-ignore
      const along = tf.tidy(() => {
        const { grads } = tf.variableGrads(loss, [weight])
        return tf.sum(tf.mul(grads[weight.name]!, direction)).dataSync()[0]!
      })
      const h = 1e-2
      const [up, down] = [h, -h].map((s) => at(tf.add(w, tf.mul(direction, s)))) as [number, number]
      // truncation h² and cancellation 2⁻²³/h; the Schatten bound stands for the norm to a few 1e-4
      expect(Math.abs((up - down) / (2 * h) - along)).toBeLessThan(3e-3 * Math.max(1, Math.abs(along)))
      tf.dispose([x, c, w, direction])
      layer.dispose()
    })
  })

test('weights below the limit pass unchanged through spectralNorm', () => {
  const layer = dense({ inputs: 3, outputs: 3, gain: 0.01, bias: false })
  expect(used(spectralNorm(layer), 3)).toEqual(layer.variables['weight']!.arraySync())
  layer.dispose()
})

test('weightNorm gives every output a weight vector of the same length', () => {
  const layer = weightNorm(dense({ inputs: 5, outputs: 4, gain: 9, bias: false }), { limit: 2 })
  const w = used(layer, 5)
  for (let j = 0; j < 4; j++) expect(Math.hypot(...w.map((row) => row[j]!))).toBeCloseTo(2 / Math.sqrt(4), 5)
  layer.dispose()
})
