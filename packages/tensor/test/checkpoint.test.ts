import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkpointed, type Segment } from '@equilibria/tensor'

const values = (t: tf.Tensor): number[] => Array.from(t.dataSync())
const gap = (a: readonly number[], b: readonly number[]): number => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))

let before = 0
let x: tf.Tensor2D
let W: tf.Variable<tf.Rank.R2>
let U: tf.Variable<tf.Rank.R2>
beforeEach(() => {
  x = tf.tensor2d([0.5, -1, 0.25, 2, 0.1, -0.3], [2, 3])
  W = tf.tidy(() => tf.variable<tf.Rank.R2>(tf.tensor2d([0.4, -0.3, 0.7, 0.5, 0.2, -0.6, 0.1, 0.9, -0.2], [3, 3])))
  U = tf.tidy(() => tf.variable<tf.Rank.R2>(tf.tensor2d([0.1, 0.3, -0.7, 0.2, 0.5, -0.1, 0.6, -0.4, 0.8], [3, 3])))
  before = tf.memory().numTensors
})
afterEach(() => {
  const { gradientDepth, kernelDepth, activeScope } = tf.engine().state
  const leaked = tf.memory().numTensors - before
  tf.dispose([x, W, U])
  if (leaked !== 0) throw new Error(`${leaked} tensors leaked`)
  if (gradientDepth !== 0 || kernelDepth !== 0 || activeScope !== null) throw new Error('the engine is not at rest')
})

/** Gradients of `Σ w · f(x)` in `x`, `W`, `U`, where `f` may close over what it likes. */
function gradients(f: (x: tf.Tensor) => tf.Tensor): number[][] {
  return tf.tidy(() => {
    const loss = (...[t]: tf.Tensor[]) => tf.sum(tf.mul(f(t!), tf.tensor2d([1, -2, 0.5, 0.3, 1, -1], [2, 3])))
    return (tf.grads(loss)([x, W, U]) as tf.Tensor[]).map(values)
  })
}
/** `T` steps of `z ← tanh(z W + x U)` with `x U` computed outside the steps, in segments of `every`; 0: plainly. */
const unroll =
  (steps: number, every: number) =>
  (t: tf.Tensor): tf.Tensor => {
    const injected = tf.relu(tf.matMul(t as tf.Tensor2D, U)) // gone by the backward pass, unless somebody copies it
    const step = (z: tf.Tensor) => tf.tanh(tf.add(tf.matMul(z, W), injected))
    const run =
      (n: number): Segment =>
      ([z]) => {
        let y = z!
        for (let i = 0; i < n; i++) y = step(y)
        return [y]
      }
    const start = tf.mul(t, 0.1)
    if (every === 0) return run(steps)([start])[0]!
    const segments = Array.from({ length: Math.ceil(steps / every) }, (_, k) => run(Math.min(every, steps - k * every)))
    return checkpointed([start], segments)[0]!
  }

