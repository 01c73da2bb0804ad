import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  atLeast,
  defineOperator,
  divergence,
  EquilibriaError,
  equilibrium,
  residualBelow,
  stagnation,
  timeBudget,
} from '@equilibria/core'
import { affine, leakless, plain } from './helpers.ts'

/** The message of the branded error that `fn` is refused with; empty when it is not. */
const refusal = (fn: () => unknown): string => {
  try {
    fn()
  } catch (error) {
    return EquilibriaError.is(error) ? error.message : ''
  }
  return ''
}
const x = () => ({ a: tf.tensor2d([[0.5]]), b: tf.tensor2d([[1, 2]]) })

describe('options that make no sense are refused by name', () => {
  const solver = plain()
  for (const bad of [-1, Number.NaN]) {
    test(`a tolerance of ${bad}`, () =>
      leakless(() => {
        expect(refusal(() => equilibrium(affine(), { solver, tolerance: bad }))).toMatch(/tolerance.*is (-1|NaN)/)
        expect(refusal(() => equilibrium(affine(), { solver }).solve(x(), { tolerance: bad }))).toMatch(/tolerance/)
        expect(refusal(() => residualBelow(bad))).toMatch(/tolerance/)
        expect(refusal(() => residualBelow(1, { absolute: bad }))).toMatch(/absolute/)
        expect(refusal(() => timeBudget(bad))).toMatch(/ms/)
        expect(refusal(() => equilibrium(affine(), { solver }).solve(x(), { budget: { ms: bad } }))).toMatch(/budget/)
      }))
  }
  for (const bad of [-1, 2.5, Number.NaN, Number.POSITIVE_INFINITY])
    test(`${bad} steps`, () =>
      leakless(() => {
        expect(refusal(() => equilibrium(affine(), { solver, maxSteps: bad }))).toMatch(/maxSteps/)
        expect(refusal(() => equilibrium(affine(), { solver }).solve(x(), { steps: bad }))).toMatch(/steps/)
        expect(refusal(() => equilibrium(affine(), { solver, compaction: { every: bad } }))).toMatch(/compaction.every/)
        expect(refusal(() => equilibrium(affine(), { solver }).solve(x(), { breadth: { starts: bad } }))).toMatch(
          /breadth.starts/,
        )
        expect(refusal(() => stagnation({ window: bad }))).toMatch(/window/)
        expect(refusal(() => atLeast(bad, residualBelow(1)))).toMatch(/atLeast/)
      }))
  test('factors, ratios and shares', () => {
    expect(refusal(() => divergence(0.5))).toMatch(/divergence/)
    expect(refusal(() => stagnation({ ratio: 2 }))).toMatch(/ratio/)
    expect(refusal(() => equilibrium(affine(), { solver, compaction: { below: 1.5 } }))).toMatch(/below/)
  })
  test('two options of which one would be ignored', () =>
    leakless(() => {
      const stop = residualBelow(1e-3)
      expect(refusal(() => equilibrium(affine(), { solver, stop, tolerance: 1 }))).toMatch(
        /both "tolerance" and "stop"/,
      )
      expect(refusal(() => equilibrium(affine(), { solver }).solve(x(), { stop, tolerance: 1 }))).toMatch(/both/)
      expect(refusal(() => equilibrium(affine(), { solver }).solve(x(), { steps: 1, maxSteps: 1 }))).toMatch(/both/)
      expect(refusal(() => equilibrium(affine(), { solver }).solve(x(), { onBackward: () => {} }))).toMatch(
        /without a gradient/,
      )
    }))
  test('depths of a trajectory', () =>
    leakless(() => {
      const layer = equilibrium(affine(), { solver })
      for (const bad of [[], [2, 1], [1, 1], [-1], [0.5], [Number.NaN]])
        expect(refusal(() => layer.trajectory(x(), bad))).toMatch(/depths/)
    }))
  test('what a solver requires', () => {
    expect(
      refusal(() => equilibrium(affine(), { solver: { ...solver, requires: { traits: ['symmetric'] } } })),
    ).toMatch(/trait "symmetric"/)
    expect(
      refusal(() => equilibrium(affine(), { solver: { ...solver, requires: { features: ['float64'] } } })),
    ).toMatch(/feature "float64"/)
  })
})

