import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BackwardStats, Memory, Problem, Solver, Vector } from '@equilibria/spec'
import { defineOperator, equilibrium, referenceKernels } from '@equilibria/core'
import { implicit, unrolled } from '@equilibria/implicit-diff'
import {
  anderson,
  andersonI,
  auto,
  bestSoFar,
  bounded,
  broyden,
  damped,
  levenbergMarquardt,
  newtonKrylov,
  picard,
  safeguarded,
} from '@equilibria/solvers'
import { linearize } from '@equilibria/tensor'

let before = 0
beforeEach(() => {
  before = tf.memory().numTensors
})
afterEach(() => expect(tf.memory().numTensors).toBe(before))

const stiff = defineOperator({
  name: 'stiff',
  initial: (x: tf.Tensor2D) => tf.zerosLike(x),
  apply: (z, x) => tf.sub(x, tf.mul(z, 2.5)),
})
const chain = () => auto({ methods: [{ solver: picard({ damping: 0.9 }), patience: 4 }, picard()] })

describe('a wrapper around a chain wraps each of its methods', () => {
  test('damped: the second method is damped too, and named so', () => {
    tf.tidy(() => {
      // z − 0.5 (3.5 z − x): a slope of −0.75, where Picard alone has −2.5; damped by 0.9 · 0.5 it is −0.575.
      const solver = damped(auto({ methods: [{ solver: newtonKrylov(), patience: 1, ratio: 1e-9 }, picard()] }), 0.5)
      const { status, stats } = equilibrium(stiff, { solver, maxSteps: 80 }).solve(tf.tensor2d([[1], [7]]))
      expect(status).toBe('converged')
      expect(stats.solver).toBe('damped(auto)')
      for (const attempts of stats.perSample.tried!)
        expect(attempts.map((a) => a.solver)).toEqual(['damped(newton-krylov)', 'damped(picard)'])
    })
  })
  test.each<[string, (s: Solver) => Solver]>([
    ['bounded', (s) => bounded(s, { lower: -100, upper: 100 })],
    ['safeguarded', (s) => safeguarded(s)],
  ])('%s', (name, wrap) => {
    tf.tidy(() => {
      const { stats } = equilibrium(stiff, { solver: wrap(chain()), maxSteps: 30 }).solve(tf.tensor2d([[1]]))
      const seen = new Set(stats.perSample.tried![0]!.map((a) => a.solver))
      for (const one of seen) expect(one).toBe(`${name}(picard)`)
      expect(stats.perSample.tried![0]!.length).toBe(2)
    })
  })
  test('bestSoFar keeps the names of the methods', () => {
    tf.tidy(() => {
      const { stats } = equilibrium(stiff, { solver: bestSoFar(chain()), maxSteps: 30 }).solve(tf.tensor2d([[1]]))
      expect(stats.perSample.tried![0]!.map((a) => a.solver)).toEqual(['picard', 'picard'])
    })
  })
  test('a chain that closes is wrapped once round', () => {
    const first: Solver = { ...picard(), after: { solver: picard() } } as Solver
    Object.assign(first.after!.solver, { after: { solver: first } })
    const wrapped = damped(first, 0.5)
    expect(wrapped.after!.solver.after!.solver).toBe(wrapped)
  })
})

test('safeguarded: a residual far above the last few is taken back, though near the best still', () => {
  tf.tidy(() => {
    // Picard on z/2 + 1 from 0, thrown to 8 at its fifth step: a residual of 3 after 1/8 and 1/16.
    const thrown: Solver = {
      kind: 'solver',
      spec: 1,
      name: 'thrown',
      init: () => 0,
      step(problem, z, k) {
        const residual: Vector = tf.sub(problem.apply(z), z)
        return { next: k === 4 ? tf.fill([1, 1], 8) : tf.add(z, residual), residual, memory: (k as number) + 1 }
      },
    }
    const layer = equilibrium(
      defineOperator({
        name: 'half',
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
      }),
      { solver: safeguarded(thrown, { window: 2 }), tolerance: 0, maxSteps: 6 },
    )
    // Back at the state of step five, 2 − 1/8, and half its residual of 1/16 further.
    expect(layer.solve(tf.tensor2d([[1]])).state.dataSync()[0]).toBe(2 - 1 / 8 + 1 / 32)
  })
})

test('safeguarded: memories of rows that started anew at different steps are merged again', () => {
  tf.tidy(() => {
    // Maps that throw rows out at irregular steps.
    const apply = (z: Vector): Vector => tf.mul(tf.sin(tf.mul(z, 7)), 5) as Vector
    const batch = 12
    const problem: Problem = {
      batch,
      size: 2,
      traits: {},
      kernels: referenceKernels,
      apply,
      linearize: (z) => linearize(apply, z),
    }
    for (const inner of [
      anderson(),
      anderson({ restart: 4 }),
      broyden({ memory: 4 }),
      broyden({ memory: 4, lineSearch: 'armijo' }),
    ]) {
      const solver = safeguarded(inner, { factor: 1, window: 1, limit: 1 })
      let z: Vector = tf.tensor2d(Array.from({ length: batch }, (_, b) => [0.1 + 0.37 * b, 1 - 0.2 * b]))
      let memory: Memory = solver.init(problem, z)
      let most = 0
      for (let k = 0; k < 80; k++) {
        const step = solver.step(problem, z, memory)
        z = step.next
        memory = step.memory
        most = Math.max(most, (memory as { groups: unknown[] }).groups.length)
      }
      // Ages of up to 5 columns, or places in a round of 4 steps or factors.
      expect(most).toBeGreaterThan(1)
      expect([solver.name, most, most <= 9]).toEqual([solver.name, most, true])
    }
  })
})

test.each<[string, () => Solver]>([
  ['broyden', broyden],
  ['andersonI', andersonI],
  ['newtonKrylov', newtonKrylov],
  ['levenbergMarquardt', levenbergMarquardt],
])('unrolled() through %s, whose steps cannot be recorded, is refused', (name, make) => {
  tf.tidy(() => {
    const half = defineOperator({
      name: 'half',
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
    })
    const layer = equilibrium(half, { solver: make(), gradient: unrolled() })
    const x = tf.tensor2d([[1, 2]])
    expect(() => tf.grad((u) => tf.sum(layer.solve(u as tf.Tensor2D).state))(x)).toThrow(`${name}() was asked to step`)
  })
})

test('an adjoint solver that answers with its best state reports the residual of that state', () => {
  tf.tidy(() => {
    // J = −1.5: the adjoint iteration from v has residuals 1.5, 2.25, …; Newton's method finds the answer all the same.
    const steep = defineOperator({
      name: 'steep',
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) => tf.sub(x, tf.mul(z, 1.5)),
    })
    const chain: Solver = { ...picard(), after: { solver: picard() } }
    for (const solver of [bestSoFar(picard()), chain]) {
      let seen: BackwardStats | undefined
      const gradient = implicit({ solver, maxSteps: 5 })
      const layer = equilibrium(steep, { solver: newtonKrylov(), gradient })
      const x = tf.tensor2d([[1]])
      const onBackward = (stats: BackwardStats) => void (seen = stats)
      tf.grad((u) => tf.sum(layer.solve(u as tf.Tensor2D, { onBackward }).state))(x)
      expect(seen!.residual).toBeCloseTo(1.5, 5)
    }
  })
})
