import * as tf from '@tensorflow/tfjs-core'
import type { Operator } from '@equilibria/spec'
import { defineOperator } from '@equilibria/core'
import { scoped } from '@equilibria/tensor'
import { describe, expect, test } from 'vitest'
import {
  growthBound,
  growthViolations,
  lipschitzCurve,
  picardMap,
  regularity,
  type RegularityOptions,
} from '@equilibria/theory'
import { truthCases } from './truth.ts'

type Row = tf.Tensor2D
const cases = truthCases()
const map = (name: string, apply: (y: Row, x: Row) => tf.Tensor): Operator<Row, Row> =>
  defineOperator({ name, initial: (x: Row): Row => tf.zerosLike(x), apply })
const column = (values: readonly number[]): Row =>
  tf.tensor2d(
    values.map((v) => [v]),
    [values.length, 1],
  )

function probe(operator: Operator<Row, Row>, x: readonly number[], options: RegularityOptions<Row> = {}) {
  const before = tf.memory().numTensors
  const report = scoped(() => {
    const boundary = options.boundary ?? [1e-1, 1e-2, 1e-3, 1e-4].map((d) => ({ distance: d, input: column([d]) }))
    return regularity(operator, column(x), { ...options, boundary })
  })
  expect(tf.memory().numTensors).toBe(before)
  return report
}

describe('regularity()', () => {
  test('1/x by y − η(xy − 1): L₀ = 0, L₁ = η, μ → 1 towards 0', () => {
    const eta = 0.5
    const { verdict, detail, evidence } = probe(
      map('recip', (y, x) => tf.sub(y, tf.mul(eta, tf.sub(tf.mul(x, y), 1)))),
      [1, 0.5, 0.1],
    )
    expect([verdict, evidence]).toEqual(['holds', 'observation'])
    expect(detail.constant).toBeCloseTo(0, 6)
    expect(detail.slope).toBeCloseTo(eta, 5)
    expect(detail.modulus).toBeCloseTo(1 - eta * 1e-4, 5)
    expect(detail.growthExponent).toBeCloseTo(1, 4)
    expect(Math.abs(detail.boundaryExponent)).toBeLessThan(1e-3)
  })

  test('the naive average towards 1/x is rejected, with the point nearest the boundary as witness', () => {
    const eta = 0.5
    const { verdict, detail, statement } = probe(
      map('naive', (y, x) => tf.add(tf.mul(y, 1 - eta), tf.div(eta, x))),
      [1, 0.5, 0.1],
    )
    expect(verdict).toBe('fails')
    expect(detail.boundaryExponent).toBeCloseTo(-2, 3)
    expect(detail.witness.condition).toBe('lipschitz-in-x')
    expect(detail.witness.distance).toBe(1e-4)
    expect(detail.witness.value / (eta / 1e-8)).toBeCloseTo(1, 4)
    expect(statement).toContain('Not regular')
  })

  test('Kepler: (1, 0, e); the equation has no boundary', () => {
    const e = 0.9
    const { verdict, detail } = probe(
      map('kepler', (y, m) => tf.add(m, tf.mul(e, tf.sin(y)))),
      [0, 1, 3],
      { boundary: [] },
    )
    expect(verdict).toBe('holds')
    expect(detail.constant).toBeCloseTo(1, 5)
    expect(detail.slope).toBe(0)
    expect(detail.modulus).toBeCloseTo(e, 5) // at y = 0, where cos is 1
    expect(detail.boundaryExponent).toBeNaN()
  })

  test('√x by y − η(y² − x) contracts near its root only: condition (ii) fails, with the state as witness', () => {
    const eta = 0.4
    const { verdict, detail } = probe(
      map('root', (y, x) => tf.sub(y, tf.mul(eta, tf.sub(tf.square(y), x)))),
      [0.04, 0.25, 1],
    )
    expect(verdict).toBe('fails')
    expect(detail.witness.condition).toBe('contraction-in-y')
    // |1 − 2ηy| at the y of the witness.
    expect(detail.witness.value).toBeCloseTo(Math.abs(1 - 2 * eta * detail.witness.state[0]!), 1)
    expect([detail.constant, detail.slope]).toEqual([expect.closeTo(eta, 5), 0])
  })

  test('growth faster than linear in y is rejected', () => {
    const { verdict, detail } = probe(
      map('quadratic', (y, x) => tf.add(tf.mul(y, 0.1), tf.mul(x, tf.square(y)))),
      [0],
      { boundary: [], radii: [0, 1, 10, 100] },
    )
    expect(verdict).toBe('fails')
    expect(detail.growthExponent).toBeCloseTo(2, 3)
    expect(detail.witness.condition).toBe('growth-in-y')
  })

  test('the generic construction for 1/x stays within its proved constants 4c, 2c', () => {
    const c = 0.5
    const generic = map('generic', (y, x) => {
      const rho = tf.div(tf.sub(tf.add(tf.mul(2, x), 1), tf.sqrt(tf.add(tf.mul(4, x), 1))), 2)
      const eps = tf.mul(c, tf.square(rho))
      return tf.add(tf.mul(tf.sub(1, eps), y), tf.div(eps, x))
    })
    const boundary = [0.2, 0.1, 0.05].map((d) => ({ distance: d, input: column([d]) }))
    const { verdict, detail } = probe(generic, [1, 0.5], { boundary })
    expect(verdict).toBe('holds')
    expect(detail.constant).toBeLessThanOrEqual(4 * c)
    expect(detail.slope).toBeLessThanOrEqual(2 * c)
  })

  test('the cost is the cost stated, and settings are checked', () => {
    const calls = { n: 0 }
    const counted = map('counted', (y, x) => {
      calls.n++
      return tf.add(tf.mul(y, 0.5), x)
    })
    probe(counted, [1, 2], { boundary: [], radii: [0, 1, 10], directions: 2 })
    // radius 0: one state; else two directions and their opposites; two recorded evaluations each.
    expect(calls.n).toBe((1 + 4 + 4) * 2)
    expect(() => probe(counted, [1], { radii: [1, 0] })).toThrow('ascending')
    expect(() => probe(counted, [1], { directions: 0 })).toThrow('directions')
  })
})

