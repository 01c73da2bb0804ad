import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Solver } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import { anderson, andersonI, broyden, picard } from '@equilibria/solvers'

/* One sample's answer never depends on its batch mates. Every row of the map below is one sample's business, and so is
 * every row of the solvers: float32 results can then only differ where a kernel sums in another order. */
const N = 4
type Rows = { readonly a: tf.Tensor2D; readonly x: tf.Tensor2D }
const W = [0.4, -0.3, 0.1, 0.2, 0.2, 0.3, -0.4, 0.1, -0.1, 0.2, 0.5, 0.1, 0.3, 0.1, 0.2, -0.3]
const mixing = defineOperator<tf.Tensor2D, Rows>({
  name: 'mixing',
  initial: ({ x }) => tf.zerosLike(x),
  apply: (z, { a, x }) => tf.tanh(tf.add(tf.mul(tf.matMul(z, tf.tensor2d(W, [N, N])), a), x)),
})
interface Sample {
  readonly a: number
  readonly x: readonly number[]
}
interface Answer {
  readonly z: number[]
  readonly status: string
  readonly steps: number
}
function solve(
  samples: readonly Sample[],
  solver: Solver,
  compaction: false | { every: number; below: number },
): Answer[] {
  return tf.tidy(() => {
    const x = tf.tensor2d(samples.map((s) => [...s.x]))
    const a = tf.tensor2d(samples.map((s) => [s.a]))
    const { state, stats } = equilibrium(mixing, { solver, tolerance: 1e-5, maxSteps: 120, compaction }).solve({ a, x })
    const all = Array.from(state.dataSync())
    return samples.map((_, b) => ({
      z: all.slice(b * N, (b + 1) * N),
      status: stats.perSample.status[b]!,
      steps: stats.perSample.steps[b]!,
    })) as never
  }) as Answer[]
}
/**
 * Two solves of one sample both end at a relative residual of 1e-5, so each is within `1e-5 · max(‖z‖, 1) / (1 − μ)` of
 * the answer; ‖z‖ ≤ 2 and μ ≤ a ‖W‖₂ ≤ 0.95: at most 2 · 1e-5 · 2 / 0.05 apart, however rounding changed their ways.
 */
const APART = 8e-4
const apart = (a: Answer, b: Answer) => Math.max(...a.z.map((v, i) => Math.abs(v - b.z[i]!)))

/** Evenly spread: `fc.double` is even over the bit patterns, which are nearly all of tiny numbers. */
const real = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 10_000 }).map((i) => min + ((max - min) * i) / 10_000)
const sample = fc.record({
  a: real(0, 1.4), // ‖W‖₂ ≈ 0.66
  x: fc.array(real(-2, 2), { minLength: N, maxLength: N }),
})
const batch = fc.array(sample, { minLength: 2, maxLength: 7 })
const settings = { numRuns: 25, seed: 20261123 }
const solvers: [string, () => Solver][] = [
  ['picard', () => picard()],
  ['anderson', () => anderson({ memory: 3 })],
  ['andersonI', () => andersonI({ memory: 3 })],
  ['broyden', () => broyden({ memory: 3 })],
  ['broyden li-fukushima', () => broyden({ memory: 3, lineSearch: 'li-fukushima' })],
]

