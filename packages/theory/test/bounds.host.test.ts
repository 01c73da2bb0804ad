import { describe, expect, test } from 'vitest'
import {
  evaluateNetwork,
  type FeedForward,
  lowerBound,
  matrixOf,
  normal,
  normBound,
  provesPositive,
  upperBound,
} from '@equilibria/theory'
import { truthCases } from './truth.ts'

const cases = truthCases()
const lowerOf = (network: FeedForward, radius = 3) =>
  lowerBound((x) => evaluateNetwork(network, x), {
    centre: Array.from(network.layers[0]!.weight[0]!, () => 0),
    radius,
    accuracy: 1e-13,
  })
const random = (rows: number, columns: number, draw: () => number): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => draw() / Math.sqrt(columns)))

describe('normBound() and provesPositive()', () => {
  test('never below the norm, and within 1e-9 of it, over 300 orders of magnitude', () => {
    const draw = normal(1)
    for (let k = 0; k < 200; k++) {
      const n = 1 + (k % 9)
      // A reflection times a scale: every singular value is the scale, up to the rounding of its entries.
      const u = Array.from({ length: n }, () => draw())
      const uu = u.reduce((s, x) => s + x * x, 0)
      const scale = 10 ** (((k * 37) % 300) - 150)
      const a = u.map((x, i) => u.map((y, j) => scale * ((i === j ? 1 : 0) - (2 * x * y) / uu)))
      const bound = normBound(matrixOf(a))
      expect(bound / scale).toBeGreaterThanOrEqual(1 - 1e-14) // entries are rounded, so the norm itself is off by some 2⁻⁵³
      expect(bound / scale).toBeLessThan(k % 9 === 0 ? 1 + 1e-9 : 1 + 1e-8)
    }
    expect(normBound(matrixOf([[0, 0]]))).toBe(0)
    expect(normBound(matrixOf([[Number.NaN]]))).toBeNaN()
    // At least the exact norm of an integer matrix: AᵀA = [[2, 1], [1, 1]].
    expect(
      normBound(
        matrixOf([
          [1, 1],
          [1, 0],
        ]),
      ),
    ).toBeGreaterThanOrEqual((1 + Math.sqrt(5)) / 2)
  })

  test('a matrix that is not positive is never proved to be, however close', () => {
    const draw = normal(2)
    for (let k = 0; k < 300; k++) {
      const n = 2 + (k % 5)
      // vvᵀ-deflated identity with eigenvalue −ε along v.
      const v = Array.from({ length: n }, () => draw())
      const vv = v.reduce((s, x) => s + x * x, 0)
      const epsilon = 10 ** -(3 + (k % 13))
      const s = matrixOf(v.map((x, i) => v.map((y, j) => (i === j ? 1 : 0) - ((1 + epsilon) * x * y) / vv)))
      expect(provesPositive(s, 0)).toBe(false)
    }
    expect(
      provesPositive(
        matrixOf([
          [1, 0.5],
          [0.5, 1],
        ]),
        0.4,
      ),
    ).toBe(true)
    expect(
      provesPositive(
        matrixOf([
          [1, 0.5],
          [0.5, 1],
        ]),
        0.6,
      ),
    ).toBe(false)
  })
})