describe('growthBound()', () => {
  test('equality for 1/x as x → 0; a curve above it is reported', () => {
    const eta = 0.5
    const norms = Array.from({ length: 50 }, (_, s) => eta * s) // y_s → η s as x → 0
    const bound = growthBound({ constant: 0, slope: eta, modulus: 1, stateNorms: norms })
    for (const t of [0, 1, 2, 5, 10, 50]) expect(bound[t]).toBeCloseTo((eta * eta * t * (t - 1)) / 2, 10)
    const recip = map('recip', (y, x) => tf.sub(y, tf.mul(eta, tf.sub(tf.mul(x, y), 1))))
    const curve = scoped(() => lipschitzCurve(picardMap(recip), column([1e-6]), { steps: [1, 2, 5, 10, 50] }).detail)
    expect(growthViolations(curve, bound)).toEqual([])
    curve.rows.slice(1).forEach(({ steps, value }) => expect(value / bound[steps]!).toBeCloseTo(1, 3))
    const wrong = growthBound({ constant: 0, slope: eta / 2, modulus: 1, stateNorms: norms })
    expect(growthViolations(curve, wrong).map(({ steps }) => steps)).toEqual([2, 5, 10, 50])
  })

  test.skipIf(!cases)('Kepler reaches it at M = 0, and a contraction saturates', () => {
    const { params, truth } = cases!.get('kepler')!
    const bound = growthBound({
      constant: 1,
      slope: 0,
      modulus: params['e_for_Lt'] as number,
      stateNorms: new Float64Array(500),
    })
    ;(params['t'] as number[]).forEach((t, i) => expect(bound[t]).toBeCloseTo((truth['L_t'] as number[])[i]!, 8))
    expect(() => growthBound({ constant: -1, slope: 0, modulus: 0.5, stateNorms: [0] })).toThrow('constant')
  })
})
