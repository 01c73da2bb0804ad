import { describe, expect, test } from 'vitest'
import { compare, median, summarize } from '../src/compare.ts'

/** A clock that only `work` moves. */
function machine() {
  let at = 0
  return { now: () => at, work: (ms: number) => void (at += ms), at: () => at }
}

describe('compare', () => {
  test('gives the ratio of the two costs', () => {
    const { now, work } = machine()
    const got = compare({ name: 'x', before: () => work(3), after: () => work(2) }, { now, pairs: 4 })
    expect(got).toMatchObject({ name: 'x', beforeMs: 3, afterMs: 2, ratios: [1.5, 1.5, 1.5, 1.5] })
  })

  test('a machine that slows down all the while does not change the ratio', () => {
    const { now, work, at } = machine()
    const slow = (ms: number) => () => work(ms * (1 + at() / 1e4))
    const { ratios, beforeMs } = compare({ name: 'x', before: slow(3), after: slow(2) }, { now, pairs: 20 })
    expect(beforeMs).toBeGreaterThan(3.1) // it did slow down
    // A block drifts by 8 ms / 1e4 of its cost; A B B A cancels that to second order.
    for (const ratio of ratios) expect(Math.abs(ratio - 1.5)).toBeLessThan(1e-3)
  })

  test('prepares the side before each of its blocks', () => {
    const { now, work } = machine()
    let side = ''
    const seen = new Set<string>()
    const does = (name: string) => () => {
      seen.add(`${name} in ${side}`)
      work(9)
    }
    compare(
      { name: 'x', before: does('before'), after: does('after'), prepare: (s) => void (side = s) },
      { now, pairs: 2 },
    )
    expect([...seen].toSorted()).toEqual(['after in after', 'before in before'])
  })
})

describe('summarize', () => {
  test('the median, inside its interval; the same every time', () => {
    const ratios = [[1, 1.1, 1.2], [1.3, 1.4], [0.9]]
    const [ratio, low, high] = summarize(ratios)
    expect(ratio).toBeCloseTo(1.15, 12)
    expect(low).toBeLessThanOrEqual(ratio)
    expect(high).toBeGreaterThanOrEqual(ratio)
    expect(low).toBeGreaterThanOrEqual(0.9)
    expect(high).toBeLessThanOrEqual(1.4)
    expect(summarize(ratios)).toEqual([ratio, low, high])
  })

  test('no spread, no interval', () => {
    expect(summarize([[2, 2], [2]])).toEqual([2, 2, 2])
  })

  test('median of even and odd counts', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5])
  })
})
