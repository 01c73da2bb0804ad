import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  activation,
  type ActivationName,
  gatedMlp,
  groupNorm,
  instanceNorm,
  type Layer,
  layerNorm,
  rmsNorm,
  softmax,
} from '@equilibria/operators'
import { checkLayer, neverBroken, shake, tensor, values } from './layer-checks.ts'

/** erf(x) = 2/√π Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)): right to 1e-13 for |x| < 3. */
const erf = (x: number): number => {
  let [sum, term] = [x, x]
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const scalar: Record<ActivationName, (x: number) => number> = {
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  leakyRelu: (x) => (x > 0 ? x : 0.2 * x),
  relu: (x) => Math.max(0, x),
  sigmoid,
  silu: (x) => x * sigmoid(x),
  sin: Math.sin,
  softplus: (x) => Math.log1p(Math.exp(x)),
  softsign: (x) => x / (1 + Math.abs(x)),
  tanh: Math.tanh,
}

describe('activations', () => {
  test.each(Object.keys(scalar) as ActivationName[])('%s: values, gradients, largest slope', (name) => {
    const layer = activation(name)
    tf.tidy(() =>
      checkLayer(
        layer,
        { x: tf.mul(tensor([2, 5], 1), 3) },
        ({ x }) => x!,
        ({ x }) => x!.map(scalar[name]),
      ),
    )
    // The bound is the largest slope over a fine grid, to the grid's error: never below it, and not above by 5e-6.
    let steepest = 0
    for (let x = -4; x <= 4; x += 1e-3)
      steepest = Math.max(steepest, Math.abs(scalar[name](x + 1e-6) - scalar[name](x - 1e-6)) / 2e-6)
    expect(layer.guaranteed).toBe(layer.lipschitz!())
    expect(layer.guaranteed!).toBeGreaterThanOrEqual(steepest - 1e-8)
    // softplus reaches its slope of 1 only at infinity
    if (name !== 'softplus') expect(layer.guaranteed!).toBeLessThan(steepest + 5e-6)
  })

  test('softmax: values, gradients, 1/(2T)', () => {
    const layer = softmax({ temperature: 0.5 })
    const reference = (x: Float64Array): Float64Array => {
      const e = x.map((v) => Math.exp(2 * v))
      return e.map((v, i) => v / (e[i - (i % 3)]! + e[i - (i % 3) + 1]! + e[i - (i % 3) + 2]!))
    }
    tf.tidy(() =>
      checkLayer(
        layer,
        { x: tensor([2, 3], 1) },
        ({ x }) => x!,
        ({ x }) => reference(x!),
      ),
    )
    neverBroken(layer.guaranteed!, layer.bind(), [1, 3])
    // Two entries, equal, moved apart: softmax' = 1/(4T) [[1, −1], [−1, 1]], of norm 1/(2T).
    const pair = reference(Float64Array.of(1e-4, -1e-4, -1e9))
    expect(Math.hypot(pair[0]! - 0.5, pair[1]! - 0.5) / Math.hypot(1e-4, 1e-4)).toBeCloseTo(layer.guaranteed!, 6)
    expect(() => softmax({ temperature: 0 })).toThrow('temperature')
  })

  test('an unknown name is named', () => {
    expect(() => activation('relu6' as 'relu')).toThrow('no activation "relu6"')
    expect(() => activation('constructor' as 'relu')).toThrow('no activation')
  })
})

/** Entries of a sample that are normalised together have the same label. */
function normalised(
  x: Float64Array,
  labels: readonly number[],
  epsilon: number,
  centred: boolean,
  gain: (i: number) => number,
  bias: (i: number) => number,
): Float64Array {
  const groups = new Map<number, number[]>()
  labels.forEach((label, i) => groups.set(label, [...(groups.get(label) ?? []), i]))
  const y = new Float64Array(x.length)
  for (const places of groups.values()) {
    const mean = centred ? places.reduce((s, i) => s + x[i]!, 0) / places.length : 0
    const square = places.reduce((s, i) => s + (x[i]! - mean) ** 2, 0) / places.length
    for (const i of places) y[i] = (gain(i) * (x[i]! - mean)) / Math.sqrt(square + epsilon) + bias(i)
  }
  return y
}

describe('norms', () => {
  const shape = [2, 3, 2, 4] as const // batch, height, width, channels
  const sample = (i: number): number => Math.floor(i / 24)
  const cases: readonly [
    string,
    (o: { features: number; epsilon: number }) => Layer,
    (i: number) => number,
    boolean,
  ][] = [
    ['rmsNorm', rmsNorm, (i) => Math.floor(i / 4), false],
    ['layerNorm', layerNorm, (i) => Math.floor(i / 4), true],
    ['groupNorm', (o) => groupNorm({ ...o, groups: 2 }), (i) => 2 * sample(i) + Math.floor((i % 4) / 2), true],
    ['instanceNorm', instanceNorm, (i) => 4 * sample(i) + (i % 4), true],
  ]
  test.each(cases)('%s: values, gradients, bound', (_name, make, label, centred) => {
    const epsilon = 0.1
    const layer = make({ features: 4, epsilon })
    shake(layer)
    const labels = Array.from({ length: 48 }, (_, i) => label(i))
    tf.tidy(() =>
      checkLayer(
        layer,
        { x: tensor(shape, 1) },
        ({ x }) => x!,
        ({ x }, { gain, bias }) =>
          normalised(
            x!,
            labels,
            epsilon,
            centred,
            (i) => gain![i % 4]!,
            (i) => bias?.[i % 4] ?? 0,
          ),
      ),
    )
    const most = Math.max(...values(layer.variables['gain']!).map(Math.abs))
    const bound = layer.lipschitz!()
    expect(bound).toBeCloseTo(most / Math.sqrt(epsilon), 6)
    neverBroken(bound, layer.bind(), shape)
    // Reached at 0, along the channel of the largest gain, where nothing is subtracted.
    if (!centred)
      tf.tidy(() => {
        const at = values(layer.variables['gain']!).findIndex((g) => Math.abs(g) === most)
        const x = tf.mul(tf.oneHot(tf.tensor1d([at], 'int32'), 4), 1e-4)
        expect(Math.hypot(...values(layer.bind()(x))) / 1e-4).toBeCloseTo(bound, 4)
      })
    layer.dispose()
    const plain = make({ features: 4, epsilon })
    expect(plain.guaranteed).toBeUndefined()
    plain.dispose()
  })

  test('without gain the bound is guaranteed, and mistakes are named', () => {
    expect(rmsNorm({ features: 3, affine: false }).guaranteed).toBeCloseTo(1 / Math.sqrt(1e-5), 6)
    tf.tidy(() => {
      expect(() => rmsNorm({ features: 3, affine: false }).bind()(tf.ones([2, 4]))).toThrow('3 entries')
      expect(() => instanceNorm({ features: 3, affine: false }).bind()(tf.ones([3]))).toThrow('[batch, …, features]')
    })
    expect(() => groupNorm({ features: 5, groups: 2 })).toThrow('divide')
    expect(() => layerNorm({ features: 2, epsilon: 0 })).toThrow('epsilon')
  })
})

test.each(['silu', 'gelu'] as const)('gated MLP with %s: values and gradients', (name) => {
  const layer = gatedMlp({ inputs: 3, hidden: 4, outputs: 2, activation: name })
  shake(layer)
  tf.tidy(() =>
    checkLayer(
      layer,
      { x: tensor([2, 2, 3], 1) },
      ({ x }) => x!,
      ({ x }, { gate, up, down }) => {
        const y = new Float64Array(8)
        for (let row = 0; row < 4; row++)
          for (let h = 0; h < 4; h++) {
            let [open, value] = [0, 0]
            for (let i = 0; i < 3; i++) {
              open += x![row * 3 + i]! * gate![i * 4 + h]!
              value += x![row * 3 + i]! * up![i * 4 + h]!
            }
            for (let o = 0; o < 2; o++) y[row * 2 + o]! += scalar[name](open) * value * down![h * 2 + o]!
          }
        return y
      },
    ),
  )
  expect(layer.lipschitz).toBeUndefined()
  expect(() => tf.tidy(() => layer.bind()(tf.ones([2, 4])))).toThrow('3 entries')
  layer.dispose()
})
