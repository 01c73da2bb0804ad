import { describe, expect, test } from 'vitest'
import { expressivity, growthBound, normal, scalingFit, transientPremium } from '@equilibria/theory'

describe('expressivity()', () => {
  test('is the inverse of the growth bound', () => {
    for (const modulus of [0, 0.5, 0.99, 1]) {
      const [constant, slope, stateNorm] = [1, 0.5, 2]
      const bound = growthBound({ constant, slope, modulus, stateNorms: new Float64Array(2000).fill(stateNorm) })
      for (const target of [0.5, 1.9, 3.5, 150, 500]) {
        const { value, detail } = expressivity({ constant, slope, modulus, stateNorm, target })
        const first = bound.findIndex((b) => b >= target)
        if (first >= 0) expect(value).toBe(first)
        else expect(target).toBeGreaterThanOrEqual(detail.attainable * (1 - 1e-9))
      }
    }
    expect(expressivity({ constant: 1, slope: 0, modulus: 0.5, stateNorm: 0, target: 3 }).verdict).toBe('fails')
    expect(() => expressivity({ constant: 1, slope: 0, modulus: 1.5, stateNorm: 0, target: 3 })).toThrow('modulus')
  })
})

describe('scalingFit()', () => {
  const steps = [1, 2, 3, 5, 8, 12, 20, 32, 50]
  test('recovers both laws exactly, and tells them apart', () => {
    const exponential = scalingFit(
      steps,
      steps.map((t) => 0.9 - 0.5 * Math.exp(-0.2 * t)),
    ).detail.laws[0]
    expect([exponential.law, exponential.limit, exponential.amplitude, exponential.rate]).toEqual([
      'exponential',
      expect.closeTo(0.9, 6),
      expect.closeTo(0.5, 5),
      expect.closeTo(0.2, 5),
    ])
    const power = scalingFit(
      steps,
      steps.map((t) => 2 + t ** -0.7),
    ).detail.laws[0]
    expect([power.law, power.limit, power.rate]).toEqual(['power', expect.closeTo(2, 5), expect.closeTo(0.7, 5)])
  })

  test('intervals hold the limit of noisy curves about as often as they say', () => {
    let held = 0
    for (let k = 0; k < 60; k++) {
      const draw = normal(k)
      const noisy = steps.map((t) => 0.9 - 0.5 * Math.exp(-0.2 * t) + 0.01 * draw())
      const { laws } = scalingFit(steps, noisy, { seed: k, resamples: 60 }).detail
      const { limitInterval } = laws.find(({ law }) => law === 'exponential')!
      if (limitInterval.low! <= 0.9 && limitInterval.high! >= 0.9) held++
    }
    // Bootstrap on nine points is a little short of 95 %; 45 of 60 would be 6 standard errors below it.
    expect(held).toBeGreaterThan(45)
    expect(() => scalingFit([1, 2, 3], [1, 2, 3])).toThrow('four')
  })
})

describe('transientPremium()', () => {
  test('finds an early peak, and is not fooled by the best of many depths of noise', () => {
    const n = 60
    const draw = normal(3)
    const noise = () => Float64Array.from({ length: n }, () => 0.1 * draw())
    const depths = [1, 2, 4, 8, 16]
    const peak = depths.map((t) => noise().map((x) => x + (t === 4 ? 0.5 : 0.2)))
    const found = transientPremium({ steps: depths, values: peak, equilibrium: noise().map((x) => x + 0.2) })
    expect([found.verdict, found.detail.steps]).toEqual(['holds', [4, 4]])
    expect(found.value).toBeCloseTo(0.3, 1)
    let false_ = 0
    for (let k = 0; k < 100; k++)
      if (transientPremium({ steps: depths, values: depths.map(noise), equilibrium: noise() }).verdict === 'holds')
        false_++
    // 2.5 % one-sided: 100 draws have more than 9 with probability 1e-4.
    expect(false_).toBeLessThanOrEqual(9)
    expect(() => transientPremium({ steps: [1], values: [[1]], equilibrium: [1] })).toThrow('four samples')
  })
})
