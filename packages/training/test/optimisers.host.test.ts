import { describe, expect, test } from 'vitest'
import {
  adamW,
  clipByGlobalNorm,
  clipByValue,
  constant,
  cosine,
  globalNorm,
  linear,
  oneCycle,
  type Optimiser,
  randomStream,
  sgd,
  stepDecay,
  type Vectors,
} from '@equilibria/training'

const random = randomStream(9)
const vector = (n: number) => Float32Array.from({ length: n }, () => 2 * random.uniform() - 1)
const weights: Vectors = { a: vector(7), b: vector(3) }
const gradients = Array.from({ length: 50 }, () => ({ a: vector(7), b: vector(3) }))

const run = (optimiser: Optimiser): Vectors => {
  let now = { weights, state: optimiser.init(weights) }
  for (const g of gradients) now = optimiser.step(now.weights, g, now.state)
  expect(now.state.step).toBe(50)
  return now.weights
}
/** The same in float64 throughout, one number at a time. */
const reference = (rule: () => (w: number, g: number, k: number) => number): Record<string, number[]> =>
  Object.fromEntries(
    Object.entries(weights).map(([name, initial]) => [
      name,
      [...initial].map((start, i) => {
        const step = rule()
        let w = start
        gradients.forEach((g, k) => (w = step(w, g[name as 'a' | 'b'][i]!, k + 1)))
        return w
      }),
    ]),
  )
const worst = (got: Vectors, want: Record<string, number[]>): number =>
  Math.max(...Object.entries(want).flatMap(([name, values]) => values.map((v, i) => Math.abs(got[name]![i]! - v))))

/*
 * Weights are below 2 in size and rounded to float32 once a step: 50 roundings of at most 2⁻²⁴ each, so 3e-6.
 * Rounding the moments moves an update by a few 2⁻²⁴ of the rate. 5e-6 leaves room for both.
 */
const tolerance = 5e-6

const adamRule = (options: { rate: number; decay: number; decoupled: boolean; b1?: number; b2?: number }) => () => {
  const { rate, decay, decoupled, b1 = 0.9, b2 = 0.999 } = options
  let [m, v] = [0, 0]
  return (w: number, raw: number, k: number) => {
    const g = decoupled ? raw : raw + decay * w
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g * g
    const step = (rate * (m / (1 - b1 ** k))) / (Math.sqrt(v / (1 - b2 ** k)) + 1e-8)
    return w - (decoupled ? rate * decay * w : 0) - step
  }
}
const sgdRule = (rate: number, momentum: number, nesterov: boolean, decay: number) => () => {
  let u = 0
  return (w: number, raw: number) => {
    const g = raw + decay * w
    u = momentum * u + g
    return w - rate * (nesterov ? g + momentum * u : u)
  }
}

describe('optimisers follow their published formulas over 50 steps', () => {
  test.each([
    ['AdamW', adamW({ learningRate: 0.01, weightDecay: 0.1 }), adamRule({ rate: 0.01, decay: 0.1, decoupled: true })],
    [
      'Adam with an L2 penalty',
      adamW({ learningRate: 0.01, weightDecay: 0.1, decoupled: false }),
      adamRule({ rate: 0.01, decay: 0.1, decoupled: false }),
    ],
    [
      'AdamW, other decays',
      adamW({ learningRate: 0.02, beta1: 0.5, beta2: 0.9, weightDecay: 0 }),
      adamRule({ rate: 0.02, decay: 0, decoupled: true, b1: 0.5, b2: 0.9 }),
    ],
    ['SGD', sgd({ learningRate: 0.01 }), sgdRule(0.01, 0, false, 0)],
    ['SGD, momentum', sgd({ learningRate: 0.01, momentum: 0.9, weightDecay: 0.1 }), sgdRule(0.01, 0.9, false, 0.1)],
    ['SGD, Nesterov', sgd({ learningRate: 0.01, momentum: 0.9, nesterov: true }), sgdRule(0.01, 0.9, true, 0)],
  ] as [string, Optimiser, () => (w: number, g: number, k: number) => number][])('%s', (_, optimiser, rule) => {
    expect(worst(run(optimiser), reference(rule))).toBeLessThan(tolerance)
  })

  test('decoupled and penalised decay really differ', () => {
    const penalised = run(adamW({ learningRate: 0.01, weightDecay: 0.1, decoupled: false }))
    const decoupled = reference(adamRule({ rate: 0.01, decay: 0.1, decoupled: true }))
    expect(worst(penalised, decoupled)).toBeGreaterThan(100 * tolerance)
  })

  test("the first AdamW step has length rate, whatever the gradient's", () => {
    const optimiser = adamW({ learningRate: 0.1, weightDecay: 0 })
    const w = { a: Float32Array.of(1, 1, 1) }
    const { weights: next } = optimiser.step(w, { a: Float32Array.of(1e-3, -50, 0) }, optimiser.init(w))
    // ε / |g| = 1e-5 of the first is the largest departure.
    expect(next['a']![0]).toBeCloseTo(0.9, 5)
    expect(next['a']![1]).toBeCloseTo(1.1, 6)
    expect(next['a']![2]).toBe(1)
  })

  test('a step changes none of its arguments; variables without a gradient are the same arrays', () => {
    for (const optimiser of [adamW(), sgd({ momentum: 0.9 })]) {
      const state = optimiser.init(weights)
      const before = JSON.stringify([weights, state, gradients[0]])
      const next = optimiser.step(weights, { a: gradients[0]!.a }, state)
      expect(JSON.stringify([weights, state, gradients[0]])).toBe(before)
      expect(next.weights['b']).toBe(weights['b'])
      expect(next.weights['a']).not.toEqual(weights['a'])
      for (const [slot, vectors] of Object.entries(next.state.slots)) expect(vectors['b']).toBe(state.slots[slot]!['b'])
    }
  })

  test('illegal options are refused by name', () => {
    expect(() => adamW({ beta1: 1 })).toThrow('beta1')
    expect(() => adamW({ epsilon: 0 })).toThrow('epsilon')
    expect(() => adamW({ learningRate: NaN })).toThrow('rate')
    expect(() => sgd({ nesterov: true })).toThrow('nesterov')
    expect(() => sgd({ momentum: -1 })).toThrow('momentum')
    expect(() => oneCycle({ peak: 1, steps: 10, rise: 2 })).toThrow('rise')
  })
})

