import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BackwardStats, GradientMode, LinearSolver, Operator } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import {
  anderson,
  applyInverseTransposed,
  broyden,
  linearProxSplitting,
  peacemanRachford,
  picard,
  proximal,
} from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import {
  adjointMemory,
  autoGradient,
  checkpointedUnrolled,
  fixedPointCorrection,
  implicit,
  jacobianFree,
  neumannGradient,
  phantom,
  shine,
  truncatedUnrolled,
  unrolled,
} from '@equilibria/implicit-diff'
import { checkpointed } from '@equilibria/tensor'
import { off, slopes } from './deriv-support.ts'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => {
  vi.restoreAllMocks()
  expect(tf.memory().numTensors).toBe(before)
  expect(tf.engine().state.gradientDepth).toBe(0)
})

const tanh = defineOperator<tf.Tensor2D, tf.Tensor2D>({
  name: 'tanh',
  initial: (x) => tf.zerosLike(x),
  apply: (z, x) => tf.tanh(tf.add(tf.mul(z, 0.5), x)),
})
const modes: readonly (readonly [string, () => GradientMode])[] = [
  ['implicit', () => implicit({ solver: gmres() })],
  ['warm', () => implicit({ solver: gmres(), warmStart: adjointMemory() })],
  ['auto', () => autoGradient({ krylov: gmres() })],
  ['shine', () => shine({ inverse: applyInverseTransposed })],
  ['neumann', () => neumannGradient()],
  ['phantom', () => phantom({ steps: 2 })],
  ['jacobianFree', jacobianFree],
  ['truncated', () => truncatedUnrolled({ steps: 2 })],
  ['unrolled', unrolled],
  ['checkpointed', () => checkpointedUnrolled()],
]
const boom = () => {
  throw new Error('boom')
}

describe('an exception in what the user gave, in the backward pass: nothing is left, and the next gradient works', () => {
  test.each(modes)('%s: in onBackward', (name, mode) => {
    const solver = name === 'shine' ? broyden() : picard()
    const layer = equilibrium(tanh, { solver, gradient: mode(), maxSteps: 6, tolerance: 0 })
    const x = tf.tensor2d([[0.3, 1]])
    const start = tf.memory().numTensors
    for (const order of [1, 2]) {
      const first = (t: tf.Tensor) =>
        tf.grad((s: tf.Tensor) => tf.sum(layer.solve(s as tf.Tensor2D, { onBackward: boom }).state))(t)
      expect(() => tf.tidy(() => (order === 1 ? first(x) : tf.grad((t: tf.Tensor) => first(t))(x)).size)).toThrow(
        order === 1 ? 'boom' : /boom|second derivative/,
      )
      expect(tf.memory().numTensors, `order ${order}`).toBe(start)
    }
    tf.tidy(() => {
      const run = equilibrium(tanh, { solver, gradient: mode() })
      expect(
        tf
          .grad((s: tf.Tensor) => tf.sum(run.solve(s as tf.Tensor2D).state))(x)
          .dataSync()[0],
      ).toBeGreaterThan(0.5)
    })
    x.dispose()
  })
  test('in a linear solver, an inverse, a projection, a loss', () => {
    const throwing: LinearSolver = { ...gmres(), solve: boom }
    const x = tf.tensor2d([[0.3, 1]])
    const start = tf.memory().numTensors
    for (const gradient of [
      implicit({ solver: throwing }),
      implicit({ solver: gmres(), tangent: boom }),
      autoGradient({ krylov: throwing, tolerance: 1e-7 }),
      shine({ inverse: boom }),
      shine({ inverse: applyInverseTransposed, solver: throwing, refine: 0, tolerance: 0 }),
    ]) {
      const layer = equilibrium(tanh, { solver: broyden(), gradient })
      expect(() => tf.grad((t: tf.Tensor) => tf.sum(layer.solve(t as tf.Tensor2D).state))(x)).toThrow('boom')
      expect(tf.memory().numTensors, gradient.name).toBe(start)
    }
    const layer = equilibrium(tanh, { solver: picard() })
    expect(() => fixedPointCorrection(layer, x, { at: [1, 2] }, boom)).toThrow('boom')
    expect(tf.memory().numTensors).toBe(start)
    x.dispose()
  })
})

