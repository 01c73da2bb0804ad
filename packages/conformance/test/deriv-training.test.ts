import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Operator } from '@equilibria/spec'
import { defineOperator, EquilibriaError, equilibrium } from '@equilibria/core'
import { fixedPointCorrection, implicit, mixedInitial, variationalDropout } from '@equilibria/implicit-diff'
import { anderson, picard } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { leakless, off, slopes, square, tensorDeq, W3, X2 } from './deriv-support.ts'

const code = (f: () => unknown): unknown => {
  try {
    f()
  } catch (error) {
    return EquilibriaError.is(error) ? error.code : error
  }
  return 'nothing thrown'
}
const x2 = (): tf.Tensor2D => tf.tensor2d(X2.map((r) => [...r]))

describe('fixedPointCorrection', () => {
  const step = (w: readonly number[], x: readonly number[], z: readonly number[]) =>
    x.map((xi, i) => Math.tanh(xi + z.reduce((s, zj, j) => s + zj * w[3 * j + i]!, 0)))
  const repeated = (w: readonly number[], x: readonly number[], z: readonly number[], k: number) =>
    Array.from({ length: k }).reduce<readonly number[]>((s) => step(w, x, s), z)
  const at = [1, 2, 5]
  /** `Σᵢ wᵢ Σ_b ½ ‖Gᵏ(z_i)‖²` with `z_i` after `at[i]` Picard steps at `W3`, held fixed; float64. */
  const surrogate = (weights: readonly number[], k: number) => (w: readonly number[]) =>
    X2.flatMap((x) =>
      at.map((t, i) => {
        const y = repeated(w, x, repeated(W3.flat(), x, [0, 0, 0], t), k)
        return (weights[i]! / 2) * y.reduce((s, v) => s + v * v, 0)
      }),
    ).reduce((a, b) => a + b, 0)
  const loss = (z: tf.Tensor): tf.Scalar => tf.mul(tf.sum(tf.square(z)), 0.5)

  test.each([
    ['exponential', undefined, [0.64, 0.8, 1]],
    ['exponential', 0.5, [0.25, 0.5, 1]],
    ['linear', undefined, [0.4, 0.7, 1]],
    ['linear', 0.3, [0.8, 0.9, 1]],
    ['constant', undefined, [1, 1, 1]],
    [[3, 0, -1], undefined, [3, 0, -1]],
  ] as const)('weights %s, decay %s: value and gradient of the surrogate', (weights, decay, want) =>
    leakless(() => {
      const W = tf.variable<tf.Rank.R2>(tf.tensor2d(square(W3.flat())))
      const layer = equilibrium(tensorDeq(W), { solver: picard() })
      for (const recorded of [1, 3]) {
        const options = { at, weights, recorded, ...(decay === undefined ? {} : { decay }) }
        const run = () => fixedPointCorrection(layer, x2(), options, loss)
        const { value, grads } = tf.variableGrads(run, [W])
        const host = surrogate(want, recorded)
        expect(off(value, [host(W3.flat())])).toBeLessThan(1e-6)
        expect(off(run(), [host(W3.flat())])).toBeLessThan(1e-6) // off any tape, the same
        expect(off(Object.values(grads)[0]!, slopes(host, W3.flat()))).toBeLessThan(2e-6)
      }
      W.dispose()
    }),
  )
  test('the loss is told which state it sees; starts elsewhere if asked', () =>
    leakless(() => {
      const layer = equilibrium(tensorDeq(tf.zeros([3, 3])), { solver: picard() })
      const seen: number[] = []
      const far = tf.ones([2, 3]) as tf.Tensor2D
      fixedPointCorrection(layer, x2(), { at: [0, 3], initial: far }, (z, i) => {
        seen.push(i)
        return loss(z)
      })
      expect(seen).toEqual([0, 1])
      const linear = equilibrium(
        defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'half',
          initial: (x) => tf.zerosLike(x),
          apply: (z) => tf.mul(z, 0.5),
        }),
        { solver: picard() },
      )
      const value = fixedPointCorrection(linear, far, { at: [1], initial: far }, (z) => tf.sum(z))
      expect(value.dataSync()[0]).toBe(6 * 0.25)
    }))
  test('errors are named, its gradient has none, and nothing is left', () => {
    const W = tf.tensor2d(square(W3.flat()))
    const x = x2()
    const before = tf.memory().numTensors
    const layer = equilibrium(tensorDeq(W), { solver: picard() })
    const run = (options: object) => code(() => fixedPointCorrection(layer, x, { at, ...options }, loss))
    expect(run({ at: [] })).toBe('option')
    expect(run({ at: [2, 1] })).toBe('option')
    expect(run({ weights: [1, 2] })).toBe('option')
    expect(run({ weights: 'quadratic' })).toBe('option')
    expect(run({ weights: 'constant', decay: 0.5 })).toBe('option')
    expect(run({ decay: 2 })).toBe('option')
    expect(run({ recorded: 0 })).toBe('option')
    const fails = () =>
      tf.grad((t: tf.Tensor) =>
        fixedPointCorrection(layer, t as tf.Tensor2D, { at }, (z, i) => {
          if (i === 2) throw new Error('boom')
          return loss(z)
        }),
      )(x)
    expect(code(fails)).toMatchObject({ message: 'boom' })
    const first = tf.grad((t: tf.Tensor) => fixedPointCorrection(layer, t as tf.Tensor2D, { at }, loss))
    expect(code(() => tf.grad((t: tf.Tensor) => tf.sum(tf.square(first(t))))(x))).toBe('gradient')
    expect(tf.memory().numTensors - before).toBe(0)
    tf.dispose([W, x])
  })
})

