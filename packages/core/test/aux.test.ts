import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { GradientMode } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import { leakless, plain } from './helpers.ts'

const numbers = (t: tf.Tensor) => Array.from(t.dataSync())
/** One application of `G` at the solution, recorded: for `z = z/2 + x` half of the exact gradient. */
const once: GradientMode = {
  kind: 'gradient',
  spec: 1,
  name: 'once',
  forward: 'detached',
  attach: ({ z, problem }) => problem.apply(z),
}

describe('auxiliary outputs', () => {
  let calls = 0
  const weight = () => tf.tensor1d([10])
  const make = (shared: tf.Tensor1D) =>
    defineOperator({
      name: 'half',
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
      aux: (z, x) => {
        calls++
        return { energy: tf.sum(tf.mul(z, z), 1), itself: z, input: x, shared }
      },
    })
  const settings = { tolerance: 1e-6, maxSteps: 60 }

  test('evaluated once, at the solution; tensors of their own, whatever they were', () =>
    leakless(() => {
      const shared = weight()
      const x = tf.tensor2d([[1], [2], [0]])
      const layer = equilibrium(make(shared), { solver: plain(), ...settings })
      calls = 0
      const { state, aux, stats } = layer.solve(x)
      expect(calls).toBe(1)
      expect(stats.evaluations).toBe(stats.steps)
      expect(numbers(aux.itself)).toEqual(numbers(state))
      expect(numbers(aux.energy)).toEqual(numbers(state).map((z) => Math.fround(z * z)))
      tf.dispose(aux)
      expect([x.isDisposed, shared.isDisposed, state.isDisposed]).toEqual([false, false, false])
    }))
  test('asynchronously too, and undefined where the operator has none', async () => {
    const before = tf.memory().numTensors
    const [shared, x] = [weight(), tf.tensor2d([[1], [2]])]
    const layer = equilibrium(make(shared), { solver: plain(), ...settings })
    const { state, aux } = await layer.solveAsync(x)
    expect(numbers(aux.energy)[1]).toBeCloseTo(16, 3)
    const { aux: _, ...parts } = make(shared).bind(x)
    const silent = equilibrium({ ...make(shared), bind: () => parts }, { solver: plain() }).solve(x)
    expect(silent.aux).toBeUndefined()
    tf.dispose([state, aux, silent.state, shared, x])
    expect(tf.memory().numTensors).toBe(before)
  })
  test('gradients reach through them: by the state, and directly', () =>
    leakless(() => {
      const direct = defineOperator({
        name: 'direct',
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
        aux: (z, x) => ({ energy: tf.sum(tf.mul(z, x), 1) }),
      })
      const layer = equilibrium(direct, { solver: plain(), gradient: once, ...settings })
      const slope = tf.grad((x) => tf.sum(layer.solve(x as tf.Tensor2D).aux.energy))(tf.tensor2d([[3]]))
      // z = 2x = 6; ∂(zx) = z + x ∂z, and `once` gives ∂z = 1
      expect(numbers(slope)[0]).toBeCloseTo(6 + 3, 3)
    }))
  test('without a gradient mode they carry none', () =>
    leakless(() => {
      const layer = equilibrium(make(weight()), { solver: plain(), ...settings })
      const slope = tf.grad((x) => tf.sum(tf.add(layer.solve(x as tf.Tensor2D).aux.energy, x)))(tf.tensor2d([[3]]))
      expect(numbers(slope)).toEqual([1])
    }))
  test('one that throws leaves nothing behind', () =>
    leakless(() => {
      const failing = defineOperator({
        name: 'failing',
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
        aux: (z): tf.Tensor => {
          tf.mul(z, 2)
          throw new Error('aux')
        },
      })
      const solver = { ...plain(), resume: () => null }
      expect(() => equilibrium(failing, { solver }).solve(tf.ones([1, 1]), { keepMemory: true })).toThrow('aux')
    }))
})
