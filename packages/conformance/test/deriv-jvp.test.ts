import * as tf from '@tensorflow/tfjs-core'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { TensorTree } from '@equilibria/spec'
import { defineOperator, EquilibriaError, equilibrium } from '@equilibria/core'
import { equilibriumJvp, implicit } from '@equilibria/implicit-diff'
import { anderson, picard } from '@equilibria/solvers'
import { gmres, neumann } from '@equilibria/solvers/linear'
import { hostDeq, hostSlope, leakless, off, square, tensorDeq, W3, X2 } from './deriv-support.ts'

const tight = { tolerance: 1e-7, maxSteps: 300 }
const solver = gmres()
const x2 = (): tf.Tensor2D => tf.tensor2d(X2.map((r) => [...r]))
const kepler = defineOperator<tf.Tensor2D, { e: tf.Tensor2D; M: tf.Tensor2D }>({
  name: 'kepler',
  initial: ({ M }) => tf.zerosLike(M),
  apply: (E, { e, M }) => tf.add(M, tf.mul(e, tf.sin(E))),
})

describe('forward mode', () => {
  test('Kepler: dE/dM and dE/de of the truth case, together and one at a time', () =>
    leakless(() => {
      const layer = equilibrium(kepler, { solver: anderson(), ...tight })
      const x = { e: tf.tensor2d([[0.6], [0.9], [0.99]]), M: tf.tensor2d([[1], [0.3], [0.01]]) }
      const ones = tf.ones([3, 1]) as tf.Tensor2D
      const dM = [0.9829276224269272, 1.681838172468275, 14.831330136830825]
      const de = [0.9825156909388113, 1.5015408602893536, 4.97778864500887]
      // As for the second derivatives of Kepler: the state is off by up to 1.5e-6, the slope 5 times as much.
      expect(off(equilibriumJvp(layer, x, { M: ones }, { solver }).tangent, dM)).toBeLessThan(1e-5)
      expect(off(equilibriumJvp(layer, x, { e: ones, M: null }, { solver }).tangent, de)).toBeLessThan(1e-5)
      const both = equilibriumJvp(layer, x, { e: ones, M: tf.mul(ones, -2) as tf.Tensor2D }, { solver })
      expect(off(both.tangent, de.map((v, i) => v - 2 * dM[i]!))).toBeLessThan(1e-5) // prettier-ignore
      expect(both.solution!.status).toBe('converged')
      expect(both.stats).toMatchObject({ mode: 'jvp(gmres)', converged: true })
      expect(both.stats.perSample.status).toEqual(['converged', 'converged', 'converged'])
      expect(Math.max(...both.stats.perSample.residual)).toBeLessThan(1e-5)
    }))
  test('in the input and in weights that G closes over: (I − J)⁻¹ (∂G/∂x ẋ + ∂G/∂W Ẇ) in float64', () =>
    leakless(() => {
      const W = tf.variable<tf.Rank.R2>(tf.tensor2d(square(W3.flat())))
      const dW = W3.flat().map((_, i) => Math.cos(i))
      const dx = X2.map((row) => row.map((_, i) => 1 - 0.7 * i))
      const want = X2.map((row, b) => {
        // Central differences of the float64 solution along the direction: exact to 1e-9.
        const at = (h: number) =>
          hostDeq(square(W3.flat().map((w, i) => w + h * dW[i]!)), row.map((v, i) => v + h * dx[b]![i]!)).z // prettier-ignore
        return at(1e-5).map((v, i) => (v - at(-1e-5)[i]!) / 2e-5)
      }).flat()
      const direction = tf.tensor2d(dx)
      const moved = tf.tensor2d(square(dW))
      for (const one of [gmres(), neumann(), anderson(), picard()]) {
        const { state } = equilibrium(tensorDeq(W), { solver: anderson(), ...tight }).solve(x2())
        const { tangent, stats, solution } = equilibriumJvp(tensorDeq(W), x2(), direction, {
          solver: one,
          tolerance: 1e-6,
          state,
          parameters: [[W, moved]],
        })
        expect(off(tangent, want)).toBeLessThan(1e-5) // residuals of 1e-6 times ‖(I − J)⁻¹‖ < 4
        expect(stats.converged).toBe(true)
        expect(solution).toBeUndefined()
      }
      W.dispose()
    }))
  test('transposition: ⟨u, Jv⟩ with forward mode is ⟨Jᵀu, v⟩ with reverse mode', () =>
    leakless(() => {
      const W = tf.tensor2d(square(W3.flat()))
      const layer = equilibrium(tensorDeq(W), {
        solver: anderson(),
        gradient: implicit({ solver, tolerance: 1e-7 }),
        ...tight,
      })
      const [u, v, V] = [
        tf.randomNormal([2, 3], 0, 1, 'float32', 1),
        tf.randomNormal([2, 3], 0, 1, 'float32', 2) as tf.Tensor2D,
        tf.randomNormal([3, 3], 0, 1, 'float32', 3),
      ]
      const { tangent } = equilibriumJvp(layer, x2(), v, { solver, tolerance: 1e-7, parameters: [[W, V]] })
      const forward = tf.sum(tf.mul(u, tangent)).dataSync()[0]!
      const [gx, gW] = tf.grads((x: tf.Tensor, w: tf.Tensor) =>
        tf.sum(
          tf.mul(
            u,
            equilibrium(tensorDeq(w), { solver: anderson(), gradient: implicit({ solver, tolerance: 1e-7 }), ...tight })
              .solve(x as tf.Tensor2D).state, // prettier-ignore
          ),
        ),
      )([x2(), W])
      const reverse = tf.add(tf.sum(tf.mul(gx!, v)), tf.sum(tf.mul(gW!, V))).dataSync()[0]!
      // 15 products of size about 1 in float32, residuals of 1e-7 times ‖(I − J)⁻¹‖ < 4.
      expect(Math.abs(forward - reverse)).toBeLessThan(5e-6 * Math.max(1, Math.abs(forward)))
    }))
  test('trees, integers that do not move, weights prepared in bind', () =>
    leakless(() => {
      type X = { readonly rows: tf.Tensor2D; readonly pick: tf.Tensor1D }
      const table = tf.tensor2d([[0.5], [-0.2], [0.9]])
      const layer = equilibrium<{ a: tf.Tensor2D; b: tf.Tensor2D }, X>(
        {
          kind: 'operator',
          spec: 1,
          name: 'tree',
          traits: {},
          bind: ({ rows, pick }) => {
            const rate = tf.tanh(tf.gather(table, pick)) // depends on the parameter, once per solve
            return {
              initial: () => ({ a: tf.zerosLike(rows), b: tf.zeros([rows.shape[0], 2]) }),
              apply: ({ a, b }) => ({
                a: tf.add(tf.mul(a, rate), rows),
                b: tf.concat([tf.mul(a, 0.5), tf.slice(b, [0, 0], [-1, 1])], 1),
              }),
            }
          },
        },
        { solver: picard(), ...tight },
      )
      const x: X = { rows: tf.tensor2d([[1], [2]]), pick: tf.tensor1d([2, 0], 'int32') }
      const { tangent } = equilibriumJvp(
        layer,
        x,
        { rows: tf.tensor2d([[1], [0]]), pick: null },
        { solver, parameters: [[table, tf.tensor2d([[1], [0], [0]])]] },
      )
      // a = r / (1 − tanh t); row 0 moves with r, row 1 with t: 2 sech² / (1 − tanh)². b = (a/2, a/2).
      const t = [0.9, 0.5].map(Math.tanh)
      const want = [1 / (1 - t[0]!), (2 * (1 - t[1]! ** 2)) / (1 - t[1]!) ** 2]
      expect(off(tangent.a, want)).toBeLessThan(1e-5)
      expect(off(tangent.b, want.flatMap((v) => [v / 2, v / 2]))).toBeLessThan(1e-5) // prettier-ignore
    }))
  test('a direction in which nothing moves, and a parameter G does not use: zero', () =>
    leakless(() => {
      const layer = equilibrium(kepler, { solver: anderson(), ...tight })
      const x = { e: tf.tensor2d([[0.6]]), M: tf.tensor2d([[1]]) }
      const stranger = tf.ones([2])
      const { tangent, stats } = equilibriumJvp(layer, x, null, { solver, parameters: [[stranger, stranger]] })
      expect([...tangent.dataSync()]).toEqual([0])
      expect(stats.converged).toBe(true)
    }))
})