type Input = { readonly x: tf.Tensor2D; readonly keys: tf.Tensor2D }
describe('variationalDropout', () => {
  const operatorOf = (
    dropout: ReturnType<typeof variationalDropout>,
    n: number,
    W?: tf.Tensor,
  ): Operator<tf.Tensor2D, Input> => ({
    kind: 'operator',
    spec: 1,
    name: 'dropped',
    traits: {},
    bind: ({ x, keys }) => {
      const drop = dropout.draw(keys, [n])
      return {
        initial: () => tf.zerosLike(x),
        apply: (z) => tf.add(tf.mul(drop(W ? tf.matMul(z, W as tf.Tensor2D) : z), 0.25), x) as tf.Tensor2D,
      }
    },
  })
  test('one mask for the whole solve and its gradient: the fixed point and slope of that one map', () =>
    leakless(() => {
      const dropout = variationalDropout({ rate: 0.5, seed: 1 })
      const layer = equilibrium(operatorOf(dropout, 8), {
        solver: anderson(),
        gradient: implicit({ solver: gmres(), onFailure: 'throw' }),
        tolerance: 1e-6,
      })
      const keys = dropout.keys(3)
      const x = tf.ones([3, 8]) as tf.Tensor2D
      const { state, status } = layer.solve({ x, keys })
      expect(status).toBe('converged')
      const z = Array.from(state.dataSync(), (v) => Math.round(v * 1e4) / 1e4)
      expect(new Set(z)).toEqual(new Set([1, 2])) // dropped: 1; kept: z = 2 · z / 4 + 1
      const slope = tf.grad((t: tf.Tensor) => tf.sum(layer.solve({ x: t as tf.Tensor2D, keys }).state))(x)
      expect(off(slope, z)).toBeLessThan(1e-4) // rounding to 4 digits above; dz/dx = z here, z being linear in x
      expect(off(layer.solve({ x, keys }).state, z)).toBeLessThan(1e-4) // the same keys, the same masks
    }))
  test('a sample keeps its mask when finished samples leave the batch, and alone', () =>
    leakless(() => {
      const dropout = variationalDropout({ rate: 0.3, seed: 4 })
      const keys = dropout.keys(6)
      // Rows of very different sizes finish at different times.
      const x = tf.mul(tf.ones([6, 5]), tf.tensor2d([[1e-6], [1], [1e-5], [100], [1e-4], [10]])) as tf.Tensor2D
      const run = (compaction: false | { every: number; below: number }, input: Input) =>
        equilibrium(operatorOf(dropout, 5), { solver: picard(), compaction, tolerance: 1e-6 }).solve(input)
      const whole = run(false, { x, keys })
      const parts = run({ every: 1, below: 1 }, { x, keys })
      expect(parts.stats.sampleEvaluations).toBeLessThan(whole.stats.sampleEvaluations)
      expect([...parts.state.dataSync()]).toEqual([...whole.state.dataSync()])
      const alone = run(false, { x: tf.slice(x, [3, 0], [1, -1]), keys: tf.slice(keys, [3, 0], [1, -1]) })
      expect([...alone.state.dataSync()]).toEqual([...tf.slice(whole.state, [3, 0], [1, -1]).dataSync()])
    }))
  test('masks: the share dropped, the mean kept, neighbours unrelated, sites apart, channels whole', () =>
    leakless(() => {
      const rate = 0.3
      const dropout = variationalDropout({ rate, seed: 9 })
      const [rows, n] = [200, 500]
      const keys = dropout.keys(rows)
      const ones = tf.ones([rows, n])
      const mask = dropout.draw(keys, [n])(ones).dataSync()
      const N = rows * n
      const dropped = mask.filter((v) => v === 0).length / N
      // Four standard errors of a share and of a covariance of N fair trials.
      expect(Math.abs(dropped - rate)).toBeLessThan(4 * Math.sqrt((rate * (1 - rate)) / N))
      expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]))
      const lag = (d: number, other = mask) => {
        let s = 0
        for (let i = 0; i + d < N; i++) s += (Number(mask[i] === 0) - rate) * (Number(other[i + d] === 0) - rate)
        return Math.abs(s / N)
      }
      const noise = (4 * rate * (1 - rate)) / Math.sqrt(N)
      for (const d of [1, 2, n, n + 1]) expect(lag(d)).toBeLessThan(noise)
      expect(lag(0, dropout.draw(keys, [n], 1)(ones).dataSync() as Float32Array)).toBeLessThan(noise)
      const channels = dropout
        .draw(
          tf.slice(keys, [0, 0], [1, 1]),
          [4, 1, 1],
        )(tf.ones([1, 4, 2, 3]))
        .dataSync()
      for (let c = 0; c < 4; c++) expect(new Set(channels.slice(6 * c, 6 * c + 6)).size).toBe(1)
    }))
  test('rate 0 and keys that are off change nothing, to the bit; seeds repeat; off rows among others', () =>
    leakless(() => {
      const t = tf.randomNormal([2, 4], 0, 1, 'float32', 1)
      const none = variationalDropout({ rate: 0 })
      expect(none.draw(none.keys(2), [4])(t)).toBe(t)
      const dropout = variationalDropout({ rate: 0.5, seed: 3 })
      expect(dropout.draw(dropout.off(2), [4])(t)).toBe(t)
      const [a, b] = [dropout.keys(2), dropout.keys(2)]
      expect([...a.dataSync()]).not.toEqual([...b.dataSync()])
      const again = variationalDropout({ rate: 0.5, seed: 3 })
      expect([...again.keys(2).dataSync()]).toEqual([...a.dataSync()])
      const mixed = tf.concat([dropout.off(1), dropout.keys(1)], 0) as tf.Tensor2D
      const out = dropout.draw(mixed, [4])(t).dataSync()
      expect(out.slice(0, 4)).toEqual(t.dataSync().slice(0, 4))
    }))
  test('gradients reach the parameters through the mask, in training steps that leak nothing', () => {
    const dropout = variationalDropout({ rate: 0.4, seed: 2 })
    const W = tf.tidy(() => tf.variable<tf.Rank.R2>(tf.tensor2d(square(W3.flat()))))
    const x = x2()
    const layer = equilibrium(operatorOf(dropout, 3, W), {
      solver: picard(),
      gradient: implicit({ solver: gmres() }),
      tolerance: 1e-6,
    })
    const optimizer = tf.train.sgd(0.1)
    const counts = Array.from({ length: 4 }, () => {
      const keys = dropout.keys(2)
      optimizer.minimize(() => tf.mean(tf.square(layer.solve({ x, keys }).state)) as tf.Scalar, false, [W])
      keys.dispose()
      return tf.memory().numTensors
    })
    expect(new Set(counts).size).toBe(1)
    expect(off(W, W3.flat())).toBeGreaterThan(1e-4)
    tf.dispose([W, x])
    optimizer.dispose()
  })
  test('options and shapes are checked', () =>
    leakless(() => {
      for (const rate of [-0.1, 1, Number.NaN]) expect(code(() => variationalDropout({ rate }))).toBe('option')
      expect(code(() => variationalDropout({ rate: 0.5, seed: 0.5 }))).toBe('option')
      const dropout = variationalDropout({ rate: 0.5 })
      expect(code(() => dropout.keys(0))).toBe('option')
      expect(code(() => dropout.draw(tf.ones([2, 2]) as tf.Tensor2D, [3]))).toBe('shape')
      expect(code(() => dropout.draw(tf.ones([2, 1]) as tf.Tensor2D, [3], -1))).toBe('option')
    }))
})