describe('compositions', () => {
  test('a gradient penalty through an encoder, two layers and shared weights: against float64, to third order', () => {
    // e = sin(p x); y = 0.5 tanh(q y + e); z = 0.4 cos(q z + y); L = z² + (dz/dx)².
    const host = ([p, q, x]: readonly number[]): number => {
      const e = Math.sin(p! * x!)
      let [y, z] = [0, 0]
      for (let k = 0; k < 200; k++) y = 0.5 * Math.tanh(q! * y + e)
      for (let k = 0; k < 200; k++) z = 0.4 * Math.cos(q! * z + y)
      const d = 0.5 * (1 - Math.tanh(q! * y + e) ** 2)
      const yx = (d * p! * Math.cos(p! * x!)) / (1 - d * q!)
      const s = -0.4 * Math.sin(q! * z + y)
      const zx = (s * yx) / (1 - s * q!)
      return z * z + zx * zx
    }
    const at = [1.3, 0.8, 0.6]
    for (const gradient of [
      implicit({ solver: gmres(), tolerance: 1e-7 }),
      implicit({ solver: anderson(), tolerance: 1e-6, maxSteps: 100 }),
      autoGradient({ krylov: gmres(), tolerance: 1e-7 }),
    ])
      for (const wrapped of gradient.name === 'auto' ? [false, true] : [false]) {
        const [p, q] = at.slice(0, 2).map((v) => tf.tidy(() => tf.variable(tf.scalar(v)))) as [tf.Variable, tf.Variable]
        tf.tidy(() => {
          const run = { solver: anderson(), gradient, tolerance: 1e-7, maxSteps: 100 }
          const first = equilibrium(
            defineOperator<tf.Tensor2D, tf.Tensor2D>({
              name: 'first',
              initial: (x) => tf.zerosLike(x),
              apply: (y, e) => tf.mul(tf.tanh(tf.add(tf.mul(q, y), e)), 0.5),
            }),
            run,
          )
          const second = equilibrium(
            defineOperator<tf.Tensor2D, tf.Tensor2D>({
              name: 'second',
              initial: (x) => tf.zerosLike(x),
              apply: (z, y) => tf.mul(tf.cos(tf.add(tf.mul(q, z), y)), 0.4),
            }),
            run,
          )
          const solve = (x: tf.Tensor): tf.Tensor => {
            const parts = [
              ([t]: readonly tf.Tensor[]) => [first.solve(tf.sin(tf.mul(p, t!)) as tf.Tensor2D).state],
              ([t]: readonly tf.Tensor[]) => [second.solve(t as tf.Tensor2D).state],
            ]
            if (wrapped) return checkpointed([x], parts)[0]!
            return parts.reduce<readonly tf.Tensor[]>((state, part) => part(state), [x])[0]!
          }
          const loss = (x: tf.Tensor): tf.Scalar => {
            const slope = tf.grad((t: tf.Tensor) => tf.sum(solve(t)))(x)
            return tf.add(tf.sum(tf.square(solve(x))), tf.sum(tf.square(slope))) as tf.Scalar
          }
          const x = tf.tensor2d([[at[2]!]])
          const { value, grads } = tf.variableGrads(() => loss(x), [p, q])
          expect(off(value, [host(at)])).toBeLessThan(1e-6)
          const got = [grads[p.name]!, grads[q.name]!, tf.grad(loss)(x)].map((t) => t.dataSync()[0]!)
          // Two orders, each an adjoint of 1e-6 over 1 − μ, in float32.
          expect(off(got, slopes(host, at)), `${gradient.name}, ${wrapped}`).toBeLessThan(1e-5)
        })
        tf.dispose([p, q])
      }
  })
  test('a state of rank 0, and a batch of one by one', () => {
    tf.tidy(() => {
      const scalar = defineOperator<tf.Tensor, tf.Tensor>({
        name: 'scalar',
        initial: () => tf.scalar(0),
        apply: (z, x) => tf.mul(tf.cos(tf.add(z, x)), 0.5),
      })
      for (const [name, mode] of modes) {
        if (/neumann|phantom|jacobian|truncated/.test(name)) continue
        const solver = name === 'shine' ? broyden() : picard()
        const layer = equilibrium(scalar, { solver, gradient: mode(), tolerance: 1e-6 })
        const got = tf.grad((x: tf.Tensor) => layer.solve(x).state)(tf.scalar(0.3))
        const host = ([x]: readonly number[]) => {
          let z = 0
          for (let k = 0; k < 100; k++) z = 0.5 * Math.cos(z + x!)
          return z
        }
        expect(got.shape).toEqual([])
        expect(off(got, slopes(host, [0.3])), name).toBeLessThan(name === 'shine' ? 0.1 : 1e-5)
      }
    })
  })
})

