import { describe, expect, test } from 'vitest'
import { certify, denseSystem, type IntervalSystem, normal, uniform } from '@equilibria/theory'
import { truthCases } from './truth.ts'

const cases = truthCases()

/** A float64 as an exact fraction. */
function fraction(x: number): readonly [bigint, bigint] {
  if (x === 0) return [0n, 1n]
  let [mantissa, exponent] = [x, 0]
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2
    exponent++
  }
  return [BigInt(mantissa), 2n ** BigInt(exponent)]
}

/** Sign of `(1 − a) x − b`, exactly: where `x` lies of the root of `z = a z + b` (for `a < 1`). */
function side(a: number, b: number, x: number): number {
  const [[an, ad], [bn, bd], [xn, xd]] = [fraction(a), fraction(b), fraction(x)]
  const value = (ad - an) * xn * bd - bn * ad * xd
  return value > 0n ? 1 : value < 0n ? -1 : 0
}

describe('certify()', () => {
  test.skipIf(!cases)(
    '√2 by Krawczyk, and the fixed point of the cosine by Banach, in the boxes of the truth cases',
    () => {
      // z − (z² − 2)/2.9: fixed points are the roots of z² = 2.
      const root: IntervalSystem = {
        size: 1,
        value: ([z]) => {
          const f = (x: number) => x - (x * x - 2) / 2.9
          const ends = [f(z![0]), f(z![1])].sort((p, q) => p - q)
          return [[ends[0]! - 1e-14, ends[1]! + 1e-14]]
        },
        jacobian: ([z]) => [[1 - (2 * z![1]) / 2.9 - 1e-14, 1 - (2 * z![0]) / 2.9 + 1e-14]],
      }
      const { root: exact } = cases!.get('krawczyk_sqrt2')!.truth as { root: number }
      const found = certify(root, [1.45])
      expect([found.verdict, found.evidence]).toEqual(['holds', 'proof'])
      expect(found.detail.enclosure[0]![0]).toBeLessThanOrEqual(exact)
      expect(found.detail.enclosure[0]![1]).toBeGreaterThanOrEqual(exact)
      expect(found.value).toBeGreaterThanOrEqual(1.45 - exact)

      const { params, truth } = cases!.get('banach_ball_dottie')! as unknown as {
        params: { c: number; r: number }
        truth: { true_error: number; min_radius: number }
      }
      const dottie: IntervalSystem = {
        size: 1,
        value: ([z]) => [[Math.cos(z![1]) - 1e-15, Math.cos(z![0]) + 1e-15]], // falling on [0, π]
        jacobian: ([z]) => [[-Math.sin(z![1]) - 1e-15, -Math.sin(z![0]) + 1e-15]], // on [0, π/2]
      }
      const ball = certify(dottie, [params.c], { radius: params.r })
      expect([ball.verdict, ball.detail.method]).toEqual(['holds', 'banach'])
      expect(ball.value).toBeGreaterThanOrEqual(truth.true_error)
      expect(ball.value).toBeLessThanOrEqual(truth.min_radius) // that radius is with μ on the larger ball of radius .01
    },
  )

  test('an expansive dense layer has its equilibrium proved by Krawczyk', () => {
    const weight = [
      [-0.76, -1.68],
      [-1.68, -1.74],
    ]
    const found = certify(denseSystem({ weight, offset: [1, 2], activation: 'identity' }), [-0.31, 0.92])
    expect([found.verdict, found.detail.method]).toEqual(['holds', 'krawczyk'])
    expect(found.value).toBeLessThan(1e-13)
  })

  test('a dense tanh layer of 40 entries, at its float64 equilibrium', () => {
    const n = 40
    const draw = normal(4)
    const weight = Array.from({ length: n }, () => Array.from({ length: n }, () => (0.9 * draw()) / Math.sqrt(n)))
    const offset = Array.from({ length: n }, () => draw())
    let z = offset.map(() => 0)
    for (let k = 0; k < 500; k++)
      z = weight.map((row, i) => Math.tanh(row.reduce((s, w, j) => s + w * z[j]!, offset[i]!)))
    const system = denseSystem({ weight, offset, activation: 'tanh' })
    const found = certify(system, z)
    expect(found.verdict).toBe('holds')
    expect(found.value).toBeLessThan(1e-12)
    // A float32 answer is a less good centre, with a certificate of its distance.
    const rounded = certify(system, Float32Array.from(z))
    expect(rounded.value).toBeGreaterThanOrEqual(Math.max(...z.map((x) => Math.abs(x - Math.fround(x)))))
    expect(rounded.value).toBeLessThan(1e-5)
    expect(found.detail.evaluations).toBeLessThanOrEqual(1 + 8 + 2 + 8)
  })

  test('no false certificate: 4 000 lines, exact arithmetic as judge', () => {
    const [draw, uni] = [normal(5), uniform(6)]
    let certified = 0
    for (let k = 0; k < 4000; k++) {
      // Slopes at 1, within rounding of 1, and anywhere; centres at the root, beside it and nowhere near.
      const a = k % 5 === 0 ? 1 : k % 5 === 1 ? 1 - draw() * 10 ** -(5 + 11 * uni()) : 2 * draw()
      const b = k % 7 === 0 ? 0 : draw() * 10 ** (6 * uni() - 3)
      const root = b / (1 - a)
      const centre = [root, root * (1 + 2 ** -52), root + 1e-8 * draw(), draw()][k % 4]!
      if (!Number.isFinite(centre)) continue
      const system = denseSystem({ weight: [[a]], offset: [b], activation: 'identity' })
      const { verdict, detail } = certify(system, [centre], { radius: 1e6 })
      if (verdict !== 'holds') continue
      certified++
      expect(a).not.toBe(1) // none, or all of them
      const [low, high] = detail.enclosure[0]!
      const slope = a < 1 ? 1 : -1
      expect(slope * side(a, b, low)).toBeLessThanOrEqual(0)
      expect(slope * side(a, b, high)).toBeGreaterThanOrEqual(0)
    }
    expect(certified).toBeGreaterThan(1500)
  })

  test('no false certificate: 3 000 bistable tanh layers near their folds', () => {
    const [draw, uni] = [normal(7), uniform(8)]
    let certified = 0
    for (let k = 0; k < 3000; k++) {
      const w = 1 + 2 * uni() ** 3
      // The fold: 1 = w(1 − z²), b = z − … ; within 1e-10 of it for some.
      const z = Math.sqrt(1 - 1 / w)
      const fold = Math.atanh(z) - w * z
      const b = k % 3 === 0 ? fold + draw() * 10 ** -(2 + 10 * uni()) : draw()
      const system = denseSystem({ weight: [[w]], offset: [b], activation: 'tanh' })
      let x = 2 * uni() - 1
      for (let i = 0; i < (k % 4) * 30; i++) x = Math.tanh(w * x + b)
      const { verdict, detail } = certify(system, [x])
      if (verdict !== 'holds') continue
      certified++
      const gap = (at: number) => at - Math.tanh(w * at + b)
      const [low, high] = detail.enclosure[0]!
      // A sign change across the enclosure (up to the rounding of the judge), …
      expect(gap(low) * gap(high)).toBeLessThanOrEqual(1e-16 * (Math.abs(gap(low)) + Math.abs(gap(high))))
      // … and one only in the box: sorted along it, the signs change once.
      const [from, to] = detail.unique[0]!
      const signs = Array.from({ length: 101 }, (_, i) => Math.sign(gap(from + ((to - from) * i) / 100)))
      const near = signs.filter((_, i) => Math.abs(gap(from + ((to - from) * i) / 100)) > 1e-15)
      expect(near.filter((s, i) => i > 0 && s !== near[i - 1]).length).toBeLessThanOrEqual(1)
    }
    expect(certified).toBeGreaterThan(300)
  })

  test('no false certificate: 3 000 rectifier networks, against all their equilibria', () => {
    const draw = normal(9)
    let certified = 0
    for (let k = 0; k < 3000; k++) {
      const scale = 0.3 + (k % 10) * 0.2
      const weight = [0, 1].map(() => [scale * draw(), scale * draw()])
      const offset = [draw(), draw()]
      // Every pattern of active entries is a linear system; its solution counts if it has that pattern.
      const roots = [0, 1, 2, 3].flatMap((pattern) => {
        const d = [pattern & 1, pattern >> 1]
        const m = weight.map((row, i) => row.map((w, j) => (i === j ? 1 : 0) - d[i]! * w))
        const right = offset.map((x, i) => d[i]! * x)
        const det = m[0]![0]! * m[1]![1]! - m[0]![1]! * m[1]![0]!
        const z = [
          (right[0]! * m[1]![1]! - right[1]! * m[0]![1]!) / det,
          (m[0]![0]! * right[1]! - m[1]![0]! * right[0]!) / det,
        ]
        const before = weight.map((row, i) => row[0]! * z[0]! + row[1]! * z[1]! + offset[i]!)
        return before.every((v, i) => (d[i] === 1 ? v > -1e-9 : v < 1e-9)) ? [z] : []
      })
      const start = roots[k % Math.max(roots.length, 1)] ?? [draw(), draw()]
      const centre = start.map((x) => x + 10 ** -(1 + (k % 12)) * draw())
      const { verdict, detail } = certify(denseSystem({ weight, offset, activation: 'relu' }), centre)
      if (verdict !== 'holds') continue
      certified++
      const inBox = (box: readonly (readonly [number, number])[], slack: number) =>
        roots.filter((z) => z.every((x, i) => x >= box[i]![0] - slack && x <= box[i]![1] + slack))
      // The judge's own rounding: 1e-9. Patterns that share a root at a kink give it twice.
      expect(inBox(detail.enclosure, 1e-9).length).toBeGreaterThanOrEqual(1)
      const apart = inBox(detail.unique, -1e-9).filter(
        (z, i, all) => all.findIndex((y) => Math.hypot(y[0]! - z[0]!, y[1]! - z[1]!) < 1e-6) === i,
      )
      expect(apart.length).toBeLessThanOrEqual(1)
    }
    expect(certified).toBeGreaterThan(1000)
  })

  test('says what is wrong with its input; broken numbers prove nothing', () => {
    const system = denseSystem({ weight: [[0.5]], offset: [0], activation: 'sigmoid' })
    expect(certify(system, [0.6]).verdict).toBe('holds')
    expect(() => certify(system, [0, 0])).toThrow('2 entries')
    expect(() => certify(system, [0], { radius: 0 })).toThrow('radius')
    expect(() => denseSystem({ weight: [[1, 2]], offset: [0], activation: 'relu' })).toThrow('square')
    expect(certify(system, [Number.NaN]).verdict).toBe('unknown')
    const broken = denseSystem({ weight: [[Number.NaN]], offset: [0], activation: 'tanh' })
    expect(certify(broken, [0]).verdict).toBe('unknown')
  })
})