describe.skipIf(!cases)('lower ≤ exact ≤ upper', () => {
  test('the 2-3-1 network whose constant is known by enumeration', () => {
    const { params, truth } = cases!.get('relu_net_exact_2_3_1')!
    const [W1, b1, W2] = [params['W1'], params['b1'], params['W2']] as [number[][], number[], number[][]]
    const network: FeedForward = { layers: [{ weight: W1, bias: b1 }, { weight: W2 }], activation: 'relu' }
    const exact = truth['exact'] as number
    const [low, high] = [lowerOf(network), upperBound(network)]
    expect(low.value).toBeLessThanOrEqual(exact)
    expect(low.value).toBeGreaterThan(exact * (1 - 1e-6)) // linear pieces: the pair lies within one
    expect(high.value).toBeGreaterThanOrEqual(exact)
    expect(high.detail.product).toBeCloseTo(truth['layer_product'] as number, 6)
    expect(high.detail.oneHiddenLayer!).toBeCloseTo(3.823, 2)
    expect(high.detail.eclipse!).toBeCloseTo(4.557, 2)
    expect([high.evidence, high.detail.method]).toEqual(['bound', 'oneHiddenLayer'])
    // On a small ball inside one linear piece the local bound is exact.
    const local = upperBound(network, { ball: { centre: [1, -1], radius: 0.05 } })
    const at = lowerBound((x) => evaluateNetwork(network, x), { centre: [1, -1], radius: 0.05 })
    expect(local.value / at.value).toBeCloseTo(1, 6)
    expect(local.value).toBeGreaterThanOrEqual(at.value)
  })

  test('|x| and the zero network', () => {
    const { params, truth } = cases!.get('relu_abs_net')!
    const network: FeedForward = {
      layers: [{ weight: params['W1'] as number[][] }, { weight: params['W2'] as number[][] }],
      activation: 'relu',
    }
    const [low, high] = [lowerOf(network), upperBound(network)]
    expect(low.value).toBeLessThanOrEqual(truth['exact'] as number)
    expect(low.value).toBeCloseTo(1, 9)
    expect(high.value).toBeGreaterThanOrEqual(1)
    expect(high.value).toBeLessThan(1 + 1e-4)
    expect(high.detail.eclipse!).toBeCloseTo(Math.SQRT2, 4)
    expect(high.detail.product).toBeCloseTo(truth['layer_product'] as number, 6)
    const zero: FeedForward = { layers: [{ weight: [[1], [1]] }, { weight: [[1, -1]] }], activation: 'relu' }
    expect(lowerOf(zero).value).toBe(0)
    expect(upperBound(zero).value).toBeLessThanOrEqual(truth['zero_net_layer_product'] as number)
  })

  test('convolutions as matrices: exact by Fourier, where the reshaped kernel says too little', () => {
    const { truth } = cases!.get('conv_fft_spectral')!
    const circular = (kernel: number[], n: number) =>
      Array.from({ length: n }, (_, i) =>
        Array.from({ length: n }, (_, j) =>
          [-1, 0, 1].reduce((s, d) => s + ((i + d + n) % n === j ? kernel[d + 1]! : 0), 0),
        ),
      )
    for (const row of truth['rows'] as { n: number; smooth_sigma_max: number; lap_sigma_max: number }[])
      for (const [kernel, exact] of [
        [[0.25, 0.5, 0.25], row.smooth_sigma_max],
        [[-1, 2, -1], row.lap_sigma_max],
      ] as const) {
        const layer: FeedForward = { layers: [{ weight: circular([...kernel], row.n) }], activation: 'identity' }
        const bound = upperBound(layer).value
        expect(bound).toBeGreaterThanOrEqual(exact * (1 - 1e-15))
        expect(bound).toBeLessThan(exact * (1 + 1e-6))
        const low = lowerBound((x) => evaluateNetwork(layer, x), {
          centre: new Float64Array(row.n),
          radius: 1,
          starts: 2,
          moves: 1,
        })
        expect(low.value).toBeLessThanOrEqual(exact)
        expect(low.value).toBeGreaterThan(0.98 * exact)
      }
    expect(truth['reshape_norm_lap'] as number).toBeLessThan(3.8)
  })

  test('activations and softmax: their steepest slopes', () => {
    const { truth } = cases!.get('softmax_rmsnorm_lipschitz')!
    const one = (activation: FeedForward['activation']): FeedForward => ({
      layers: [{ weight: [[1]] }, { weight: [[1]] }],
      activation,
    })
    for (const [name, exact] of [
      ['gelu', truth['gelu_max_slope']],
      ['silu', truth['silu_max_slope']],
      ['sigmoid', truth['sigmoid']],
      ['tanh', 1],
      ['softplus', 1],
    ] as [FeedForward['activation'], number][]) {
      expect(upperBound(one(name)).value).toBeGreaterThanOrEqual(exact * (1 - 1e-14))
      expect(upperBound(one(name)).value).toBeLessThan(exact * (1 + 1e-4))
      const low = lowerOf(one(name), 6).value
      expect(low).toBeLessThanOrEqual(exact)
      expect(low).toBeGreaterThan(0.99 * exact)
    }
    for (const [i, temperature] of [1, 0.5].entries()) {
      const exact = (truth['softmax'] as number[])[i]!
      const softmax = (x: Float64Array) => {
        const e = x.map((v) => Math.exp(v / temperature))
        const sum = e.reduce((a, b) => a + b, 0)
        return e.map((v) => v / sum)
      }
      const low = lowerBound(softmax, { centre: [0, 0], radius: 1 })
      expect(low.value).toBeLessThanOrEqual(exact)
      expect(low.value).toBeGreaterThan(0.999 * exact)
    }
  })
})