describe('checkpointed', () => {
  test.each([1, 2, 3, 5, 12, 20])(
    'has the gradient of the plain run, in state, variables and inputs: every %i',
    (every) => {
      const [got, want] = [gradients(unroll(12, every)), gradients(unroll(12, 0))]
      // The same kernels on the same numbers; only the order of the sums over steps differs: 12 terms, 2⁻²⁴ each.
      got.forEach((g, i) =>
        expect(gap(g, want[i]!)).toBeLessThan(12 * 2 ** -24 * Math.max(1, ...want[i]!.map(Math.abs))),
      )
      expect(Math.max(...want[1]!.map(Math.abs))).toBeGreaterThan(0.1)
    },
  )

  test('a second derivative through it is that of the plain run', () => {
    const second = (every: number) => {
      const slope = (t: tf.Tensor) => tf.grad((s: tf.Tensor) => tf.sum(tf.square(unroll(4, every)(s))))(t)
      return tf.tidy(() => {
        const found = tf.grads((...[t]: tf.Tensor[]) => tf.sum(tf.mul(slope(t!), tf.reshape(tf.range(1, 7), [2, 3]))))
        return found([x, W, U]).map(values)
      })
    }
    const [got, want] = [second(2), second(0)]
    got.forEach((g, i) => expect(gap(g, want[i]!)).toBeLessThan(1e-5)) // two passes of 2⁻²⁴ · some 50 terms
    expect(Math.max(...want[1]!.map(Math.abs))).toBeGreaterThan(0.1)
  })

  test('several tensors of state, one passed on, one twice, one unused, an int32 among them', () => {
    const start = (t: tf.Tensor) => [tf.mul(t, 0.5), tf.sin(t), tf.scalar(2, 'int32')]
    const one: Segment = ([a, b, n]) => [tf.add(tf.mul(a!, b!), a!), b!, n!]
    const two: Segment = ([a, b]) => [a!, tf.mul(tf.matMul(a!, W), b!), a!]
    const three: Segment = ([a, b, c]) => [tf.addN([a!, tf.square(b!), c!])]
    const run = (segments: readonly Segment[], t: tf.Tensor) =>
      segments.reduce((s, f) => f(s), start(t) as readonly tf.Tensor[])
    const want = gradients((t) => tf.add(run([one, two, three], t)[0]!, tf.mul(0, tf.sum(U))))
    const got = gradients((t) => tf.add(checkpointed(start(t), [one, two, three])[0]!, tf.mul(0, tf.sum(U))))
    got.forEach((g, i) => expect(gap(g, want[i]!)).toBeLessThan(1e-6))
  })

  test('results that are the start, a variable, or twice the same tensor are tensors of their own', () => {
    const f = (t: tf.Tensor): tf.Tensor => {
      const all = checkpointed([t], [([a]) => [a!, W], ([a, w]) => [a!, w!, a!, tf.relu(a!)]])
      expect(new Set([t, W, ...all].map(({ id }) => id)).size).toBe(6)
      return tf.addN([all[0]!, tf.mul(2, all[2]!), tf.matMul(all[3]!, all[1]!)])
    }
    const plain = (t: tf.Tensor) => tf.addN([t, tf.mul(2, t), tf.matMul(tf.relu(t) as tf.Tensor2D, W)])
    const keepU = (g: (t: tf.Tensor) => tf.Tensor) => (t: tf.Tensor) => tf.add(g(t), tf.mul(0, tf.sum(U)))
    expect(gradients(keepU(f))).toEqual(gradients(keepU(plain)))
  })

  test('nested, and inside a custom gradient of its own', () => {
    const inner: Segment = ([z]) =>
      checkpointed([z!], [([y]) => [tf.tanh(tf.matMul(y!, W))], ([y]) => [tf.matMul(y!, U)]])
    const got = gradients((t) => checkpointed([t], [inner, inner])[0]!)
    const want = gradients((t) => [inner, inner].reduce((s, f) => f(s), [t] as readonly tf.Tensor[])[0]!)
    got.forEach((g, i) => expect(gap(g, want[i]!)).toBeLessThan(1e-6))
  })

  test('without a tape it is the plain run', () => {
    tf.tidy(() => {
      expect(values(unroll(6, 2)(x))).toEqual(values(unroll(6, 0)(x)))
    })
  })

  test('an exception in a segment, forward or backward, leaves nothing behind', () => {
    for (const at of [1, 2, 3, 4, 5, 6]) {
      let calls = 0
      const step: Segment = ([z]) => {
        const y = tf.tanh(tf.matMul(z!, W))
        if (++calls === at) throw new Error('boom')
        return [y]
      }
      const run = () => tf.tidy(() => tf.grads((t) => tf.sum(checkpointed([t], [step, step, step])[0]!))([x, W]).length)
      expect(run).toThrow('boom')
      expect(tf.memory().numTensors).toBe(before)
    }
  })

  test('memory: the square root of the steps, where the plain run pays for each', () => {
    const peak = (steps: number, every: number) => {
      const [most, base] = [{ tensors: 0, bytes: 0 }, tf.memory()]
      const watch = tf.customGrad((t: unknown) => ({
        value: tf.clone(t as tf.Tensor),
        gradFunc: (dy: tf.Tensor) => {
          const now = tf.memory()
          most.tensors = Math.max(most.tensors, now.numTensors - base.numTensors)
          most.bytes = Math.max(most.bytes, now.numBytes - base.numBytes)
          return dy
        },
      }))
      tf.tidy(() => {
        const step = (z: tf.Tensor) => watch(tf.tanh(tf.sin(tf.tanh(tf.matMul(z as tf.Tensor2D, W)))))
        const run =
          (n: number): Segment =>
          ([z]) => [Array.from({ length: n }).reduce((y: tf.Tensor) => step(y), z!)]
        const segments = Array.from({ length: steps / every }, () => run(every))
        tf.grads((t) => tf.sum(checkpointed([t], segments)[0]!))([x, W])
      })
      return most.tensors
    }
    const [plain, small, large] = [[64, 256].map((n) => peak(n, n)), peak(64, 8), peak(256, 16)]
    console.log(
      `[${tf.getBackend()}] live tensors at most: plain ${plain.join(', ')} for 64, 256 steps; checkpointed ${small}, ${large}`,
    )
    expect(plain[1]! / plain[0]!).toBeGreaterThan(3.5)
    expect(large / small).toBeLessThan(2.5) // √4, and what does not grow
    expect(large).toBeLessThan(plain[1]! / 8)
  })
})
