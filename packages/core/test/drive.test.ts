import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Solver, StopRule, Vector } from '@equilibria/spec'
import {
  bindProblem,
  defineOperator,
  drive,
  equilibrium,
  iterate,
  referenceKernels,
  residualBelow,
} from '@equilibria/core'
import { affine, type Affine, heavy, leakless, linear, plain } from './helpers.ts'

const input = (a: number[], b: number[][] = a.map((_, i) => [i + 1, -1])): Affine => ({
  a: tf.tensor2d(a, [a.length, 1]),
  b: tf.tensor2d(b),
})
const numbers = (t: tf.Tensor) => Array.from(t.dataSync())
/** A stop rule from a table: the status of sample `b` at step `t`. */
const table = (rule: (sample: number, step: number) => 'converged' | 'diverged' | undefined): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: 'table',
  start: () => (seen) => rule(seen.sample, seen.step),
})

describe('statuses', () => {
  test('a batch of one converges to the closed form, and G is called once per step', () =>
    leakless(() => {
      const { state, status, stats } = equilibrium(affine(), { solver: plain(), tolerance: 1e-6 }).solve(input([0.5]))
      expect(status).toBe('converged')
      // error ≤ residual · max(‖z‖, 1) / (1 − a) = 1e-6 · 2.9 / 0.5
      expect(numbers(state)[0]).toBeCloseTo(2, 5)
      expect(stats.evaluations).toBe(stats.steps)
      expect(stats.sampleEvaluations).toBe(stats.steps)
    }))
  test('rows that all finish at the same step end the solve at that step', () =>
    leakless(() => {
      const { stats } = equilibrium(affine(), {
        solver: plain(),
        stop: table((_, t) => (t === 3 ? 'converged' : undefined)),
      }) //
        .solve(input([0.5, 0.5, 0.5]))
      expect(stats.steps).toBe(3)
      expect([...stats.perSample.steps]).toEqual([3, 3, 3])
    }))
  test('a row that stops keeps the state whose residual was measured', () =>
    leakless(() => {
      const x = input([0.5, 0.9])
      const { state } = equilibrium(affine(), {
        solver: plain(),
        stop: table((b, t) => (t === (b === 0 ? 2 : 5) ? 'converged' : undefined)),
      }).solve(x)
      // Row 0 was measured at z₁ = b; row 1 at z₄ = b (1 + a + a² + a³).
      expect(numbers(state)[0]).toBeCloseTo(1, 6)
      expect(numbers(state)[2]).toBeCloseTo(2 * (1 + 0.9 + 0.81 + 0.729), 5)
    }))
  test('no steps at all: the start comes back, with its residual', () =>
    leakless(() => {
      const { state, status, stats } = equilibrium(affine(), { solver: plain() }).solve(input([0.5]), { steps: 0 })
      expect(status).toBe('max-steps')
      expect(numbers(state)).toEqual([0, 0])
      expect(stats.steps).toBe(0)
      expect(stats.residual).toBeCloseTo(Math.SQRT2, 6) // ‖b‖ = ‖(1, −1)‖
    }))
  test('no steps, from the answer: converged', () =>
    leakless(() => {
      const layer = equilibrium(affine(), { solver: plain() })
      expect(layer.solve(input([0.5]), { steps: 0, initial: tf.tensor2d([[2, -2]]) }).status).toBe('converged')
    }))
  test('stopped before the first step', () =>
    leakless(() => {
      const stop = new AbortController()
      stop.abort()
      const { status, stats } = equilibrium(affine(), { solver: plain() }).solve(input([0.5]), { signal: stop.signal })
      expect([status, stats.steps, stats.evaluations]).toEqual(['aborted', 0, 0])
    }))
  test('NaN in one row touches no other, and is the worst residual wherever it stands', () =>
    leakless(() => {
      const layer = equilibrium(affine(), { solver: heavy(), tolerance: 1e-6 })
      for (const at of [0, 1, 2]) {
        const b = [[1], [2], [3]]
        const alone = numbers(layer.solve(input([0.5, 0.5, 0.5], b)).state)
        b[at] = [Number.NaN]
        const { state, stats, status } = layer.solve(input([0.5, 0.5, 0.5], b))
        expect(status).toBe('non-finite')
        expect(stats.residual).toBeNaN()
        const others = (all: number[]) => all.filter((_, i) => i !== at)
        expect(others(numbers(state))).toEqual(others(alone))
      }
    }))
  test('an expansive linear map diverges long before it overflows', () =>
    leakless(() => {
      const { status, stats } = equilibrium(affine(), { solver: plain(), maxSteps: 500 }).solve(input([2]))
      expect(status).toBe('diverged') // the residual relative to the state stays near 1: absolute norms decide
      expect(stats.steps).toBeLessThan(30) // 2^20 > 1e6
    }))
  test('a tolerance of 0 runs exactly the steps asked, even at an exact fixed point', () =>
    leakless(() => {
      const { stats } = equilibrium(affine(), { solver: plain() }).solve(input([0]), { tolerance: 0, steps: 7 })
      expect([stats.steps, stats.perSample.status[0]]).toEqual([7, 'max-steps'])
    }))
  test('a time budget ends the solve, for all starts together', () =>
    leakless(() => {
      const began = performance.now()
      const { status } = equilibrium(affine(), { solver: plain(), maxSteps: 1e6, tolerance: 1e-30 }).solve(
        input([0.9999]),
        {
          budget: { ms: 40 },
          breadth: { starts: 3 },
        },
      )
      expect(status).toBe('out-of-time')
      expect(performance.now() - began).toBeLessThan(4000)
    }))
})