describe('states', () => {
  type Two = { readonly p: tf.Tensor2D; readonly q: tf.Tensor2D }
  const two = (apply: (z: Two) => { p: tf.Tensor; q: tf.Tensor }) =>
    defineOperator<Two, { x: tf.Tensor2D }>({
      name: 'two',
      initial: ({ x }) => ({ p: tf.zerosLike(x), q: tf.zerosLike(x) }),
      apply,
    })
  test('leaves are matched by key, not by the order in which apply writes them', () =>
    leakless(() => {
      const swapped = two(({ p, q }) => ({ q: tf.add(tf.mul(q, 0.5), 2), p: tf.add(tf.mul(p, 0.5), 1) }))
      const { state } = equilibrium(swapped, { solver: plain(), tolerance: 1e-6 }).solve({ x: tf.ones([1, 1]) })
      expect(state.p.dataSync()[0]).toBeCloseTo(2, 4)
      expect(state.q.dataSync()[0]).toBeCloseTo(4, 4)
    }))
  test('rank 1 and rank 4 leaves', () =>
    leakless(() => {
      const ranks = defineOperator({
        name: 'ranks',
        initial: (x: tf.Tensor1D) => ({ flat: tf.zerosLike(x), deep: tf.zeros<tf.Rank.R4>([x.shape[0], 2, 1, 3]) }),
        apply: ({ flat, deep }, x) => ({ flat: tf.add(tf.mul(flat, 0.5), x), deep: tf.mul(tf.add(deep, 1), 0.5) }),
      })
      const { state } = equilibrium(ranks, { solver: plain(), tolerance: 1e-6 }).solve(tf.tensor1d([1, 2, 3]))
      expect(state.flat.shape).toEqual([3])
      expect(state.deep.shape).toEqual([3, 2, 1, 3])
      expect(state.flat.dataSync()[2]).toBeCloseTo(6, 4)
    }))
  test('shapes and structures that do not fit are named on both sides', () =>
    leakless(() => {
      const solve = (op: ReturnType<typeof two>, options = {}) =>
        equilibrium(op, { solver: plain() }).solve({ x: tf.ones([2, 3]) }, options)
      expect(refusal(() => solve(two(({ p }) => ({ p }) as never)))).toMatch(
        /turned a state \{ p: \(2,3\), q: \(2,3\) \} into \{ p: \(2,3\) \}/,
      )
      expect(refusal(() => solve(two(({ p, q }) => ({ p, q: tf.slice(q, 0, 1) }))))).toMatch(/into/)
      const good = two(({ p, q }) => ({ p, q }))
      expect(refusal(() => solve(good, { initial: { p: tf.ones([2, 3]), other: tf.ones([2, 3]) } }))).toMatch(
        /initial state/,
      )
      expect(refusal(() => solve(good, { initial: { p: tf.ones([2, 3]), q: tf.ones([1, 3]) } }))).toMatch(
        /initial state/,
      )
    }))
  test('empty batches and whole-number states', () =>
    leakless(() => {
      const of = (initial: () => tf.Tensor2D) =>
        equilibrium(
          defineOperator({ name: 'odd', initial: (x: tf.Tensor2D) => (x.size > 0 ? initial() : x), apply: (z) => z }),
          {
            solver: plain(),
          },
        )
      expect(refusal(() => of(() => tf.zeros([0, 3])).solve(tf.ones([1, 1])))).toMatch(/empty/)
      const rounding = defineOperator({
        name: 'rounding',
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z) => tf.cast(z, 'int32'),
      })
      expect(refusal(() => equilibrium(rounding, { solver: plain() }).solve(tf.ones([1, 1])))).toMatch(
        /turned a state \(1,1\) into \(1,1\) of int32/,
      )
      expect(refusal(() => of(() => tf.zeros([1, 3], 'int32')).solve(tf.ones([1, 1])))).toMatch(/int32/)
    }))
})

describe('what plain JavaScript may get wrong', () => {
  const make = (options: object) => () => equilibrium(affine(), options as { solver: ReturnType<typeof plain> })
  test('no solver, the factory instead of what it makes, a value of another kind', () => {
    expect(refusal(make({}))).toMatch(/equilibrium\(\{ solver \}\) is undefined, where a solver is needed/)
    expect(refusal(make({ solver: plain }))).toMatch(/is a function.*\n.*Call it: plain\(\)/)
    expect(refusal(make({ solver: { kind: 'linear-solver' } }))).toMatch(/is a linear-solver, where a solver/)
    expect(refusal(make({ solver: null }))).toMatch(/is null/)
    expect(refusal(make({ solver: { name: 'mine' } }))).toMatch(/is an object of no kind/)
    expect(refusal(make({ solver: plain(), gradient: () => 0 }))).toMatch(/equilibrium\(\{ gradient \}\) is a function/)
  })
  test('a gradient where tfjs has none for any op: what to import, not the name of an op of the loss', () => {
    const before = tf.memory().numTensors
    const sum = tf.getGradient('Sum')
    const layer = equilibrium(affine(), {
      solver: plain(),
      gradient: {
        kind: 'gradient',
        spec: 1,
        name: 'plain',
        forward: 'detached',
        attach: ({ z, problem }) => problem.apply(z),
      },
    })
    const { a, b } = x()
    const slope = () => tf.grad((b: tf.Tensor) => tf.sum(layer.solve({ a, b: b as tf.Tensor2D }).state))(b)
    tf.unregisterGradient('Sum')
    try {
      expect(refusal(slope)).toMatch(/none is registered for any op.\n.*import '@equilibria\/tensor\/gradients'/)
      const { state, status } = layer.solve({ a, b }) // which needs none
      state.dispose()
      expect(status).toBe('converged')
    } finally {
      tf.registerGradient(sum)
    }
    tf.dispose([a, b])
    expect(tf.memory().numTensors).toBe(before)
  })
})
