import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { abandonTape, derivativeAlong, EquilibriaError, linearize, record, scoped } from '@equilibria/tensor'

const values = (t: tf.Tensor): number[] => Array.from(t.dataSync())
/** Largest error relative to what is wanted; a few roundings of numbers of size 1 to 100 stay below 1e-5. */
const off = (got: tf.Tensor, want: readonly number[]): number => {
  const seen = values(got)
  expect(seen).toHaveLength(want.length)
  return Math.max(...seen.map((v, i) => Math.abs(v - want[i]!) / Math.max(1, Math.abs(want[i]!))))
}
const code = (f: () => unknown): unknown => {
  try {
    f()
  } catch (error) {
    return EquilibriaError.is(error) ? error.code : error
  }
  return 'nothing thrown'
}

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => {
  expect(tf.memory().numTensors - before).toBe(0)
  expect(tf.engine().state.gradientDepth).toBe(0)
})

describe('record: products on the tape', () => {
  // f(z) = w z³ row by row: J = 3 w z², diagonal.
  const cubic = (w: tf.Tensor) => (z: Vector) => tf.mul(w, tf.pow(z, 3)) as Vector
  test('Jᵀu and Jv, and their derivatives in u, in the parameter and in z', () =>
    scoped(() => {
      const [w, z, u] = [tf.scalar(2), tf.tensor2d([[1, -2]]), tf.tensor2d([[3, 0.5]])]
      for (const side of ['vjp', 'jvp'] as const) {
        const product = (w: tf.Tensor, z: tf.Tensor, u: tf.Tensor) =>
          tf.sum(record(cubic(w), z as Vector).taped[side](u as Vector))
        const [dw, dz, du] = tf.grads(product)([w, z, u])
        expect(off(dw!, [9 + 6])).toBeLessThan(1e-5) // Σ 3 z² u
        expect(off(dz!, [36, -12])).toBeLessThan(1e-5) // 6 w z u
        expect(off(du!, [6, 24])).toBeLessThan(1e-5) // 3 w z²
      }
    }))
  test('aside, the same products as linearize', () =>
    scoped(() => {
      const z = tf.tensor2d([[1, -2]])
      const frozen = linearize(cubic(tf.scalar(2)), z)
      tf.grad((w: tf.Tensor) => {
        const once = record(cubic(w), z)
        const forward = once.tangents()
        expect(values(forward.push(tf.tensor2d([[1, 1]])))).toEqual(values(frozen.jvp(tf.tensor2d([[1, 1]]))))
        forward.dispose()
        return tf.sum(once.value)
      })(tf.scalar(2))
      frozen.dispose()
    }))
  test('follow: a product counts as one at the state it was told; the value stays where it was', () =>
    scoped(() => {
      // state = a, value 1.5; the record is made at the constant 1.5 first.
      const at = tf.tensor2d([[1.5]])
      const f = (a: tf.Tensor, told: boolean) => {
        const state = tf.mul(a, 1)
        const once = record(cubic(a), at)
        const used = tf.sum(tf.mul(once.value, 100))
        if (told) once.follow(state)
        return tf.add(tf.sum(once.taped.vjp(tf.ones([1, 1]) as Vector)), used)
      }
      // d/da (3 a s² + 100 a 1.5³) with s = 1.5 fixed, and with s = a.
      const [fixed, moving] = [3 * 1.5 ** 2 + 100 * 1.5 ** 3, 9 * 1.5 ** 2 + 100 * 1.5 ** 3]
      expect(off(tf.grad((a: tf.Tensor) => f(a, false))(tf.tensor2d([[1.5]])), [fixed])).toBeLessThan(1e-5)
      expect(off(tf.grad((a: tf.Tensor) => f(a, true))(tf.tensor2d([[1.5]])), [moving])).toBeLessThan(1e-5)
    }))
  test('follow twice, or with nothing recorded, changes nothing', () =>
    scoped(() => {
      const slope = tf.grad((a: tf.Tensor) => {
        const once = record((z) => z, tf.tensor2d([[2]]))
        const state = tf.mul(a, 2)
        once.follow(state)
        once.follow(state)
        return tf.add(tf.sum(once.taped.vjp(tf.ones([1, 1]) as Vector)), tf.sum(state))
      })
      expect(off(slope(tf.tensor2d([[1]])), [2])).toBeLessThan(1e-5)
    }))
  test('an op whose gradient has none is named when a derivative comes by it, and only then', () => {
    const image = tf.ones([1, 2, 2, 2]) as tf.Tensor4D
    const lrn = (z: Vector) =>
      tf.reshape(tf.localResponseNormalization(tf.reshape(z, [1, 2, 2, 2]) as tf.Tensor4D), [1, 8]) as Vector
    const product = (w: tf.Tensor) => {
      const once = record((z) => tf.mul(lrn(z), w) as Vector, tf.reshape(image, [1, 8]) as Vector)
      return tf.sum(once.taped.vjp(tf.ones([1, 8]) as Vector))
    }
    const through = (z: tf.Tensor) => tf.sum(record(lrn, z as Vector).taped.vjp(tf.ones([1, 8]) as Vector))
    expect(code(() => scoped(() => tf.grad(through)(tf.ones([1, 8]))))).toBe('gradient')
    expect(code(() => scoped(() => tf.grad(product)(tf.scalar(1))))).toBe('gradient')
    image.dispose()
  })
  test('a record that was abandoned inside an outer gradient is an error, not a gradient with parts missing', () => {
    const seen = code(() =>
      scoped(() =>
        tf.grad((t: tf.Tensor) => {
          const squared = tf.square(t)
          abandonTape()
          return tf.sum(squared)
        })(tf.scalar(3)),
      ),
    )
    expect(seen).toBe('gradient')
  })
})

describe('derivativeAlong', () => {
  test('several tensors at once, variables and closures among them', () =>
    scoped(() => {
      const [a, x] = [tf.variable(tf.scalar(2)), tf.tensor1d([1, 2])]
      const f = () => tf.mul(tf.sin(a), tf.square(x))
      const along = derivativeAlong(f, [x, a], [tf.tensor1d([1, 0]), tf.scalar(3)])
      expect(off(along, [2 * Math.sin(2) + 3 * Math.cos(2), 3 * Math.cos(2) * 4])).toBeLessThan(1e-5)
      a.dispose()
    }))
  test('one tensor in two places, a result that is the tensor itself, and none of them used', () =>
    scoped(() => {
      const [x, v] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 5])]
      expect(
        off(
          derivativeAlong(() => tf.add(x, x), [x], [v]),
          [6, 10],
        ),
      ).toBeLessThan(1e-5)
      const y = tf.tensor1d([7, 8])
      expect(
        off(
          derivativeAlong(() => tf.add(x, y), [x, y], [v, v]),
          [6, 10],
        ),
      ).toBeLessThan(1e-5)
      const same = derivativeAlong(() => x, [x], [v])
      expect(off(same, [3, 5])).toBeLessThan(1e-5)
      expect(same).not.toBe(v)
      expect(
        off(
          derivativeAlong(() => tf.square(x), [v], [v]),
          [0, 0],
        ),
      ).toBeLessThan(1e-5)
    }))
})
