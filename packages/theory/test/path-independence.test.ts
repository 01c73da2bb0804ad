import * as tf from '@tensorflow/tfjs-core'
import type { Solution, Status } from '@equilibria/spec'
import { scoped } from '@equilibria/tensor'
import { expect, test } from 'vitest'
import { pathIndependence } from '@equilibria/theory'

type Row = tf.Tensor2D

/** Picard iteration of a map on rows, with per-sample statuses; counts its solves. */
function layer(start: (x: Row) => Row, apply: (z: Row, x: Row) => tf.Tensor) {
  const count = { solves: 0 }
  const solve = (x: Row, { initial }: { readonly initial?: Row } = {}): Solution<Row> => {
    count.solves++
    const state = scoped(() => {
      let z = initial ?? start(x)
      for (let k = 0; k < 100; k++) z = apply(z, x) as Row
      return tf.clone(z)
    })
    const gaps = scoped(() => tf.norm(tf.sub(apply(state, x), state), 2, 1).dataSync())
    const status = Array.from(gaps, (gap): Status => (gap < 1e-4 ? 'converged' : 'max-steps'))
    return { state, stats: { perSample: { status } } } as unknown as Solution<Row>
  }
  return { solve, count }
}

test('tanh(2z) has two stable equilibria, tanh(z/2 + x) one', () => {
  const before = tf.memory().numTensors
  const x = tf.tensor2d([[1], [-1]])
  const two = layer(
    (input) => input,
    (z) => tf.tanh(tf.mul(2, z)),
  )
  const found = pathIndependence(two, x)
  expect(found.verdict).toBe('fails')
  expect(Array.from(found.detail.clusters)).toEqual([2, 2])
  // Own start: cosine 1; the other's equilibrium: −1.
  expect(found.detail.alignment).toBeCloseTo(0, 6)
  expect(found.detail.distance).toBeCloseTo(2, 5)
  expect([two.count.solves, found.detail.solves]).toEqual([1 + 2 + 3, 6])

  const one = pathIndependence(
    layer(
      (input) => tf.zerosLike(input),
      (z, input) => tf.tanh(tf.add(tf.mul(0.5, z), input)),
    ),
    x,
  )
  expect([one.verdict, one.value]).toEqual(['holds', expect.closeTo(1, 6)])
  expect(one.detail.distance).toBeLessThan(1e-5)

  const orbit = pathIndependence(
    layer(
      (input) => input,
      (z) => tf.neg(z),
    ),
    x,
  )
  expect([orbit.verdict, orbit.detail.converged]).toEqual(['unknown', 0])
  expect(() => pathIndependence(two, x, { tolerance: 0 })).toThrow('tolerance')
  x.dispose()
  expect(tf.memory().numTensors).toBe(before)
})
