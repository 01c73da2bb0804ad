import { describe, expect, test } from 'vitest'
import { judge, type Search } from '../src/newton/backtrack.ts'
import { columnNorms, dampedLeastSquares, times } from '../src/newton/dense.ts'
import { FLOOR, forcing } from '../src/newton/forcing.ts'

describe('dense solves', () => {
  const hilbert = (n: number) => Float64Array.from({ length: n * n }, (_, p) => 1 / (Math.floor(p / n) + (p % n) + 1))

  test('a regular system, to the accuracy its condition number allows', () => {
    const a = hilbert(5) // condition number 4.8e5
    const x = [1, -2, 3, -4, 5]
    const { d, pivot } = dampedLeastSquares(a, times(a, x, 5), 5, columnNorms(a, 5), 0)
    d.forEach((v, i) => expect(Math.abs(v - x[i]!)).toBeLessThan(4.8e5 * 5 * 2 ** -52 * 5))
    expect(pivot).toBeGreaterThan(1e-7)
    expect(pivot).toBeLessThan(1e-3)
  })

  test('units do not matter: columns scaled by 1e±10 give the same pivot and the scaled answer', () => {
    const a = hilbert(4)
    const units = [1e10, 1e-10, 1, 1e5]
    const scaled = a.map((v, p) => v * units[p % 4]!)
    const b = [1, 2, 3, 4]
    const [plain, other] = [a, scaled].map((m) => dampedLeastSquares(m, b, 4, columnNorms(m, 4), 0))
    expect(other!.pivot / plain!.pivot).toBeCloseTo(1, 6)
    other!.d.forEach((v, i) => expect((v * units[i]!) / plain!.d[i]!).toBeCloseTo(1, 8))
  })

  test('a singular matrix is recognised, and damping gives the shortest solution', () => {
    const a = Float64Array.from([1, 1, 1, 1])
    const scale = [1, 1]
    expect(dampedLeastSquares(a, [2, 2], 2, scale, 0).pivot).toBeLessThan(1e-15)
    // min ‖a d − b‖² + λ‖d‖²: d = 4 / (4 + λ) · [1, 1]
    const { d } = dampedLeastSquares(a, [2, 2], 2, scale, 1)
    expect(d[0]).toBeCloseTo(0.8, 12)
    expect(d[1]).toBeCloseTo(0.8, 12)
  })

  test('zeros and NaN neither throw nor hang', () => {
    expect(Array.from(dampedLeastSquares(new Float64Array(4), [1, 1], 2, [1, 1], 0).d)).toEqual([0, 0])
    expect(dampedLeastSquares(Float64Array.from([Number.NaN, 0, 0, 1]), [1, 1], 2, [1, 1], 0).pivot).not.toBe(1)
    expect(Array.from(columnNorms(Float64Array.from([1e200, 0, 1e200, 0]), 2))).toEqual([Math.SQRT2 * 1e200, 1])
  })
})

describe('forcing terms', () => {
  const limits = { first: 0.5, most: 0.9, least: 1e-7 }
  test('Eisenstat and Walker, choice 2, with both safeguards', () => {
    expect(forcing(1, 0, 0, limits)).toBe(0.5)
    expect(forcing(0.1, 1, 0.3, limits)).toBeCloseTo(0.009, 12) // 0.9 · 0.3² = 0.081 does not hold it back
    expect(forcing(0.1, 1, 0.5, limits)).toBeCloseTo(0.225, 12) // 0.9 · 0.5² = 0.225 does
    expect(forcing(2, 1, 0.5, limits)).toBe(0.9)
    expect(forcing(1e-6, 1, 0.1, limits)).toBeCloseTo(0.05, 12) // half the floor over ‖f‖
    expect(forcing(FLOOR / 100, 1, 0.1, { ...limits, least: FLOOR })).toBe(0.9)
  })
  test('NaN and 0 give the loosest', () => {
    expect(forcing(Number.NaN, 1, 0.5, limits)).toBe(0.9)
    expect(forcing(0, 0, 0, limits)).toBe(0.9)
  })
})

describe('backtracking', () => {
  const along = (phi: (l: number) => number, search: Search, trials: number, eta = 0) => {
    const from = { norm: phi(0), bound: phi(0), eta, small: 0 }
    const tried: number[] = []
    for (let k = 0; k < trials && !search.done; k++) {
      tried.push(search.lambda)
      judge(search, phi(search.lambda), from)
    }
    return tried
  }
  const begin = (): Search => ({ lambda: 1, done: false, refused: [] })

  test('a step that descends is taken whole', () => {
    const search = begin()
    expect(along((l) => 1 - l / 2, search, 5)).toEqual([1])
    expect(search.done).toBe(true)
  })
  test('‖f‖² a parabola in λ: the third trial is its minimum', () => {
    // ‖f‖² = (λ − 0.2)² + 0.01: minimum at 0.2. Half a step is refused too, then the parabola is exact.
    const search = begin()
    const tried = along((l) => Math.sqrt((l - 0.2) ** 2 + 0.01), search, 5)
    expect(tried[1]).toBe(0.5)
    expect(tried[2]).toBeCloseTo(0.2, 12)
    expect(search.done).toBe(true)
  })
  test('what is not finite is cut to a tenth, and kept out of the parabola', () => {
    const search = begin()
    expect(along((l) => (l > 0.02 ? Number.NaN : 1 - l), search, 5)).toEqual([1, 0.1, expect.closeTo(0.01, 12)])
    expect(search.done).toBe(true)
  })
  test('uphill: it gives up, shorter at every trial', () => {
    const search = begin()
    const tried = along((l) => 1 + l, search, 10)
    expect(search.done).toBe(false)
    tried.slice(1).forEach((l, k) => expect(l / tried[k]!).toBeLessThanOrEqual(0.5))
    tried.slice(1).forEach((l, k) => expect(l / tried[k]!).toBeGreaterThanOrEqual(0.1 - 1e-12))
  })
})
