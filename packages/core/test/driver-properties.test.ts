import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GradientMode, Solver, Vector } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import { affine, type Affine, heavy, leakless, linear, plain } from './helpers.ts'

/* The maps and solvers here are element-wise: a float32 result can then not depend on the shape of the batch, and "the
 * same" means to the bit on every backend. (A matMul may sum in another order for another batch; that is tested with a
 * tolerance in the conformance package.) */

const settings = { numRuns: 8, seed: 20261124 }
/** Damped, so that it solves what `plain()` diverges on. */
const careful: Solver = {
  ...plain(),
  name: 'careful',
  step: (problem, z) => {
    const residual: Vector = tf.sub(problem.apply(z), z)
    return { next: tf.add(z, tf.mul(residual, 0.25)), residual, memory: null }
  },
}
const solvers: [string, Solver][] = [
  ['memory', heavy(0.2)],
  ['best', { ...heavy(0.2), answer: 'best' }],
  ['chain', { ...heavy(0.2), after: { solver: careful, from: 'best' } }],
]

interface Sample {
  readonly a: number
  readonly b: number
}
/** Evenly spread: `fc.double` is even over the bit patterns, which are nearly all of tiny numbers. */
const real = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 10_000 }).map((i) => min + ((max - min) * i) / 10_000)
const sample = fc.record({
  // contractions, slow ones, maps that diverge, cycles, and NaN
  a: fc.oneof(real(-0.95, 0.95), fc.constantFrom(0.99, -1, -2, -3, 2, Number.NaN)),
  b: real(-3, 3),
})
const batch = fc.array(sample, { minLength: 1, maxLength: 8 })
const compaction = fc.constantFrom<false | { every: number; below: number }>(
  false,
  { every: 1, below: 1 },
  { every: 3, below: 0.8 },
)
const input = (samples: readonly Sample[]): Affine => ({
  a: tf.tensor2d(
    samples.map((s) => s.a),
    [samples.length, 1],
  ),
  b: tf.tensor2d(samples.map((s) => [s.b, 1])),
})
type Setting = false | { every: number; below: number }
function answers(solver: Solver, samples: readonly Sample[], how: Setting): string[] {
  let out: string[] = []
  tf.tidy(() => {
    const { state, stats } = equilibrium(affine(), { solver, tolerance: 1e-5, maxSteps: 30, compaction: how }).solve(
      input(samples),
    )
    const z = Array.from(state.dataSync())
    const { status, steps, residual, tried } = stats.perSample
    out = samples.map((_, b) =>
      [z.slice(2 * b, 2 * b + 2), status[b], steps[b], residual[b], JSON.stringify(tried?.[b])].join(' '),
    )
  })
  return out
}

