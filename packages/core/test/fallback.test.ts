import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Fallback, Memory, Solver, StopRule, Vector } from '@equilibria/spec'
import { anyOf, bindProblem, defineOperator, equilibrium, iterate, nonFinite, referenceKernels } from '@equilibria/core'
import { affine, type Affine, heavy, leakless, linear, plain } from './helpers.ts'

const numbers = (t: tf.Tensor) => Array.from(t.dataSync())
const input = (a: number[]): Affine => ({ a: tf.tensor2d(a, [a.length, 1]), b: tf.ones([a.length, 1]) })

/** Goes where the script says, row by row: row `b` is at `script[b][k]` after `k` steps. */
const scripted = (script: number[][]): Solver => ({
  kind: 'solver',
  spec: 1,
  name: 'scripted',
  init: (): Memory => ({ script: tf.tensor2d(script), k: 0 }),
  step: (problem, z, memory) => {
    const { script: all, k } = memory as { readonly script: Vector; readonly k: number }
    return {
      next: tf.slice(all, [0, k], [-1, 1]),
      residual: tf.sub(problem.apply(z), z),
      memory: { script: all, k: k + 1 },
    }
  },
})
/** `z ← z + β r`: with β < 2 / (1 − a) it converges where `plain()` does not. */
const damped = (beta: number): Solver => ({
  ...plain(),
  name: `damped(${beta})`,
  step: (problem, z) => {
    const residual: Vector = tf.sub(problem.apply(z), z)
    return { next: tf.add(z, tf.mul(residual, beta)), residual, memory: null }
  },
})
const then = (solver: Solver, after: Fallback): Solver => ({ ...solver, name: 'chain', after })
const leaveAt = (step: number): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: 'leave',
  start: () => (seen) => (seen.step >= step ? 'stagnated' : undefined),
})

describe('answer: best', () => {
  // z = z/2 + 1 has the answer 2; |r| = |1 − z/2|, relative to max(|z|, 1). Row 1 is done after one step.
  const script = [
    [1.9, 5, 1.5, 9, 7],
    [2, 2, 2, 2, 2],
    [9, 8, 2.1, 5, 1],
  ]
  const half = () => input([0.5, 0.5, 0.5])
  const residualAt = (z: number) => Math.abs(1 - z / 2) / Math.max(Math.abs(z), 1)
  const run = (answer: 'best' | 'last' | undefined, compaction: false | { every: number; below: number }, steps = 5) =>
    equilibrium(affine(), {
      solver: { ...scripted(script), ...(answer ? { answer } : {}) },
      compaction,
    }).solve(half(), { steps })
  test('a row that ends unsolved gets its best state and that residual; compaction or not', () =>
    leakless(() => {
      for (const compaction of [false, { every: 1, below: 1 }, { every: 3, below: 1 }] as const) {
        const { state, stats } = run('best', compaction)
        expect(numbers(state)).toEqual(numbers(tf.tensor1d([1.9, 2, 2.1])))
        expect(stats.perSample.status).toEqual(['max-steps', 'converged', 'max-steps'])
        ;[1.9, 2, 2.1].forEach((z, b) => expect(stats.perSample.residual[b]).toBeCloseTo(residualAt(z), 6))
      }
    }))
  test('the last state stays the default', () =>
    leakless(() => {
      for (const answer of ['last', undefined] as const)
        expect(numbers(run(answer, { every: 1, below: 1 }).state)).toEqual([7, 2, 1])
    }))
  test('the state proposed by the last step is looked at too', () =>
    leakless(() => {
      expect(numbers(run('best', false, 3).state)[2]).toBeCloseTo(2.1, 6)
    }))
  test('on abort, and when the time is out', () =>
    leakless(() => {
      const solver: Solver = { ...scripted(script), answer: 'best' }
      const stop = new AbortController()
      const layer = equilibrium(affine(), { solver })
      const aborted = layer.solve(half(), { signal: stop.signal, onProgress: ({ step }) => step === 4 && stop.abort() })
      expect(aborted.stats.perSample.status).toEqual(['aborted', 'converged', 'aborted'])
      expect(numbers(aborted.state)).toEqual(numbers(tf.tensor1d([1.9, 2, 2.1])))
      const late: StopRule = { ...leaveAt(0), start: () => (seen) => (seen.step === 3 ? 'out-of-time' : undefined) }
      expect(numbers(layer.solve(half(), { stop: late }).state)[0]).toBeCloseTo(1.9, 6)
    }))
  test('a divergent row is answered with where it was closest, NaN with the last finite state', () =>
    leakless(() => {
      const solver: Solver = { ...plain(), answer: 'best' }
      const { state, stats } = equilibrium(affine(), { solver, maxSteps: 500 }).solve(input([-2, 0.5]))
      expect(stats.perSample.status).toEqual(['diverged', 'converged'])
      expect(numbers(state)[0]).toBe(0) // the residual grows from the start
      expect(stats.perSample.residual[0]).toBe(1)
      const bad: Solver = { ...scripted([[1.9, Number.NaN, 0]]), answer: 'best' }
      const nan = equilibrium(affine(), { solver: bad }).solve(input([0.5]))
      expect([nan.status, numbers(nan.state)[0]]).toEqual(['non-finite', Math.fround(1.9)])
    }))
})