describe.each(solvers)('%s', (_name, make) => {
  test('permuting a batch permutes its answers', () => {
    const before = tf.memory().numTensors
    fc.assert(
      fc.property(batch, fc.integer(), (samples, seed) => {
        const order = samples.map((_, i) => i).sort((i, j) => ((i * 7919 + seed) % 31) - ((j * 7919 + seed) % 31))
        const plain = solve(samples, make(), { every: 2, below: 0.9 })
        const shuffled = solve(
          order.map((i) => samples[i]!),
          make(),
          { every: 2, below: 0.9 },
        )
        return order.every(
          (i, at) => apart(plain[i]!, shuffled[at]!) <= APART && plain[i]!.status === shuffled[at]!.status,
        )
      }),
      settings,
    )
    expect(tf.memory().numTensors).toBe(before)
  })
  test('splitting a batch changes nothing, down to samples alone; nor does compaction', () => {
    const before = tf.memory().numTensors
    fc.assert(
      fc.property(batch, (samples) => {
        const together = solve(samples, make(), { every: 1, below: 1 })
        const still = solve(samples, make(), false)
        return samples.every((s, i) => {
          const [alone] = solve([s], make(), false)
          return (
            alone!.status === together[i]!.status &&
            apart(alone!, together[i]!) <= APART &&
            apart(alone!, still[i]!) <= APART
          )
        })
      }),
      settings,
    )
    expect(tf.memory().numTensors).toBe(before)
  })
  test('NaN in one sample touches no other, not by a bit', () => {
    const before = tf.memory().numTensors
    fc.assert(
      fc.property(batch, fc.nat(), fc.nat(N - 1), (samples, which, entry) => {
        const at = which % samples.length
        const spoilt = samples.map((s, i) =>
          i === at ? { ...s, x: s.x.map((v, j) => (j === entry ? Number.NaN : v)) } : s,
        )
        // The same batch twice, so that every kernel sums in the same order: equal to the bit. Without compaction, since
        // a sample that leaves at another step changes the shape of the batch, and with it the order of sums on wasm.
        const [a, b] = [solve(samples, make(), false), solve(spoilt, make(), false)]
        return (
          b[at]!.status === 'non-finite' &&
          a.every((answer, i) => i === at || (answer.steps === b[i]!.steps && apart(answer, b[i]!) === 0))
        )
      }),
      settings,
    )
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('compaction pays', () => {
  /** Moduli from Beta(4, 1.2) · 0.995, by inversion on a grid: the spread of ALGORITHMS §2.10. */
  function moduli(count: number): number[] {
    const density = (t: number) => t ** 3 * (1 - t) ** 0.2
    const grid = Array.from({ length: 4001 }, (_, i) => i / 4000)
    const total = grid.reduce((s, t) => s + density(t), 0)
    const found: number[] = []
    let sum = 0
    for (const t of grid) {
      sum += density(t) / total
      while (found.length < count && sum >= (found.length + 0.5) / count) found.push(0.995 * t)
    }
    return found.map((_, i) => found[(i * 37) % count]!) // no order
  }
  /** Anderson is done with affine rows in three steps, whatever their moduli: it gets Kepler's equation instead. */
  const spread = (name: string) =>
    defineOperator<tf.Tensor2D, Rows>({
      name: 'spread',
      initial: ({ x }) => tf.zerosLike(x),
      apply: (z, { a, x }) => tf.add(tf.mul(name === 'picard' ? z : tf.sin(z), a), x),
    })
  const B = 256
  test.each(solvers)('%s: far fewer rows evaluated, the same answers', (name, make) => {
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const a = moduli(B)
      const input = { a: tf.tensor2d(a, [B, 1]), x: tf.tensor2d(a.map((_, i) => [1 + (i % 7) / 7, -1])) }
      const run = (compaction: false | undefined) =>
        equilibrium(spread(name), {
          solver: make(),
          tolerance: 1e-6,
          maxSteps: 4000,
          ...(compaction === undefined ? {} : { compaction }),
        }).solve(input)
      const [whole, parts] = [run(false), run(undefined)]
      expect([whole.status, parts.status]).toEqual(['converged', 'converged'])
      const [p, q] = [whole.stats, parts.stats]
      const ratio = p.sampleEvaluations / q.sampleEvaluations
      // No driver can do with fewer: every row needs its own steps. For Picard here 12.6 times fewer than together.
      const least = q.perSample.steps.reduce((s, k) => s + k, 0)
      console.log(
        `[${tf.getBackend()}] ${name}, moduli Beta(4, 1.2) · 0.995, B = ${B}, 1e-6: together ${p.sampleEvaluations} sample evaluations, compacted ${q.sampleEvaluations}, ${ratio.toFixed(1)} times fewer (least possible ${least}, ${(p.sampleEvaluations / least).toFixed(1)} times); ${p.elapsedMs.toFixed(0)} ms and ${q.elapsedMs.toFixed(0)} ms`,
      )
      expect([...q.perSample.steps]).toEqual([...p.perSample.steps])
      expect(tf.max(tf.abs(tf.sub(whole.state, parts.state))).dataSync()[0]).toBe(0) // element-wise: equal to the bit
      expect(ratio).toBeGreaterThan(name === 'picard' ? 8 : name.startsWith('anderson') ? 1.2 : 1) // Broyden is done with all of them within a step or two
      if (name === 'picard') expect(q.sampleEvaluations).toBeLessThan(1.15 * least)
    })
    expect(tf.memory().numTensors).toBe(before)
  })
})
