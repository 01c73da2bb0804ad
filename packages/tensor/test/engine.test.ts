import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EquilibriaError, hold, linearize, offTape, onTape, record, scoped } from '@equilibria/tensor'

const values = (t: tf.Tensor): number[] => Array.from(t.dataSync())
const fail = (): never => {
  throw new Error('on purpose')
}
/** What it threw. */
function thrown(f: () => unknown): unknown {
  try {
    f()
  } catch (error) {
    return error
  }
  return undefined
}
const code = (f: () => unknown): unknown => {
  const error = thrown(f)
  return EquilibriaError.is(error) ? error.code : error
}

let before = 0
let z: Vector
let W: tf.Tensor2D
beforeEach(() => {
  z = tf.tensor2d([0.5, -1, 0.25, 2, 0.1, -0.3], [2, 3])
  W = tf.tensor2d([0.4, -0.3, 0.7, 0.5, 0.2, -0.6, 0.1, 0.9, -0.2], [3, 3])
  before = tf.memory().numTensors
})
afterEach(() => {
  const { gradientDepth, kernelDepth, activeScope } = tf.engine().state
  const leaked = tf.memory().numTensors - before
  tf.dispose([z, W])
  if (leaked !== 0) throw new Error(`${leaked} tensors leaked`)
  if (gradientDepth !== 0 || kernelDepth !== 0 || activeScope !== null) throw new Error('the engine is not at rest')
})
const layer = (t: Vector): Vector => tf.tanh(tf.add(tf.matMul(t, W), tf.sin(t)))

describe('offTape', () => {
  test('gives what the function returns; the outer tape sees a constant', () => {
    scoped(() => {
      const slope = tf.grad((t: tf.Tensor) =>
        tf.mul(
          t,
          offTape(() => tf.square(t)),
        ),
      )
      expect(values(slope(tf.scalar(3)))).toEqual([9]) // 27 with the square recorded
    })
  })

  test('gradients inside, in the forward and in the backward pass of an outer one', () => {
    scoped(() => {
      const cube = (t: tf.Tensor) => offTape(() => tf.grad((s: tf.Tensor) => tf.pow(s, 3))(t)) // 3t²
      const op = tf.customGrad((t) => ({
        value: cube(t as tf.Tensor),
        gradFunc: (dy: tf.Tensor) => offTape(() => tf.mul(dy, cube(t as tf.Tensor))),
      }))
      expect(values(tf.grad((t: tf.Tensor) => tf.add(op(t), tf.square(t)))(tf.scalar(2)))).toEqual([12 + 4])
    })
  })

  test('nested, with a gradient on every level', () => {
    scoped(() => {
      const inner = (t: tf.Tensor): tf.Tensor => offTape(() => tf.grad((s: tf.Tensor) => tf.square(s))(t))
      const outer = (t: tf.Tensor): tf.Tensor =>
        offTape(() => tf.add(inner(t), tf.grad((s: tf.Tensor) => tf.mul(s, inner(s)))(t)))
      const slope = tf.grad((t: tf.Tensor) => tf.mul(t, outer(t)))
      expect(values(slope(tf.scalar(1)))).toEqual([4]) // outer = 2t + 2t
    })
  })

  test('an exception puts the outer tape back and frees the inner one', () => {
    scoped(() => {
      const slope = tf.grad((t: tf.Tensor) => {
        const inner = () => offTape(() => tf.grad((s: tf.Tensor) => (tf.tanh(s), fail()))(t))
        expect(inner).toThrow('on purpose')
        expect(onTape()).toBe(true)
        return tf.square(t)
      })
      expect(values(slope(tf.scalar(3)))).toEqual([6])
    })
  })

  test('an exception while the inner gradient is pulled back frees its tape too', () => {
    const bad = tf.customGrad((s) => ({ value: tf.tanh(s as tf.Tensor), gradFunc: () => fail() }))
    expect(() => offTape(() => tf.grad((s: tf.Tensor) => bad(tf.tanh(s)))(z))).toThrow('on purpose')
  })
})