describe('forward mode in trouble', () => {
  afterEach(() => void vi.restoreAllMocks())
  const code = (f: () => void): unknown => {
    try {
      f()
    } catch (error) {
      return EquilibriaError.is(error) ? error.code : error
    }
    return 'nothing thrown'
  }
  const affine = defineOperator<tf.Tensor2D, { a: tf.Tensor2D; x: tf.Tensor2D }>({
    name: 'affine',
    initial: ({ x }) => tf.zerosLike(x),
    apply: (z, { a, x }) => tf.add(tf.mul(a, z), x),
  })
  test('a singular row and a NaN row have their own status, and touch no other', () =>
    leakless(() => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
      const x = { a: tf.tensor2d([[0.5], [1], [Number.NaN]]), x: tf.ones([3, 1]) as tf.Tensor2D }
      const state = tf.ones([3, 1]) as tf.Tensor2D
      const tangent = { x: tf.ones([3, 1]) as tf.Tensor2D }
      const run = (onFailure: 'warn' | 'fallback') => equilibriumJvp(affine, x, tangent, { solver, state, onFailure })
      const plain = run('warn')
      expect(warn).toHaveBeenCalledOnce()
      expect(plain.stats.perSample.status[0]).toBe('converged')
      expect(plain.stats.perSample.status[1]).not.toBe('converged')
      expect(plain.stats.perSample.status[2]).not.toBe('converged')
      expect(plain.tangent.dataSync()[0]).toBeCloseTo(2, 5)
      const bounded = run('fallback')
      expect([...bounded.tangent.dataSync()].slice(0, 2).map((v) => Math.round(v * 1e5) / 1e5)).toEqual([2, 1])
      expect(bounded.stats.fallback).toMatch(/2 of 3/)
    }))
  test('errors are named, and leave nothing behind', () => {
    const x = { a: tf.tensor2d([[1.5]]), x: tf.tensor2d([[1]]) }
    const one = tf.tensor2d([[1]])
    const two = tf.ones([1, 2]) as tf.Tensor2D
    const before = tf.memory().numTensors
    const layer = equilibrium(affine, { solver: picard(), tolerance: 1e-4, maxSteps: 5 })
    const jvp = (tangent: unknown, options = {}) =>
      code(() => equilibriumJvp(layer, x, tangent as { x: tf.Tensor2D }, { solver, ...options }))
    expect(jvp({ x: two })).toBe('shape')
    expect(jvp({ y: one })).toBe('shape')
    expect(jvp(one)).toBe('shape')
    expect(jvp({ x: tf.tidy(() => 3) })).toBe('shape')
    expect(jvp({ x: one }, { parameters: [[one, two]] })).toBe('shape')
    expect(jvp({ x: one }, { tolerance: -1 })).toBe('option')
    expect(code(() => equilibriumJvp(affine, x, { x: one }, { solver }))).toBe('option')
    expect(jvp({ x: one }, { maxSteps: 1, onFailure: 'throw' })).toBe('gradient')
    const inside = () => tf.grad((t: tf.Tensor) => (equilibriumJvp(layer, x, { x: one }, { solver }), tf.sum(t)))(one)
    expect(code(inside)).toBe('gradient')
    const boom = defineOperator<tf.Tensor2D, TensorTree>({
      name: 'boom',
      initial: () => tf.zeros([1, 1]),
      apply: (z) => {
        tf.tanh(z)
        throw new Error('boom')
      },
    })
    const state = tf.zeros([1, 1]) as tf.Tensor2D
    expect(code(() => equilibriumJvp(boom, one, one, { solver, state }))).toMatchObject({ message: 'boom' })
    tf.dispose(state)
    expect(tf.memory().numTensors - before).toBe(0)
    tf.dispose([x, one, two])
  })
  test('the tangent and the solution are the only tensors left, and belong to the caller', () => {
    const layer = equilibrium(tensorDeq(tf.tidy(() => tf.variable(tf.tensor2d(square(W3.flat()))))), {
      solver: anderson(),
      ...tight,
    })
    const x = x2()
    const before = tf.memory().numTensors
    const { tangent, solution } = equilibriumJvp(layer, x, x, { solver })
    expect(tf.memory().numTensors - before).toBe(2)
    const want = X2.flatMap((row) => hostSlope(W3, row).map((s) => s.reduce((t, v, k) => t + v * row[k]!, 0)))
    expect(off(tangent, want)).toBeLessThan(1e-5)
    tf.dispose([tangent, solution!.state, x])
    tf.disposeVariables()
  })
})
