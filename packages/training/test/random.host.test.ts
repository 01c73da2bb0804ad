import { expect, test } from 'vitest'
import { batches, permutation, philox, randomStream } from '@equilibria/training'

test('Philox 4×32-10 gives the known answers of its authors', () => {
  const f = 0xffffffff
  expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
  expect(philox([f, f, f, f], [f, f])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
  expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
  ])
})

test('streams repeat, and differ by seed and by number', () => {
  const first = (seed: number, stream = 0) => Array.from({ length: 9 }, randomStream(seed, stream).word)
  expect(first(1)).toEqual(first(1))
  const all = [first(1), first(2), first(1, 1), first(1, 2 ** 32), first(1 + 2 ** 32)]
  expect(new Set(all.map(String)).size).toBe(5)
  expect(() => randomStream(-1)).toThrow('seed')
  expect(() => randomStream(0.5)).toThrow('seed')
})

test('integers are uniform', () => {
  const random = randomStream(4)
  const counts = [0, 0, 0, 0, 0, 0, 0]
  for (let i = 0; i < 70_000; i++) counts[random.integer(7)]!++
  // χ² with 6 degrees of freedom exceeds 22.5 with probability 1e-3; the seed is fixed, so this never flickers.
  expect(counts.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)).toBeLessThan(22.5)
})

test('every order of four is as frequent as every other', () => {
  const counts = new Map<string, number>()
  for (let i = 0; i < 24_000; i++) {
    const key = permutation(4, randomStream(0, i)).join('')
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  expect(counts.size).toBe(24)
  // χ² with 23 degrees of freedom: 49.7 at 1e-3.
  expect([...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(49.7)
})

test('an epoch visits each sample once, in an order of its own; any step is computed directly', () => {
  const order = batches(10, 4, 7)
  expect(order.perEpoch).toBe(3)
  const epoch = (e: number) => [0, 1, 2].flatMap((i) => order.at(3 * e + i))
  expect([...epoch(0)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(order.at(2)).toHaveLength(2)
  expect(epoch(1)).not.toEqual(epoch(0))
  expect(batches(10, 4, 7).at(5)).toEqual(order.at(5))
  expect(batches(10, 4, 8).at(5)).not.toEqual(order.at(5))
})