describe('schedules', () => {
  test('constant', () => expect([0, 1e6].map(constant(0.1).rate)).toEqual([0.1, 0.1]))
  test('linear', () => {
    const { rate } = linear({ initial: 1, final: 0.5, steps: 10 })
    expect([0, 5, 10, 99].map(rate)).toEqual([1, 0.75, 0.5, 0.5])
  })
  test('step decay', () => {
    const { rate } = stepDecay({ initial: 1, every: 3, factor: 0.5 })
    expect([0, 2, 3, 5, 6].map(rate)).toEqual([1, 1, 0.5, 0.5, 0.25])
  })
  test('cosine with warm-up', () => {
    const { rate } = cosine({ peak: 1, steps: 14, warmup: 4, final: 0.2 })
    expect([0, 1, 2, 3, 4].map(rate)).toEqual([0.25, 0.5, 0.75, 1, 1])
    expect(rate(9)).toBeCloseTo(0.6, 12) // half way: the mean of peak and final
    expect([14, 100].map(rate)).toEqual([0.2, 0.2])
  })
  test('one cycle', () => {
    const { rate } = oneCycle({ peak: 1, steps: 11, rise: 0.4, startFactor: 10, endFactor: 10 })
    expect(rate(0)).toBeCloseTo(0.1, 12)
    expect(rate(2)).toBeCloseTo(0.55, 12)
    expect(rate(4)).toBeCloseTo(1, 12)
    expect(rate(7)).toBeCloseTo(0.505, 12)
    expect(rate(10)).toBeCloseTo(0.01, 12)
    expect(rate(99)).toBeCloseTo(0.01, 12)
  })
  test('an optimiser asks its schedule for the rate of each update', () => {
    const optimiser = sgd({ learningRate: linear({ initial: 1, steps: 2 }) })
    const g = { a: Float32Array.of(1) }
    let now = { weights: { a: Float32Array.of(0) } as Vectors, state: optimiser.init(g) }
    const seen = [0, 1, 2].map(() => (now = optimiser.step(now.weights, g, now.state)).weights['a']![0])
    expect(seen).toEqual([-1, -1.5, -1.5])
  })
})

describe('clipping', () => {
  const g = { a: Float32Array.of(3, 0), b: Float32Array.of(-4) }
  test('the norm is that of all variables together', () => expect(globalNorm(g)).toBe(5))
  test('by global norm: same direction, norm at most the limit', () => {
    const small = clipByGlobalNorm(g, 2.5)
    expect([...small['a']!, ...small['b']!]).toEqual([1.5, 0, -2])
    expect(clipByGlobalNorm(g, 5)).toBe(g)
  })
  test('by value', () => {
    const cut = clipByValue(g, 3.5)
    expect([...cut['a']!, ...cut['b']!]).toEqual([3, 0, -3.5])
  })
  test('a norm beyond float32 is still finite', () => {
    expect(globalNorm({ a: Float32Array.of(3e38, 3e38) })).toBeCloseTo(Math.SQRT2 * 3e38, -33)
  })
})