describe('after: a polyalgorithm', () => {
  // plain() solves |a| < 1 and diverges elsewhere; damped(0.3) solves −5.67 < a < 1.
  const moduli = [0.5, -2, 0.3, -3, 0.9, -1.5]
  const chain = (extra: Partial<Fallback> = {}) => then(plain(), { solver: damped(0.3), ...extra })
  const options = { tolerance: 1e-5, maxSteps: 400 }
  const solve = (a: number[], solver = chain(), more: object = {}) =>
    equilibrium(affine(), { solver, ...options, ...more }).solve(input(a))
  test('rows that the first method fails on go on, the others finish as they are', () =>
    leakless(() => {
      for (const compaction of [undefined, false] as const) {
        const more = compaction === undefined ? {} : { compaction }
        const { state, status, stats } = solve(moduli, chain(), more)
        expect(status).toBe('converged')
        // error ≤ residual / (1 − a) = 1e-5 · 10 / 0.1
        numbers(state).forEach((z, b) => expect(Math.abs(z - 1 / (1 - moduli[b]!))).toBeLessThan(1e-3))
        const tried = stats.perSample.tried!
        expect(tried.map((t) => t.map((a) => `${a.solver}: ${a.status}`))).toEqual(
          moduli.map((a) => (a > 0 ? ['chain: converged'] : ['chain: diverged', 'damped(0.3): converged'])),
        )
        tried.forEach((t, b) => expect(t.reduce((s, a) => s + a.steps, 0)).toBe(stats.perSample.steps[b]))
        expect(stats.notes.join()).toMatch(/chain: 6 samples, 3 went on \(3 diverged\); damped\(0\.3\): 3 samples/)
        expect(stats.steps).toBe(Math.max(...stats.perSample.steps))
      }
    }))
  test('a row does not know its mates: the same answer, steps and attempts alone', () =>
    leakless(() => {
      const together = solve(moduli)
      moduli.forEach((a, b) => {
        const alone = solve([a])
        expect(numbers(alone.state)[0]).toBe(numbers(together.state)[b]) // element-wise: equal to the bit
        expect(alone.stats.perSample.tried![0]).toEqual(together.stats.perSample.tried![b])
      })
    }))
  test('finished rows cost nothing in the next attempt', () =>
    leakless(() => {
      const [few, all] = [solve(moduli), solve(moduli, chain(), { compaction: false })]
      expect(few.stats.sampleEvaluations).toBeLessThan(all.stats.sampleEvaluations)
      expect(few.stats.perSample.steps).toEqual(all.stats.perSample.steps)
    }))
  test('leave ends a method, from says where the next begins, and each has its own rules', () =>
    leakless(() => {
      const first: number[] = []
      const spy: Solver = {
        ...damped(0.3),
        init: (_, z) => {
          first.push(...numbers(z))
          return null
        },
      }
      const by = (from: 'best' | 'start') => solve([0.9], then(plain(), { solver: spy, leave: leaveAt(8), from }))
      const { stats } = by('best')
      expect(stats.perSample.tried![0]!.map(({ status, steps }) => [status, steps])[0]).toEqual(['stagnated', 8])
      expect(by('start').status).toBe('converged')
      expect(first[0]).toBeCloseTo(10 * (1 - 0.9 ** 7), 5) // z₇, measured in the eighth step
      expect(first[1]).toBe(0)
    }))
  test('by default a method that stagnates is left', () =>
    leakless(() => {
      const turning = defineOperator({
        name: 'mirror',
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z, x) => tf.sub(x, z), // period 2; answer x / 2
      })
      const { state, stats } = equilibrium(turning, { solver: chain(), maxSteps: 300 }).solve(tf.ones([2, 1]))
      expect(stats.perSample.tried![0]![0]!.steps).toBeLessThan(60)
      numbers(state).forEach((z) => expect(z).toBeCloseTo(0.5, 3))
    }))
  test('three methods; maxSteps is for all of them, row by row; nobody solved: the best of all', () =>
    leakless(() => {
      const solver = then(plain(), {
        leave: leaveAt(10),
        solver: { ...damped(0.05), name: 'slow', after: { solver: { ...heavy(0), name: 'wild' }, leave: leaveAt(15) } },
      })
      const { state, status, stats } = solve([-2, 0.5, 0.999], solver, { maxSteps: 30, tolerance: 1e-7 })
      expect(status).toBe('max-steps')
      const tried = stats.perSample.tried!
      expect(tried[0]!.map(({ solver: s, steps }) => [s, steps])).toEqual([
        ['chain', 10],
        ['slow', 15],
        ['wild', 5],
      ])
      expect([...stats.perSample.steps]).toEqual([30, tried[1]!.reduce((s, a) => s + a.steps, 0), 30])
      // `wild` runs away from where `slow` came: |r| = |1 − 3z|, and it shrinks by 0.85 in each of 14 steps of `slow`.
      const best = 0.85 ** 14
      expect(stats.perSample.residual[0]).toBeCloseTo(best, 5)
      expect(Math.abs(1 - 3 * numbers(state)[0]!)).toBeCloseTo(best, 5)
    }))
  test('a row that uses its steps up earlier than its mates gets the state after exactly that many', () =>
    leakless(() => {
      const leave: StopRule = {
        ...leaveAt(0),
        start: () => (s) => (s.step >= (s.sample + 1) * 4 ? 'stagnated' : undefined),
      }
      const solver = then(plain(), { solver: damped(0.01), leave, from: 'start' })
      const { stats } = solve([0.9, 0.9], solver, { maxSteps: 10, tolerance: 1e-9 })
      expect([...stats.perSample.steps]).toEqual([10, 10])
      expect(stats.perSample.tried!.map((t) => t.map((a) => a.steps))).toEqual([
        [4, 6],
        [8, 2],
      ])
      // r = 0.999ᵏ after k steps of the second method; each had 1 − 0.1 z at its best before: the first method wins.
      expect(stats.perSample.tried![0]![1]!.residual).toBeCloseTo(0.999 ** 6, 5)
      expect(stats.perSample.tried![1]![1]!.residual).toBeCloseTo(0.999 ** 2, 5)
      expect(stats.perSample.residual[0]).toBeLessThan(0.8)
    }))
  test('a method that is NaN everywhere: the next begins at the start', () =>
    leakless(() => {
      const broken: Solver = {
        ...plain(),
        step: (p, z) => ({
          next: tf.mul(p.apply(z), Number.NaN),
          residual: tf.fill(z.shape, Number.NaN),
          memory: null,
        }),
      }
      const { status, stats } = solve([0.5, -2], then(broken, { solver: damped(0.3) }))
      expect(status).toBe('converged')
      expect(stats.perSample.tried![0]![0]).toMatchObject({ status: 'non-finite', steps: 1, residual: Number.NaN })
    }))
  test('a NaN input stays NaN through every method, and touches no other row', () =>
    leakless(() => {
      const { state, stats } = solve([Number.NaN, -2])
      expect(stats.perSample.status).toEqual(['non-finite', 'converged'])
      expect(numbers(state)[1]).toBe(numbers(solve([-2]).state)[0])
    }))
  test('coupled rows go on together', () =>
    leakless(() => {
      const coupled = defineOperator({
        name: 'coupled',
        traits: { rowwise: false },
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(tf.mean(z, 0, true), -1.5), tf.sub(x, tf.mul(z, 0.5))),
      })
      const { state, stats } = equilibrium(coupled, { solver: chain(), ...options }).solve(tf.tensor2d([[1], [2]]))
      expect(stats.perSample.tried!.map((t) => t.length)).toEqual([2, 2])
      // 1.5 z + 1.5 m = x, so m = 1.5 / 3 and z = x / 1.5 − m
      ;[1, 2].forEach((x, b) => expect(numbers(state)[b]).toBeCloseTo(x / 1.5 - 0.5, 3))
    }))
  test('progress, trace, exit and abort run through all methods', () =>
    leakless(() => {
      const seen: number[] = []
      const layer = equilibrium(affine(), { solver: chain(), ...options })
      const { stats } = layer.solve(input(moduli), { trace: true, onProgress: ({ step }) => seen.push(step) })
      expect(seen).toEqual(seen.map((_, i) => i + 1))
      expect(stats.trace.length).toBe(seen.length)
      const stop = new AbortController()
      const at = Math.max(...stats.perSample.tried!.map((t) => t[0]!.steps))
      const aborted = layer.solve(input(moduli), {
        signal: stop.signal,
        onProgress: ({ step }) => step === at + 3 && stop.abort(),
      })
      expect(aborted.stats.perSample.status).toEqual(moduli.map((a) => (a > 0 ? 'converged' : 'aborted')))
      expect(aborted.stats.perSample.tried![1]!.map((t) => t.steps).at(-1)).toBe(3)
      const between = layer.solve(input(moduli), {
        signal: AbortSignal.any([stop.signal]),
      })
      expect(between.stats.steps).toBe(0)
      const { stats: left } = layer.solve(input(moduli), {
        exit: { kind: 'exit-rule', spec: 1, name: 'e', start: () => (s) => s.rows.map(() => s.step > at + 2) },
      })
      expect(left.perSample.status).toEqual(moduli.map((a) => (a > 0 ? 'converged' : 'exited')))
    }))
  test('asynchronously the same, and nothing left of a loop that is abandoned or fails in any attempt', async () => {
    const before = tf.memory().numTensors
    const x = input(moduli)
    const layer = equilibrium(affine(), { solver: chain(), ...options })
    const [now, later] = [layer.solve(x), await layer.solveAsync(x)]
    expect(numbers(later.state)).toEqual(numbers(now.state))
    tf.dispose([now.state, later.state])
    const held = tf.memory().numTensors
    for (let at = 1; at <= now.stats.evaluations; at++) {
      let calls = 0
      const failing = affine((z, xx) => {
        if (++calls === at) throw new Error('boom')
        return linear(z, xx)
      })
      expect(() => equilibrium(failing, { solver: chain(), ...options }).solve(x)).toThrow('boom')
      expect(tf.memory().numTensors).toBe(held)
    }
    tf.tidy(() => {
      const { problem, start } = bindProblem(affine(), x, referenceKernels)
      const bound = tf.memory().numTensors
      for (let at = 1; at < 24; at += 3) {
        // twelve steps per method
        for (const { step } of iterate(problem, chain(), start, {
          stop: anyOf(nonFinite(), leaveAt(12)),
          maxSteps: 40,
        }))
          if (step === at) break
        expect(tf.memory().numTensors).toBe(bound)
      }
    })
    tf.dispose(x)
    expect(tf.memory().numTensors).toBe(before)
  })
  test('several starts keep their attempts', () =>
    leakless(() => {
      const layer = equilibrium(affine(), { solver: chain(), ...options })
      const { stats, status } = layer.solve(input(moduli), { breadth: { starts: 3 } })
      expect(status).toBe('converged')
      expect(stats.perSample.tried!.length).toBe(moduli.length)
    }))
})