describe('linearize', () => {
  test('value and vjp are those of tf.grads, as often as asked', () => {
    scoped(() => {
      const frozen = linearize(layer, z)
      expect(values(frozen.value)).toEqual(values(layer(z)))
      for (const seed of [1, 2, 3]) {
        const u = tf.randomUniform([2, 3], -1, 1, 'float32', seed) as Vector
        const [want] = tf.grads(layer as (t: tf.Tensor) => tf.Tensor)([z], u)
        expect(values(frozen.vjp(u))).toEqual(values(want!)) // the same kernels in the same order: to the bit
      }
      frozen.dispose()
    })
  })

  test('memory of a vjp is constant, and all of it is given back', () => {
    const frozen = linearize(layer, z)
    const u = tf.ones([2, 3]) as Vector
    const held = tf.memory()
    for (let i = 0; i < 20; i++) {
      const pulled = frozen.vjp(u)
      expect(tf.memory().numTensors).toBe(held.numTensors + 1)
      pulled.dispose()
      expect(tf.memory().numBytes).toBe(held.numBytes)
    }
    u.dispose()
    frozen.dispose()
  })

  test('products after dispose are refused, and leave nothing', () => {
    const z = tf.tensor2d([[1, 2]])
    const before = tf.memory().numTensors
    const frozen = linearize((t) => tf.square(t), z)
    frozen.dispose()
    expect(() => frozen.vjp(z)).toThrow(/after its dispose/)
    expect(() => frozen.jvp(z)).toThrow(/after its dispose/)
    expect(tf.memory().numTensors).toBe(before)
    z.dispose()
  })
  test('dispose twice is harmless', () => {
    const frozen = linearize(layer, z)
    frozen.dispose()
    frozen.dispose()
    expect(frozen.value.isDisposed).toBe(true)
  })

  test.each<[string, (t: Vector) => Vector, number]>([
    ['its argument', (t) => t, 1],
    ['a tensor it holds', () => z, 0],
    ['a constant', () => tf.ones([2, 3]), 0],
  ])('f may return %s: value and cotangents are tensors of their own', (_, f, slope) => {
    const kept = tf.clone(z)
    const u = tf.ones([2, 3]) as Vector
    const frozen = linearize(f, kept)
    const pulled = frozen.vjp(u)
    expect(values(pulled)).toEqual(Array.from({ length: 6 }, () => slope))
    pulled.dispose()
    frozen.dispose()
    expect([kept, z, u].map((t) => t.isDisposed)).toEqual([false, false, false])
    tf.dispose([kept, u])
  })

  test('inside a gradient, nothing reaches the outer tape', () => {
    scoped(() => {
      const slope = tf.grad((t: tf.Tensor) => {
        const frozen = linearize(layer, t as Vector)
        const pulled = frozen.vjp(tf.ones([2, 3]))
        frozen.dispose()
        return tf.sum(tf.mul(t, pulled))
      })
      const frozen = linearize(layer, z)
      expect(values(slope(z))).toEqual(values(frozen.vjp(tf.ones([2, 3]))))
      frozen.dispose()
    })
  })

  test('f may take gradients of its own, and they are differentiated', () => {
    scoped(() => {
      const force = (t: Vector): Vector => tf.grad((s: tf.Tensor) => tf.sum(tf.pow(s, 3)))(t) as Vector // 3t²
      const frozen = linearize(force, z)
      const got = values(frozen.vjp(tf.ones([2, 3])))
      values(tf.mul(z, 6)).forEach((want, i) => expect(got[i]).toBeCloseTo(want, 5))
      frozen.dispose()
    })
  })

  test('an exception inside f, before and after recorded ops, leaks nothing', () => {
    expect(() => linearize(() => fail(), z)).toThrow('on purpose')
    expect(() => linearize((t) => (layer(t), fail()), z)).toThrow('on purpose')
  })

  test('an exception inside a gradient leaks nothing, and the next vjp is right', () => {
    let broken = true
    const moody = tf.customGrad((s) => ({
      value: tf.tanh(s as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => (broken ? fail() : tf.mul(dy, 2)),
    }))
    const frozen = linearize((t) => moody(tf.mul(t, 3)) as Vector, z)
    const u = tf.ones([2, 3]) as Vector
    expect(() => frozen.vjp(u)).toThrow('on purpose')
    broken = false
    const pulled = frozen.vjp(u)
    expect(values(pulled)).toEqual([6, 6, 6, 6, 6, 6])
    frozen.dispose()
    tf.dispose([pulled, u])
  })

  test('an op whose gradient hands its cotangent on: the result is not the cotangent itself', () => {
    const u = tf.ones([2, 3]) as Vector
    const frozen = linearize((t) => tf.mod(t, 9), z)
    const pulled = frozen.vjp(u)
    pulled.dispose()
    expect(u.isDisposed).toBe(false)
    frozen.dispose()
    u.dispose()
  })

  test('two at a time, interleaved', () => {
    scoped(() => {
      const one = linearize((t) => tf.square(t), z)
      const two = linearize((t) => tf.mul(t, 5), z)
      const u = tf.ones([2, 3]) as Vector
      expect(values(one.vjp(u))).toEqual(values(tf.mul(z, 2)))
      expect(values(two.vjp(u))).toEqual([5, 5, 5, 5, 5, 5])
      one.dispose()
      expect(values(two.vjp(u))).toEqual([5, 5, 5, 5, 5, 5])
      two.dispose()
    })
  })

  test('a cotangent of another shape, and an op without gradient, are named', () => {
    const u = tf.ones([2, 3]) as Vector
    const wide = tf.ones([2, 4]) as Vector
    const frozen = linearize((t) => tf.diag(tf.reshape(t, [6])) as Vector, z)
    const square = tf.ones([6, 6]) as Vector
    expect(code(() => frozen.vjp(wide))).toBe('shape')
    expect(code(() => frozen.vjp(square))).toBe('gradient')
    expect(String(thrown(() => frozen.vjp(square)))).toMatch(/"Diag" has no gradient/)
    frozen.dispose()
    tf.dispose([u, wide, square])
  })
})

describe('record', () => {
  test('value is on the tape; vjp is that of linearize, also inside a customGrad', () => {
    scoped(() => {
      const frozen = linearize(layer, z)
      const ones = tf.ones([2, 3]) as Vector
      const want = values(frozen.vjp(frozen.vjp(ones)))
      frozen.dispose()
      const slope = tf.grad((t: tf.Tensor) => {
        const once = record(layer, t as Vector)
        const twice = tf.customGrad((y) => ({
          value: tf.clone(y as tf.Tensor),
          gradFunc: (dy: tf.Tensor) => once.vjp(dy as Vector),
        }))
        return tf.sum(twice(once.value))
      })
      expect(values(slope(z))).toEqual(want)
    })
  })

  test('where nothing is recorded it says so', () => {
    expect(code(() => record(layer, z))).toBe('gradient')
  })

  test('an exception inside f leaks nothing of its own', () => {
    scoped(() => {
      const slope = tf.grad((t: tf.Tensor) => {
        expect(() => record((s) => (layer(s), fail()), t as Vector)).toThrow('on purpose')
        return tf.square(t)
      })
      expect(values(slope(z))).toEqual(values(tf.mul(z, 2)))
    })
  })

  test('an exception while pulling back leaves the tape usable', () => {
    const bad = tf.customGrad((s) => ({ value: tf.tanh(s as tf.Tensor), gradFunc: () => fail() }))
    scoped(() => {
      const slope = tf.grad((t: tf.Tensor) => {
        const once = record((s) => bad(s) as Vector, t as Vector)
        expect(() => once.vjp(z)).toThrow('on purpose')
        return tf.square(t)
      })
      expect(values(slope(z))).toEqual(values(tf.mul(z, 2)))
    })
  })
})

describe('hold', () => {
  test('everything made inside lives across an await, and goes with release', async () => {
    const held = hold(() => {
      const scratch = tf.square(z)
      tf.tidy(() => void tf.exp(scratch)) // what a tidy inside frees is free
      return { sum: tf.sum(scratch) }
    })
    expect(tf.memory().numTensors).toBe(before + 2)
    await Promise.resolve()
    expect((await held.value.sum.data())[0]).toBeCloseTo(5.4125, 4)
    held.release()
    held.release()
  })

  test('nested: each releases its own', () => {
    const outer = hold(() => {
      const inner = hold(() => tf.square(z))
      const copy = tf.clone(inner.value)
      inner.release()
      return copy
    })
    expect(outer.value.isDisposed).toBe(false)
    outer.release()
  })

  test('inside a tidy, and with a tidy that ends before release', () => {
    const held = scoped(() => hold(() => tf.square(z)))
    expect(held.value.isDisposed).toBe(false)
    held.release()
  })

  test('what fn keeps itself stays its own', () => {
    const held = hold(() => tf.keep(tf.square(z)))
    held.release()
    expect(held.value.isDisposed).toBe(false)
    held.value.dispose()
  })

  test('an exception frees everything', () => {
    expect(() => hold(() => (tf.square(z), fail()))).toThrow('on purpose')
  })

  test('an async function is refused, and nothing is left', () => {
    expect(code(() => hold(async () => tf.square(z)))).toBe('option')
  })

  test('on a tape, what it holds can be differentiated', () => {
    scoped(() => {
      let release = () => {}
      const slope = tf.grad((t: tf.Tensor) => {
        const held = hold(() => tf.tanh(tf.mul(t, 2)))
        release = held.release
        return tf.square(held.value)
      })
      const want = tf.grad((t: tf.Tensor) => tf.square(tf.tanh(tf.mul(t, 2))))
      expect(values(slope(z))).toEqual(values(want(z)))
      release()
    })
  })
})