describe('mixedInitial', () => {
  const kinds = (t: tf.Tensor, last = 7): string[] => {
    const [rows, n] = t.shape as [number, number]
    const v = t.dataSync()
    return Array.from({ length: rows }, (_, b) => {
      const row = Array.from(v.slice(b * n, b * n + n))
      return row.every((e) => e === 0) ? 'zero' : row.every((e) => e === last) ? 'last' : 'normal'
    })
  }
  test('each kind with its frequency, per sample; normal numbers of the deviation asked', () =>
    leakless(() => {
      const rows = 4000
      const like = tf.ones([rows, 5])
      const drawn = mixedInitial({ zero: 1, normal: 2, last: 1, deviation: 3, seed: 1 })(like, tf.fill([rows, 5], 7))
      const seen = kinds(drawn)
      const share = (kind: string) => seen.filter((k) => k === kind).length / rows
      // Four standard errors of a share.
      expect(Math.abs(share('zero') - 0.25)).toBeLessThan(4 * Math.sqrt(0.1875 / rows))
      expect(Math.abs(share('normal') - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / rows))
      const numbers = Array.from(drawn.dataSync()).filter((_, i) => seen[Math.floor(i / 5)] === 'normal')
      const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length
      const deviation = Math.sqrt(numbers.reduce((a, v) => a + (v - mean) ** 2, 0) / numbers.length)
      expect(Math.abs(mean)).toBeLessThan((4 * 3) / Math.sqrt(numbers.length))
      expect(Math.abs(deviation - 3)).toBeLessThan((4 * 3) / Math.sqrt(2 * numbers.length))
    }))
  test('the seed fixes the sequence; without a last solution the others share its part; trees keep rows together', () =>
    leakless(() => {
      const like = tf.ones([50, 3])
      const [a, b] = [mixedInitial({ seed: 5 }), mixedInitial({ seed: 5 })]
      const first = [...a(like).dataSync()]
      expect([...b(like).dataSync()]).toEqual(first)
      expect([...a(like).dataSync()]).not.toEqual(first)
      const unused = mixedInitial({ zero: 1, normal: 0, last: 5 })(like)
      expect(new Set(kinds(unused))).toEqual(new Set(['zero']))
      const tree = { h: tf.ones([50, 2]), c: [tf.ones([50, 2, 2])] } as const
      const drawn = mixedInitial({ seed: 2 })(tree)
      expect(kinds(drawn.h)).toEqual(kinds(tf.reshape(drawn.c[0], [50, 4])))
      expect(new Set(kinds(drawn.h)).size).toBe(2)
    }))
  test('a contraction ends at one state from every start', () =>
    leakless(() => {
      const layer = equilibrium(tensorDeq(tf.tensor2d(square(W3.flat()))), { solver: picard(), tolerance: 1e-6 })
      const want = [...layer.solve(x2()).state.dataSync()]
      const starts = mixedInitial({ zero: 0, deviation: 2, seed: 1 })
      for (let i = 0; i < 3; i++) {
        const { state } = layer.solve(x2(), { initial: starts(x2()) })
        expect(off(state, want)).toBeLessThan(1e-5)
      }
    }))
  test('options are checked, and nothing is left', () =>
    leakless(() => {
      const like = tf.ones([2, 2])
      expect(code(() => mixedInitial({ zero: 0, normal: 0 }))).toBe('option')
      expect(code(() => mixedInitial({ normal: -1 }))).toBe('option')
      expect(code(() => mixedInitial({ deviation: Number.NaN }))).toBe('option')
      expect(code(() => mixedInitial({ seed: 1.5 }))).toBe('option')
      expect(code(() => mixedInitial({ zero: 0, normal: 0, last: 1 })(like))).toBe('option')
      expect(code(() => mixedInitial()(like, tf.ones([3, 2])))).toBe('shape')
    }))
})
