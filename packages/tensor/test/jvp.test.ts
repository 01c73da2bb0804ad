import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { EquilibriaError, jvp, linearize, scoped } from '@equilibria/tensor'
import { positive, wave } from './probes.ts'

/* That both methods agree on every op of the list is in repairs.test.ts; here are closed forms and edges. */
const values = (t: tf.Tensor): number[] => Array.from(t.dataSync())
const code = (f: () => unknown): unknown => {
  try {
    tf.tidy(() => void f())
  } catch (error) {
    return EquilibriaError.is(error) ? error.code : error
  }
  return undefined
}

const methods = ['double-vjp', 'finite-difference'] as const

describe.each(methods)('%s', (method) => {
  test('A x: the product with A, whatever the shape', () => {
    scoped(() => {
      const A = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3])
      const f = (x: tf.Tensor1D): tf.Tensor => tf.dot(A, x)
      const got = values(jvp(f, tf.tensor1d([1, 0, 2]), tf.tensor1d([1, -1, 2]), { method }))
      const want = [1 - 2 + 6, 4 - 5 + 12]
      // f is linear: only rounding of f(x ± hv), at most |f|·2⁻²⁴ / h ≈ 17·6e-8/4e-3 = 3e-4
      got.forEach((g, i) => expect(Math.abs(g - want[i]!)).toBeLessThan(5e-4))
    })
  })

  test('nothing is left behind, and the caller owns the result', () => {
    const x = wave([2, 3])
    const v = tf.ones([2, 3])
    const before = tf.memory().numTensors
    const along = jvp((t) => tf.softmax(tf.mul(t, t)), x, v, { method })
    expect(tf.memory().numTensors).toBe(before + 1)
    along.dispose()
    expect(() => jvp(() => fail(), x, v, { method })).toThrow('on purpose')
    expect(() => jvp((t) => (tf.tanh(t), fail()), x, v, { method })).toThrow('on purpose')
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([x, v])
  })

  test('identity, constants, and the zero direction', () => {
    scoped(() => {
      const x = wave([3])
      const v = tf.tensor1d([1, -2, 3])
      values(jvp((t) => t, x, v, { method })).forEach((g, i) => expect(g).toBeCloseTo([1, -2, 3][i]!, 3))
      expect(values(jvp(() => tf.ones([2]), x, v, { method }))).toEqual([0, 0])
      expect(values(jvp(tf.exp, x, tf.zeros([3]), { method }))).toEqual([0, 0, 0])
      expect([x, v].map((t) => t.isDisposed)).toEqual([false, false])
    })
  })

  test('inside a gradient it is a constant', () => {
    scoped(() => {
      const slope = tf.grad((t: tf.Tensor) => tf.mul(t, jvp(tf.square, t, tf.scalar(1), { method })))
      expect(values(slope(tf.scalar(3)))[0]).toBeCloseTo(6, 2)
    })
  })

  test('a direction of another shape is refused', () => {
    expect(code(() => jvp(tf.square, tf.ones([2]), tf.ones([3]), { method }))).toBe('shape')
  })
})

test('double-vjp is exact to rounding: tanh against its closed form', () => {
  scoped(() => {
    const x = wave([8])
    const got = values(jvp(tf.tanh, x, tf.ones([8])))
    // 1 − tanh² in float32: two roundings of numbers below 1, and tanh itself to 2 ulp on wasm
    values(x).forEach((t, i) => expect(Math.abs(got[i]! - (1 - Math.tanh(t) ** 2))).toBeLessThan(5e-7))
  })
})

test('where double-vjp cannot go, it names the op and the way out; finite differences go there', () => {
  scoped(() => {
    const x = positive([1, 6, 6, 1]) as tf.Tensor4D
    const v = tf.ones([1, 6, 6, 1]) as tf.Tensor4D
    for (const f of [
      (t: tf.Tensor4D) => tf.localResponseNormalization(t),
      (t: tf.Tensor4D) => tf.dilation2d(t, tf.ones([2, 2, 1]), 1, 'valid'),
    ]) {
      expect(code(() => jvp(f, x, v))).toBe('gradient')
      expect(() => jvp(f, x, v)).toThrow(/finite-difference/)
      expect(jvp(f, x, v, { method: 'finite-difference' }).shape).toEqual(f(x).shape)
    }
  })
})

test('options are checked', () => {
  const x = tf.ones([1])
  expect(code(() => jvp(tf.square, x, x, { step: 1e-3 }))).toBe('option') // it would be ignored
  for (const step of [0, -1, 1, NaN])
    expect(code(() => jvp(tf.square, x, x, { method: 'finite-difference', step }))).toBe('option')
  expect(code(() => jvp(tf.square, x, x, { method: 'forward' as 'double-vjp' }))).toBe('option')
  x.dispose()
})

const fail = (): never => {
  throw new Error('on purpose')
}

describe('linearize: products with J', () => {
  test('agree with jvp(), repeat, and leave nothing behind', () => {
    const z = wave([2, 3]) as tf.Tensor2D
    const f = (t: tf.Tensor2D): tf.Tensor2D => tf.softmax(tf.mul(t, tf.tanh(t)))
    const before = tf.memory().numTensors
    const linear = linearize(f, z)
    for (const k of [1, 2, 3])
      scoped(() => {
        const v = tf.mul(wave([2, 3]), k) as tf.Tensor2D
        const [got, want] = [values(linear.jvp(v)), values(jvp(f, z, v))]
        got.forEach((g, i) => expect(Math.abs(g - want[i]!)).toBeLessThan(1e-6)) // a few roundings of numbers near 1
        expect(values(linear.vjp(v))).toHaveLength(6)
      })
    linear.dispose()
    expect(tf.memory().numTensors).toBe(before)
    z.dispose()
  })
  test('of a constant map: zero', () => {
    scoped(() => {
      const linear = linearize(() => tf.ones([1, 2]), tf.zeros([1, 2]))
      expect(values(linear.jvp(tf.ones([1, 2])))).toEqual([0, 0])
      linear.dispose()
    })
  })
})
