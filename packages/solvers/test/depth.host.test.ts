import { describe, expect, test } from 'vitest'
import { trust, type Trust } from '../src/anderson/depth.ts'

const m = 4
const row = (parts: Partial<Trust>): Trust => ({ there: 3, depth: 4, residuals: [1], quotients: [0.8], ...parts })
const next = (before: Trust, residual: number, quotient: number, promised: number, safeguard = 10) =>
  trust(before, { residual, moved: 2, image: 2 * quotient, promised }, m, safeguard)

describe('trust in columns', () => {
  test('a kept promise adds a column; ‖r‖ ≤ L ‖r̄‖ is one, whatever L', () => {
    expect(next(row({ depth: 2 }), 0.5, 0.8, 0.6).after).toMatchObject({ there: 4, depth: 3 })
    expect(next(row({ quotients: [10] }), 9, 9, 0.5).after.depth).toBe(m) // a non-normal map: growth that linearity explains
  })
  test('a broken promise halves the columns, but only where Picard would have done better', () => {
    expect(next(row({}), 0.9, 0.8, 0.01).after.depth).toBe(2)
    expect(next(row({}), 0.7, 0.8, 0.01).after.depth).toBe(m)
  })
  test('a fast map is left to Picard: at the start, after a broken promise, and while it gets faster', () => {
    expect(next(row({ there: 0, quotients: [] }), 0.05, 0.05, 1).after.depth).toBe(0)
    const first = next(row({}), 0.3, 0.05, 1e-3).after
    expect(first.depth).toBe(-1)
    const second = next(first, 0.05, 0.17, 0.3).after // 0.17 is still fast
    expect(second.depth).toBe(0)
    const third = next(second, 1e-3, 0.02, 0.05).after // faster than 0.7 · 0.17
    expect(third.depth).toBe(0)
    expect(next(third, 2e-5, 0.02, 1e-3).after.depth).toBe(1) // as fast as before: linear convergence
  })
  test('the safeguard waits for a full history, and forgets the two oldest columns', () => {
    const full = row({ there: 4, residuals: [1, 2, 3, 1, 1] })
    expect(next(full, 31, 50, 1)).toMatchObject({ wild: true, after: { there: 2 } })
    expect(next(full, 29, 50, 1)).toMatchObject({ wild: false, after: { there: 4 } })
    expect(next(full, 31, 50, 1, Number.POSITIVE_INFINITY).wild).toBe(false)
    expect(next(row({ residuals: [1, 2, 3, 1] }), 31, 50, 1).wild).toBe(false)
  })
  test('histories have a length; rows that stand still or are NaN use nothing', () => {
    const after = next(row({ there: 4, residuals: [1, 2, 3, 1, 1], quotients: [1, 2, 3, 4] }), 1, 0.5, 1).after
    expect(after).toMatchObject({ there: 4, residuals: [1, 1, 2, 3, 1], quotients: [0.5, 1, 2, 3] })
    for (const moved of [0, Number.NaN])
      expect(trust(row({}), { residual: 1, moved, image: 0, promised: 1 }, m, 10).after.depth).toBe(0)
  })
})
