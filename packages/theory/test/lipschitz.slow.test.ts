import * as tf from '@tensorflow/tfjs-core'
import { defineOperator } from '@equilibria/core'
import { scoped } from '@equilibria/tensor'
import { describe, expect, test } from 'vitest'
import { lipschitzCurve, picardMap } from '@equilibria/theory'
import { truthCases } from './truth.ts'

/* The long runs of lipschitz.test.ts: tapes of 200 to 1 000 steps. */

type Row = tf.Tensor2D
const cases = truthCases()
const numbers = (value: unknown): number[] => value as number[]
const long = (ts: unknown, values: unknown) =>
  numbers(ts).flatMap((t, i) => (t >= 200 ? [{ t, want: numbers(values)[i]! }] : []))

describe.skipIf(!cases)('L_t of many steps', () => {
  test('1/x on [a, 1] and towards 0', () => {
    const { params, truth } = cases!.get('recip_regular')!
    const [a, eta] = [params['a'] as number, params['eta'] as number]
    const reciprocal = defineOperator({
      name: 'reciprocal',
      initial: (x: Row): Row => tf.zerosLike(x),
      apply: (y, x) => tf.sub(y, tf.mul(eta, tf.sub(tf.mul(x, y), 1))),
    })
    const bounded = long(params['t'], truth['L_t_on_a_1'])
    const open = long(params['t'], truth['L_t_sup_open_interval'])
    const steps = bounded.map(({ t }) => t)
    const at = (x: number) =>
      scoped(() => lipschitzCurve(picardMap(reciprocal), tf.tensor2d([[x]]), { steps }).detail.rows)
    const near = at(a)
    bounded.forEach(({ want }, i) => expect(Math.abs(near[i]!.value / want - 1)).toBeLessThan(1e-3))
    expect(near.at(-1)!.residual.max).toBeLessThan(1e-5)
    // At x = 1e-7 the next term is η x t/3 ≤ 2e-5 relatively.
    at(1e-7).forEach(({ value }, i) => expect(Math.abs(value / open[i]!.want - 1)).toBeLessThan(1e-3))
  })

  test('the Kepler equation at M = 0', () => {
    const { params, truth } = cases!.get('kepler')!
    const e = params['e_for_Lt'] as number
    const kepler = defineOperator({
      name: 'kepler',
      initial: (m: Row): Row => tf.zerosLike(m),
      apply: (anomaly, m) => tf.add(m, tf.mul(e, tf.sin(anomaly))),
    })
    const exact = long(params['t'], truth['L_t'])
    const { detail } = scoped(() =>
      lipschitzCurve(picardMap(kepler), tf.tensor2d([[0]]), { steps: exact.map(({ t }) => t) }),
    )
    exact.forEach(({ want }, i) => expect(Math.abs(detail.rows[i]!.value / want - 1)).toBeLessThan(1e-3))
  })
})