describe('exit rules', () => {
  const after = (steps: number, seen: number[][] = []) => ({
    kind: 'exit-rule' as const,
    spec: 1 as const,
    name: 'after',
    start: () => (now: { readonly state: tf.Tensor2D; readonly rows: readonly number[]; readonly step: number }) => {
      expect(now.state.shape[0]).toBe(now.rows.length)
      seen.push([...now.rows])
      return now.rows.map(() => now.step >= steps)
    },
  })
  test('stop beats exit in the same step, and a row that exits keeps the answer that made it leave', () =>
    leakless(() => {
      const { state, stats } = equilibrium(affine(), {
        solver: plain(),
        stop: table((b, t) => (b === 0 && t === 2 ? 'converged' : undefined)),
      }).solve(input([0.5, 0.5]), { exit: after(2) })
      expect(stats.perSample.status).toEqual(['converged', 'exited'])
      expect(numbers(state)[0]).toBeCloseTo(1, 6) // z₁
      expect(numbers(state)[2]).toBeCloseTo(3, 6) // z₂ = 2 · 1.5
    }))
  test('only running rows are shown', () =>
    leakless(() => {
      const seen: number[][] = []
      equilibrium(affine(), {
        solver: plain(),
        compaction: false,
        stop: table((b, t) => (b === 1 && t === 2 ? 'converged' : undefined)),
      }).solve(input([0.5, 0.5, 0.5]), { exit: after(3, seen) })
      expect(seen).toEqual([
        [0, 1, 2],
        [0, 2],
        [0, 2],
      ])
    }))
  test('one that throws leaves nothing behind', () =>
    leakless(() => {
      const start = () => () => {
        throw new Error('exit')
      }
      const layer = equilibrium(affine(), { solver: heavy() })
      expect(() => layer.solve(input([0.5]), { exit: { ...after(1), start } })).toThrow('exit')
    }))
})