describe('a layer inside the operator of a layer', () => {
  test.each(modes.filter(([name]) => !/warm|jacobian/.test(name)))(
    '%s: an exception in the inner operator, wherever it falls, and an abort in the middle, leave nothing',
    (name, mode) => {
      const solver = () => (name === 'shine' ? broyden() : picard())
      const x = tf.tensor2d([[0.3, 1]])
      const start = tf.memory().numTensors
      let [calls, at, thrown] = [0, 0, 0]
      const inner = equilibrium(
        defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'inner',
          initial: (z) => tf.zerosLike(z),
          apply: (y, z) => {
            const next = tf.tanh(tf.add(tf.mul(y, 0.3), z))
            if (++calls === at) throw new Error('boom')
            return next
          },
        }),
        { solver: solver(), gradient: mode(), tolerance: 0, maxSteps: 3 },
      )
      const outer = equilibrium(
        defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'outer',
          initial: (t) => tf.zerosLike(t),
          apply: (z, t) => tf.add(tf.mul(inner.solve(z).state, 0.4), t),
        }),
        { solver: solver(), gradient: mode(), tolerance: 0, maxSteps: 4 },
      )
      const run = (options: object = {}) =>
        tf.tidy(() =>
          tf
            .grad((t: tf.Tensor) => tf.sum(outer.solve(t as tf.Tensor2D, options).state))(x)
            .dataSync(),
        )
      run()
      const all = calls
      for (at = 1; at <= all; at += 5) {
        calls = 0
        try {
          run()
        } catch (error) {
          thrown++
          expect((error as Error).message).toBe('boom')
        }
        expect([at, tf.memory().numTensors]).toEqual([at, start])
      }
      expect(thrown).toBe(Math.ceil(all / 5))
      at = 0
      const abort = new AbortController()
      const found = run({ signal: abort.signal, onProgress: () => abort.abort() })
      expect(found.every(Number.isFinite)).toBe(true)
      expect(tf.memory().numTensors).toBe(start)
      x.dispose()
    },
  )
})

describe('rows that are not numbers', () => {
  test('a sample of NaN adds nothing to the gradient of shared parameters under fallback', () => {
    const w = tf.tidy(() => tf.variable(tf.scalar(0.8)))
    tf.tidy(() => {
      const affine = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'affine',
        initial: (x) => x, // so that the state is NaN as well
        apply: (z, x) => tf.add(tf.mul(tf.mul(w, z), 0.5), x),
      })
      for (const gradient of [
        implicit({ solver: gmres(), onFailure: 'fallback' }),
        autoGradient({ krylov: gmres(), onFailure: 'fallback' }),
        shine({ inverse: applyInverseTransposed, solver: gmres(), tolerance: 1e-5 }),
      ]) {
        const layer = equilibrium(affine, { solver: broyden(), gradient, tolerance: 1e-6 })
        const seen: BackwardStats[] = []
        const { grads } = tf.variableGrads(() => {
          const { state } = layer.solve(tf.tensor2d([[1], [Number.NaN]]), { onBackward: (s) => seen.push(s) })
          return tf.sum(state) as tf.Scalar
        }, [w])
        expect(seen[0]!.perSample.status).toEqual(['converged', 'unsolved'])
        expect(
          off(
            grads[w.name]!,
            slopes(([a]) => 1 / (1 - a! / 2), [0.8]),
          ),
          gradient.name,
        ).toBeLessThan(1e-4)
      }
    })
    w.dispose()
  })
  test('an adjoint that failed is no start for the next', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    tf.tidy(() => {
      const warmStart = adjointMemory()
      const layer = equilibrium(tanh, { solver: picard(), gradient: implicit({ solver: gmres(), warmStart }) })
      const status = (weights: readonly number[]) => {
        const seen: BackwardStats[] = []
        tf.grad((x: tf.Tensor) => {
          const { state } = layer.solve(x as tf.Tensor2D, { onBackward: (s) => seen.push(s) })
          return tf.sum(tf.mul(state, tf.tensor2d(weights.map((v) => [v]))))
        })(tf.tensor2d([[0.3, 1], [0.1, 2]])) // prettier-ignore
        return seen[0]!.perSample.status
      }
      expect(status([1, Number.NaN])).toEqual(['converged', 'non-finite'])
      expect(status([1, 1])).toEqual(['converged', 'converged'])
      warmStart.dispose()
    })
  })
})

test('samples that move each other have no row-by-row parts: an adjoint by splitting says so', () => {
  const x = tf.tensor2d([[0.3], [0.1]])
  const weights = tf.tensor2d([[-3]])
  const coupled: Operator<tf.Tensor2D, tf.Tensor2D> = {
    kind: 'operator',
    spec: 1,
    name: 'coupled',
    traits: { rowwise: false },
    bind: (bias) => ({
      initial: () => tf.zerosLike(bias),
      apply: (z) => tf.tanh(tf.add(tf.matMul(z, weights), bias)),
      splitting: linearProxSplitting({ weights, bias, proximal: proximal.tanh, monotonicity: 4, lipschitz: 4 }),
    }),
  }
  const gradient = implicit({ solver: peacemanRachford() })
  const layer = equilibrium(coupled, { solver: peacemanRachford(), gradient })
  expect(() => tf.grad((t: tf.Tensor) => tf.sum(layer.solve(t as tf.Tensor2D).state))(x)).toThrow(/offers no splitting/)
  tf.dispose([x, weights])
})