describe.each(solvers)('%s', (_name, solver) => {
  test('permuting a batch permutes its answers; splitting it and compaction change nothing', () =>
    leakless(() => {
      fc.assert(
        fc.property(batch, compaction, fc.nat(), fc.nat(), (samples, how, seed, cut) => {
          const plainly = answers(solver, samples, how)
          const order = samples.map((_, i) => i).sort((i, j) => ((i * 7919 + seed) % 31) - ((j * 7919 + seed) % 31))
          expect(
            answers(
              solver,
              order.map((i) => samples[i]!),
              how,
            ),
          ).toEqual(order.map((i) => plainly[i]))
          const at = cut % (samples.length + 1)
          const parts = [samples.slice(0, at), samples.slice(at)].filter((p) => p.length > 0)
          expect(parts.flatMap((p) => answers(solver, p, how))).toEqual(plainly)
          expect(answers(solver, samples, false)).toEqual(plainly)
        }),
        settings,
      )
    }))
  test('NaN in one sample touches no other', () =>
    leakless(() => {
      fc.assert(
        fc.property(batch, compaction, fc.nat(), (samples, how, which) => {
          const at = which % samples.length
          const spoilt = answers(
            solver,
            samples.map((s, i) => (i === at ? { ...s, b: Number.NaN } : s)),
            how,
          )
          expect(spoilt[at]).toContain('non-finite')
          const others = (all: string[]) => all.filter((_, i) => i !== at)
          expect(others(spoilt)).toEqual(others(answers(solver, samples, how)))
        }),
        settings,
      )
    }))
  test('an abort at any step, an exception at any call of G or of bind: nothing is left behind', () => {
    fc.assert(
      fc.property(batch, compaction, fc.integer({ min: 1, max: 25 }), (samples, how, at) => {
        const x = input(samples)
        const before = tf.memory().numTensors
        const options = { solver, tolerance: 1e-5, maxSteps: 30, compaction: how }
        const stop = new AbortController()
        const { state, stats } = equilibrium(affine(), options).solve(x, {
          signal: stop.signal,
          onProgress: ({ step }) => step === at && stop.abort(),
        })
        state.dispose()
        expect(tf.memory().numTensors).toBe(before)
        const running = stats.perSample.status.some((s) => s === 'aborted')
        if (running) expect(stats.steps).toBeLessThanOrEqual(at)
        const failing = (where: 'apply' | 'bind') => {
          let calls = 0
          const fuse = (which: string) => {
            if (which === where && ++calls === at) throw new Error('boom')
          }
          const operator = affine((z, xx) => (fuse('apply'), linear(z, xx)))
          const layer = equilibrium({ ...operator, bind: (xx: Affine) => (fuse('bind'), operator.bind(xx)) }, options)
          try {
            layer.solve(x).state.dispose()
          } catch (error) {
            expect((error as Error).message).toBe('boom')
          }
        }
        failing('apply')
        failing('bind')
        expect(tf.memory().numTensors).toBe(before)
        tf.dispose([x.a, x.b])
      }),
      settings,
    )
  })
})

/** One application of `G` at the solution, recorded. */
const once: GradientMode = {
  kind: 'gradient',
  spec: 1,
  name: 'once',
  forward: 'detached',
  attach: ({ z, problem }) => problem.apply(z),
}

describe('equilibria in company', () => {
  const inner = defineOperator({
    name: 'inner',
    initial: (y: tf.Tensor2D) => tf.zerosLike(y),
    apply: (z, y) => tf.add(tf.mul(z, 0.5), y), // z = 2y
  })
  const options = { tolerance: 1e-6, maxSteps: 100 }
  const nested = (
    apply = (y: tf.Tensor2D): tf.Tensor => equilibrium(inner, { solver: heavy(), ...options }).solve(y).state,
  ) =>
    defineOperator({
      name: 'outer',
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) => tf.add(tf.mul(apply(z), 0.2), x), // z = 0.4 z + x
    })
  test('an equilibrium inside an operator: solved, compacted, differentiated, and nothing left', () =>
    leakless(() => {
      const layer = equilibrium(nested(), { solver: heavy(), ...options })
      const x = tf.tensor2d([[3], [0], [-6]])
      // error ≤ 1e-6 · 10 / 0.6, and what the inner solves leave: 0.2 · 2e-6 · 20 / 0.6
      Array.from(layer.solve(x).state.dataSync()).forEach((z, b) => expect(z).toBeCloseTo([5, 0, -10][b]!, 4))
      const inside = (y: tf.Tensor2D) =>
        equilibrium(inner, { solver: plain(), gradient: once, ...options }).solve(y).state
      const graded = equilibrium(nested(inside), { solver: plain(), gradient: once, ...options })
      const slope = tf.grad((v) => tf.sum(graded.solve(v as tf.Tensor2D).state))(x)
      expect(Array.from(slope.dataSync())).toEqual([1, 1, 1]) // of the one recorded application, by x alone
    }))
  test('an exception in an inner solve, at any call', () =>
    leakless(() => {
      for (let at = 1; at <= 40; at += 13) {
        let calls = 0
        const apply = (y: tf.Tensor2D): tf.Tensor => {
          if (++calls === at) throw new Error('boom')
          return equilibrium(inner, { solver: heavy(), ...options }).solve(y).state
        }
        const solve = () =>
          equilibrium(nested(apply), { solver: heavy(), ...options, tolerance: 0 }).solve(tf.ones([2, 1]))
        expect(solve).toThrow('boom')
      }
    }))
})