describe('exceptions leave nothing behind', () => {
  // 12 samples of spread moduli: several compactions happen on the way, and G is bound and called after each of them.
  const spread = () => input(Array.from({ length: 12 }, (_, i) => 0.05 + 0.08 * i))
  test('in G, at any evaluation, in a solver with memory', () => {
    const before = tf.memory().numTensors
    const x = spread()
    const held = tf.memory().numTensors
    const run = (at: number) => {
      let calls = 0
      return equilibrium(
        affine((z, xx) => {
          if (++calls === at) throw new Error('boom')
          return linear(z, xx)
        }),
        { solver: heavy(), tolerance: 1e-5, maxSteps: 60, compaction: { every: 3, below: 0.95 } },
      ).solve(x)
    }
    const whole = run(0)
    const total = whole.stats.evaluations
    expect(whole.stats.sampleEvaluations).toBeLessThan(total * 12) // so compaction did happen
    whole.state.dispose()
    for (let at = 1; at <= total; at++) {
      expect(() => run(at)).toThrow('boom')
      expect(tf.memory().numTensors).toBe(held)
    }
    expect(total).toBeGreaterThan(20)
    tf.dispose(x)
    expect(tf.memory().numTensors).toBe(before)
  })
  test('in bind, while compacting', () =>
    leakless(() => {
      let binds = 0
      const operator = affine()
      const failing = {
        ...operator,
        bind: (x: Affine) => {
          tf.mul(x.a, 2) // made and forgotten before the failure
          if (++binds === 2) throw new Error('bind')
          return operator.bind(x)
        },
      }
      expect(() => equilibrium(failing, { solver: heavy(), maxSteps: 200 }).solve(spread())).toThrow('bind')
      expect(binds).toBe(2)
    }))
  test('in a solver, in a progress listener, in a stop rule', () =>
    leakless(() => {
      const boom = (): never => {
        throw new Error('boom')
      }
      const x = spread()
      const bad: Solver = { ...heavy(), init: boom }
      expect(() => equilibrium(affine(), { solver: bad }).solve(x)).toThrow('boom')
      expect(() => equilibrium(affine(), { solver: { ...heavy(), step: boom } }).solve(x)).toThrow('boom')
      expect(() => equilibrium(affine(), { solver: heavy() }).solve(x, { onProgress: boom })).toThrow('boom')
      expect(() => equilibrium(affine(), { solver: heavy(), stop: table(boom) }).solve(x)).toThrow('boom')
    }))
  test('in an asynchronous solve with several starts', async () => {
    const before = tf.memory().numTensors
    const x = spread()
    let calls = 0
    const layer = equilibrium(
      affine((z, xx) => {
        if (++calls === 30) throw new Error('boom')
        return linear(z, xx)
      }),
      { solver: heavy(), tolerance: 1e-30, maxSteps: 20 },
    )
    await expect(layer.solveAsync(x, { breadth: { starts: 3 } })).rejects.toThrow('boom')
    tf.dispose(x)
    expect(tf.memory().numTensors).toBe(before)
  })
  test('a loop that is abandoned half way', () => {
    const before = tf.memory().numTensors
    const x = input([0.5, 0.99])
    tf.tidy(() => {
      const { problem, start } = bindProblem(affine(), x, referenceKernels)
      const held = tf.memory().numTensors
      for (const { step } of iterate(problem, heavy(), start, { stop: residualBelow(1e-6), maxSteps: 100 }))
        if (step === 9) break
      expect(tf.memory().numTensors).toBe(held)
    })
    tf.dispose(x)
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe('compaction', () => {
  const moduli = Array.from({ length: 64 }, (_, i) => 0.995 * (1 - ((i * 37) % 64) / 64))
  test('same answers, far fewer rows evaluated, whatever the solver remembers', () =>
    leakless(() => {
      for (const solver of [plain(), heavy()]) {
        const x = input(
          moduli,
          moduli.map((_, i) => [1 + (i % 5), -i / 8, 2]),
        )
        const run = (compaction: false | { every: number }) =>
          equilibrium(affine(), { solver, tolerance: 1e-5, maxSteps: 3000, compaction }).solve(x)
        const [together, compacted] = [run(false), run({ every: 4 })]
        expect(compacted.stats.perSample.status).toEqual(together.stats.perSample.status)
        expect([...compacted.stats.perSample.steps]).toEqual([...together.stats.perSample.steps])
        // Row by row the same float32 operations in the same order: equal to the bit.
        expect(numbers(compacted.state)).toEqual(numbers(together.state))
        expect(compacted.stats.sampleEvaluations).toBeLessThan(together.stats.sampleEvaluations / 4)
      }
    }))
  test('a coupled operator is never compacted, says so, and ends when all rows agree', () =>
    leakless(() => {
      // z_b = 0.5 z_b + 0.4 mean(z) + b: the rows pull each other.
      const coupled = defineOperator({
        name: 'coupled',
        traits: { rowwise: false },
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.add(tf.mul(z, 0.5), tf.mul(tf.mean(z, 0, true), 0.4)), x),
      })
      const { state, stats } = equilibrium(coupled, { solver: plain(), tolerance: 1e-6, maxSteps: 400 }).solve(
        tf.tensor2d([[0], [1], [5]]),
      )
      expect(stats.notes.join()).toMatch(/no compaction: operator "coupled"/)
      expect(stats.sampleEvaluations).toBe(3 * stats.evaluations)
      // mean m: m = 0.9 m + 2, so m = 20; z_b = 2 (8 + b). Frozen rows would have been left with a stale mean.
      // error ≤ residual · ‖z‖ / (1 − 0.9) ≤ 1e-6 · 26 / 0.1
      numbers(state).forEach((v, i) => expect(Math.abs(v - 2 * (8 + [0, 1, 5][i]!))).toBeLessThan(3e-4))
    }))
  test('a solver that remembers something that is not one row per sample is told so', () =>
    leakless(() => {
      const solver: Solver = {
        ...plain(),
        init: () => tf.zeros([5]),
        step: (problem, z, memory) => ({ ...plain().step(problem, z, null), memory }),
      }
      const x = input([0.1, 0.2, 0.3, 0.99])
      expect(() => equilibrium(affine(), { solver, maxSteps: 500 }).solve(x)).toThrow(
        /remembers a tensor \(5\) for a batch of 4/,
      )
    }))
})

test('drive() borrows its start and owns nothing but its answer', () =>
  leakless(() => {
    const problem = bindProblem(affine(), input([0.5, 0.9]), referenceKernels).problem
    const z0: Vector = tf.zeros([2, 2])
    const before = tf.memory().numTensors
    const { z } = drive(problem, heavy(), z0, { stop: residualBelow(1e-6), maxSteps: 300 })
    expect(tf.memory().numTensors).toBe(before + 1)
    expect(z0.isDisposed).toBe(false)
    z.dispose()
  }))