describe('random networks', () => {
  test('upper bounds are above every pair tried, local ones above every pair in their ball', () => {
    const draw = normal(3)
    let improved = 0
    for (let k = 0; k < 40; k++) {
      const activation = (['relu', 'tanh', 'sigmoid', 'softplus', 'gelu', 'silu'] as const)[k % 6]!
      const widths = [3, 8, 6, 2].slice(0, 3 + (k % 2))
      const network: FeedForward = {
        layers: widths.slice(1).map((rows, i) => ({
          weight: random(rows, widths[i]!, () => 1.5 * draw()),
          bias: Array.from({ length: rows }, () => draw()),
        })),
        activation,
      }
      const centre = [draw(), draw(), draw()]
      const ball = { centre, radius: 0.3 * (1 + (k % 3)) }
      const everywhere = upperBound(network)
      const local = upperBound(network, { ball })
      const options = { starts: 6, moves: 6, accuracy: 1e-13 }
      const f = (x: Float64Array) => evaluateNetwork(network, x)
      expect(lowerBound(f, { ...options, ...ball }).value).toBeLessThanOrEqual(local.value)
      const low = lowerBound(f, { ...options, centre, radius: 3 }).value
      const { product, eclipse, oneHiddenLayer } = everywhere.detail
      for (const bound of [product, eclipse, oneHiddenLayer]) if (bound !== null) expect(low).toBeLessThanOrEqual(bound)
      expect(local.value).toBeLessThanOrEqual(everywhere.value)
      expect(local.detail.relaxed!).toBeGreaterThan(0)
      if (local.detail.relaxed! < local.detail.interval!) improved++
      if (activation !== 'gelu' && activation !== 'silu') expect(everywhere.value).toBeLessThan(product)
    }
    expect(improved).toBeGreaterThan(5) // remembering where neurons come from pays from the second hidden layer on
  })

  test('the cost of a lower bound is what is stated', () => {
    const report = lowerBound((x) => x, { centre: [0, 0, 0], radius: 1, starts: 5, moves: 3 })
    expect(report.detail.evaluations).toBe((2 * 3 + 6) * (5 + 4 * 3))
    expect(report.value).toBeGreaterThan(1 - 1e-9)
    expect(report.value).toBeLessThanOrEqual(1)
  })

  test('says what is wrong with its input', () => {
    const bad = { layers: [{ weight: [[1, 2]] }, { weight: [[1, 2]] }], activation: 'relu' } as const
    expect(() => upperBound(bad)).toThrow('after one of 1 outputs')
    expect(() => upperBound({ layers: [], activation: 'relu' })).toThrow('no layer')
    const one = { layers: [{ weight: [[1, 2]] }], activation: 'relu' } as const
    expect(() => upperBound(one, { ball: { centre: [0], radius: 1 } })).toThrow('2 inputs')
    expect(() => upperBound(one, { ball: { centre: [0, 0], radius: -1 } })).toThrow('radius')
    expect(() => lowerBound((x) => x, { centre: [0], radius: 0 })).toThrow('radius')
  })
})