test('what a fallback needs is checked with what the first method needs; a chain may close', () =>
  leakless(() => {
    const needy: Solver = { ...plain(), name: 'needy', requires: { traits: ['monotone'] } }
    const layer = () => equilibrium(affine(), { solver: then(plain(), { solver: needy }) })
    expect(layer).toThrow(/Solver "needy" needs the trait "monotone"/)
    const round = { ...plain(), name: 'round', after: undefined as unknown as Fallback }
    const closed: Solver = Object.assign(round, { after: { solver: round, leave: leaveAt(5) } })
    const { stats } = equilibrium(affine(), { solver: closed, maxSteps: 23 }).solve(input([-2]))
    expect(stats.perSample.tried![0]!.map((a) => a.steps)).toEqual([5, 5, 5, 5, 3])
  }))

test('coupled rows answered with their best state have it from one step, and one word for it', () =>
  leakless(() => {
    // Row 0 alone would be done at once; row 1 never is. z₁ grows, z₀ follows it a little.
    const coupled = defineOperator({
      name: 'coupled',
      traits: { rowwise: false },
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) =>
        tf.add(tf.mul(tf.reverse(z, 0), tf.tensor2d([[1e-8], [0]])), tf.add(x, tf.mul(z, tf.tensor2d([[0], [-3]])))),
    })
    const { state, stats } = equilibrium(coupled, { solver: { ...plain(), answer: 'best' }, maxSteps: 200 }).solve(
      tf.tensor2d([[0], [1]]),
    )
    expect(new Set(stats.perSample.status).size).toBe(1)
    expect(numbers(state)).toEqual([0, 0]) // the worst residual is smallest at the start: 1
    expect([...stats.perSample.residual]).toEqual([0, 1])
  }))
