import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Status } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import { affine, type Affine, heavy, leakless, linear, plain } from './helpers.ts'

const input = (a: number[]): Affine => ({ a: tf.tensor2d(a, [a.length, 1]), b: tf.ones([a.length, 1]) })
const numbers = (t: tf.Tensor) => Array.from(t.dataSync())
const spread = [0.1, 0.95, 0.3, 0.6, 0.5, 0.2]
const options = { tolerance: 1e-5, maxSteps: 300, compaction: { every: 2, below: 0.9 } }
const layerOf = (apply = linear) => equilibrium(affine(apply), { solver: heavy(), ...options })

describe('steps()', () => {
  test('the same solve, step by step: numbers, states on demand, and the solution at the end', () =>
    leakless(() => {
      const layer = layerOf()
      const whole = layer.solve(input(spread))
      const seen: (readonly (Status | null)[])[] = []
      const steps = layer.steps(input(spread))
      for (;;) {
        const turn = steps.next()
        if (turn.done) {
          expect(numbers(turn.value.state)).toEqual(numbers(whole.state))
          expect(turn.value.stats.perSample).toEqual(whole.stats.perSample)
          expect(turn.value.stats.evaluations).toBe(whole.stats.evaluations)
          break
        }
        const { step, perSample, active, residual, state } = turn.value
        expect(step).toBe(seen.length + 1)
        expect(active).toBe(perSample.status.filter((s) => s === null).length)
        expect(residual).toBe(Math.max(...perSample.residual))
        seen.push(perSample.status)
        const now = state()
        expect(now.shape).toEqual([6, 1])
        // A sample that is done stands still, whoever has left the batch.
        perSample.status.forEach((s, b) => s && expect(numbers(now)[b]).toBe(numbers(whole.state)[b]))
      }
      expect(seen).toHaveLength(whole.stats.steps - 1) // the last step comes with the solution
      expect(steps.next()).toEqual({ done: true, value: undefined })
    }))
  test('nothing is bound before the first step; what it holds survives the tidy it was advanced in', () => {
    const before = tf.memory().numTensors
    const x = input(spread)
    const steps = layerOf().steps(x)
    expect(tf.memory().numTensors).toBe(before + 2)
    for (let i = 0; i < 8; i++) tf.tidy(() => void steps.next())
    const state = tf.tidy(() => {
      const turn = steps.next()
      return turn.done ? tf.zeros([1]) : turn.value.state()
    })
    expect(state.shape).toEqual([6, 1])
    steps.return()
    steps.return()
    expect(tf.memory().numTensors).toBe(before + 3)
    tf.dispose([x.a, x.b, state])
    expect(tf.memory().numTensors).toBe(before)
  })
  test('abandoned anywhere: by return, by leaving a loop, by dispose, by an exception in G', () => {
    const x = input(spread)
    const before = tf.memory().numTensors
    for (let at = 1; at <= 12; at++) {
      for (const { step } of layerOf().steps(x)) if (step === at) break
      expect(tf.memory().numTensors).toBe(before)
      const steps = layerOf().steps(x)
      for (let i = 0; i < at; i++) steps.next()
      steps[Symbol.dispose]()
      expect(tf.memory().numTensors).toBe(before)
      let calls = 0
      const failing = layerOf((z, xx) => {
        if (++calls === at) throw new Error('boom')
        return linear(z, xx)
      }).steps(x)
      expect(() => {
        for (;;) if (failing.next().done) break
      }).toThrow('boom')
      expect(failing.next().done).toBe(true)
      expect(tf.memory().numTensors).toBe(before)
    }
    tf.dispose([x.a, x.b])
  })
  test('a state is that of its step only', () =>
    leakless(() => {
      const steps = layerOf().steps(input(spread))
      const first = steps.next()
      steps.next()
      expect(() => !first.done && first.value.state()).toThrow(/state\(\) of step 1.*moved on/)
      steps.return()
    }))
  test('not while a gradient is recorded, and not with several starts', () =>
    leakless(() => {
      const x = input(spread)
      const layer = layerOf()
      expect(() => tf.grad((b) => (layer.steps({ ...x, b: b as tf.Tensor2D }), tf.sum(b)))(x.b)).toThrow(/recorded/)
      expect(() => layer.steps(x, { breadth: { starts: 2 } })).toThrow(/breadth/)
    }))
  test('fallbacks: steps count on', () =>
    leakless(() => {
      const layer = equilibrium(affine(), { solver: { ...plain(), after: { solver: heavy(0) } }, maxSteps: 60 })
      const all = [...layer.steps(input([0.5, -2]))].map(({ step }) => step)
      expect(all).toEqual(all.map((_, i) => i + 1))
    }))
})

describe('stream()', () => {
  test('progress with for await, the solution at the end; aborted by its signal; nothing left', async () => {
    const x = input(spread)
    const layer = layerOf()
    const whole = layer.solve(x)
    const before = tf.memory().numTensors
    let last = 0
    const looped = layer.stream(x)
    for await (const { step } of looped) last = step
    expect(last).toBe(whole.stats.steps - 1)
    const found = await looped.result // what a `for await` drops
    expect(numbers(found.state)).toEqual(numbers(whole.state))
    found.state.dispose()
    const stream = layer.stream(x)
    let turn = await stream.next()
    while (!turn.done) turn = await stream.next()
    expect(numbers(turn.value.state)).toEqual(numbers(whole.state))
    turn.value.state.dispose()

    const stop = new AbortController()
    const aborted = layer.stream(x, { signal: stop.signal })
    for (let i = 0; i < 5; i++) await aborted.next()
    stop.abort()
    const end = await aborted.next()
    expect(end.done && end.value.status).toBe('aborted')
    if (end.done) end.value.state.dispose()

    const left = layer.stream(x)
    for await (const { step } of left) if (step === 4) break
    await expect(left.result).rejects.toThrow(/left before its end/)
    const boom = layerOf(() => {
      throw new Error('boom')
    }).stream(x)
    await expect(boom.next()).rejects.toThrow('boom')
    await expect(boom.result).rejects.toThrow('boom')
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([whole.state, x.a, x.b])
  })
  test('gives the event loop its turns, and keeps to a time budget', async () => {
    const x = input([0.999999])
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const layer = equilibrium(affine(), { solver: plain(), maxSteps: 1e6, tolerance: 1e-9 })
    const stream = layer.stream(x, { budget: { ms: 60 } })
    let turn = await stream.next()
    while (!turn.done) turn = await stream.next()
    clearInterval(timer)
    expect(turn.value.status).toBe('out-of-time')
    expect(ticks).toBeGreaterThan(1)
    tf.dispose([turn.value.state, x.a, x.b])
  })
  test('wrong options are refused at the call', () => {
    const x = input([0.5])
    expect(() => layerOf().stream(x, { maxSteps: -1 })).toThrow(/maxSteps/)
    tf.dispose([x.a, x.b])
  })
})
