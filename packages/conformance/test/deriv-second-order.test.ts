import * as tf from '@tensorflow/tfjs-core'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BackwardStats, GradientMode, Operator } from '@equilibria/spec'
import { defineOperator, EquilibriaError, equilibrium, type EquilibriumLayer } from '@equilibria/core'
import { anderson, picard } from '@equilibria/solvers'
import { gmres, neumann } from '@equilibria/solvers/linear'
import {
  autoGradient,
  implicit,
  jacobianFree,
  neumannGradient,
  phantom,
  truncatedUnrolled,
  unrolled,
} from '@equilibria/implicit-diff'
import { gradientChecks } from '@equilibria/conformance'
import { jvp, offTape, record } from '@equilibria/tensor'
import { removeRepairs } from '@equilibria/tensor/gradients'
import { hostDeq, hostSlope, leakless, off, slopes, square, tensorDeq, W3, X2 } from './deriv-support.ts'

type Fn = (x: tf.Tensor) => tf.Tensor
const derivative =
  (f: Fn): Fn =>
  (x) =>
    tf.grad((t: tf.Tensor) => tf.sum(f(t)))(x)

const tight = { tolerance: 1e-7, maxSteps: 300 }
const exact = (): GradientMode => implicit({ solver: gmres(), tolerance: 1e-7, onFailure: 'throw' })
const layerOf = <X extends tf.Tensor | { readonly [key: string]: tf.Tensor }>(
  operator: Operator<tf.Tensor2D, X>,
  gradient = exact(),
): EquilibriumLayer<tf.Tensor2D, X> => equilibrium(operator, { solver: anderson(), gradient, ...tight })

/** A state of one entry per row, mapped by `G(z, x)`; `f(x)` is `z*`. */
const scalarMap = (apply: (z: tf.Tensor, x: tf.Tensor) => tf.Tensor): Fn => {
  const layer = layerOf(
    defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'scalar',
      initial: (x) => tf.zerosLike(x),
      apply: (z, x) => apply(z, x) as tf.Tensor2D,
    }),
  )
  return (x) => layer.solve(x as tf.Tensor2D).state
}

// Forward and adjoint residuals of about 1e-7 in float32, amplified by 1 / (1 − μ) once per order; tolerances below are
// relative to the largest entry, with a factor of 5 to 10 to spare.
describe('derivatives of derivatives, against closed forms', () => {
  test('Kepler: dE/dM, d²E/dM² (truth case), d³E/dM³', () =>
    leakless(() => {
      const e = tf.tensor2d([[0.6], [0.9], [0.99]])
      const M = tf.tensor2d([[1], [0.3], [0.01]])
      const layer = layerOf(
        defineOperator<tf.Tensor2D, { e: tf.Tensor2D; M: tf.Tensor2D }>({
          name: 'kepler',
          initial: (x) => tf.zerosLike(x.M),
          apply: (E, x) => tf.add(x.M, tf.mul(x.e, tf.sin(E))),
        }),
      )
      const f: Fn = (m) => layer.solve({ e, M: m as tf.Tensor2D }).state
      const [first, second] = [derivative(f), derivative(derivative(f))]
      // The state is off by up to 1.5e-6 (1e-7 times dE/dM = 15), and dE/dM moves e sin E dE/dM = 5 times as fast, relatively.
      expect(off(first(M), [0.9829276224269272, 1.681838172468275, 14.831330136830825])).toBeLessThan(1e-5)
      expect(off(second(M), [-0.5695525819425021, -3.822505113237463, -1084.0064132196017])).toBeLessThan(5e-5)
      // E' = 1 / (1 − e cos E), E'' = −e sin E E'³, E''' = −e cos E E'⁴ − 3 e sin E E'² E''
      expect(off(derivative(second)(M), [1.0062861590692234, 22.819878274122, 192563.03284377157])).toBeLessThan(2e-4)
    }))
  test('z = a z + 2 x − 0.3: d²z/da² (truth case), 2 z / (1 − a)²', () =>
    leakless(() => {
      const f = scalarMap((z, a) => tf.add(tf.mul(a, z), 2.2))
      expect(off(derivative(derivative(f))(tf.tensor2d([[0.7]])), [162.96296296296296])).toBeLessThan(1e-5)
    }))
  test('z = tanh(w z + 0.4) at w = 0.3: 0.4839608, 0.5318631', () =>
    leakless(() => {
      const f = scalarMap((z, w) => tf.tanh(tf.add(tf.mul(w, z), 0.4)))
      const w = tf.tensor2d([[0.3]])
      expect(off(derivative(f)(w), [0.4839607684])).toBeLessThan(1e-6)
      expect(off(derivative(derivative(f))(w), [0.5318631])).toBeLessThan(2e-6)
    }))
  test('z = relu(w z + x): 2 x / (1 − w)³ where active, 0 where not', () =>
    leakless(() => {
      for (const [x, want] of [
        [1, 16],
        [-1, 0],
      ] as const) {
        const f = scalarMap((z, w) => tf.relu(tf.add(tf.mul(w, z), x)))
        expect(off(derivative(derivative(f))(tf.tensor2d([[0.5]])), [want])).toBeLessThan(1e-5)
      }
    }))
  test('ridge regression: d²L/dλ² of the validation loss (truth case)', () =>
    leakless(() => {
      const [X, y] = [tf.tensor2d([[1, 2], [3, 4], [5, 6]]), tf.tensor2d([[1], [2], [4]])] // prettier-ignore
      const [Xv, yv] = [tf.tensor2d([[1, 0], [1, 1]]), tf.tensor2d([[1], [2]])] // prettier-ignore
      // Gradient descent, as w ← w − s ((XᵀX + λ) w − Xᵀy): contraction 0.979, condition 95.
      const gd = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'ridge',
        initial: () => tf.zeros([1, 2]),
        apply: (w, lambda) => {
          const residual = tf.sub(tf.matMul(X, tf.transpose(w)), y)
          const slope = tf.add(tf.transpose(tf.matMul(X, residual, true)), tf.mul(lambda, w))
          return tf.sub(w, tf.mul(slope, 0.021645021645021644))
        },
      })
      const layer = layerOf(gd)
      const loss: Fn = (lambda) => {
        const w = layer.solve(lambda as tf.Tensor2D).state
        return tf.mul(tf.sum(tf.squaredDifference(tf.matMul(Xv, w, false, true), yv)), 0.5)
      }
      const lambda = tf.tensor2d([[0.7]])
      // 1 / (1 − 0.979) = 48 times 1e-7, squared for the second: 2e-4 in the worst case.
      expect(off(derivative(loss)(lambda), [0.10418228678230027])).toBeLessThan(1e-5)
      expect(off(derivative(derivative(loss))(lambda), [-0.17978006703607438])).toBeLessThan(2e-4)
    }))
})

describe('parameters that G closes over', () => {
  const [x2, w9] = [X2.map((row) => [...row]), W3.flat()]
  /** `P(W) = Σ (∂ Σz /∂x)²`, a gradient penalty, in float64. */
  const penalty = (w: readonly number[]): number =>
    X2.flatMap((x) => {
      const S = hostSlope(square(w), x)
      return x.map((_, k) => S.reduce((s, row) => s + row[k]!, 0) ** 2)
    }).reduce((a, b) => a + b, 0)
  const penalise = (layer: EquilibriumLayer<tf.Tensor2D, tf.Tensor2D>, x: tf.Tensor): tf.Scalar => {
    const slope = tf.grad((t: tf.Tensor) => tf.sum(layer.solve(t as tf.Tensor2D).state))(x)
    return tf.sum(tf.square(slope))
  }
  test('variableGrads of a gradient penalty equals central differences in float64', () =>
    leakless(() => {
      const W = tf.variable<tf.Rank.R2>(tf.tensor2d(square(w9)))
      const layer = layerOf(tensorDeq(W))
      const { value, grads } = tf.variableGrads(() => penalise(layer, tf.tensor2d(x2)), [W])
      expect(off(value.dataSync(), [penalty(w9)])).toBeLessThan(1e-6)
      expect(off(Object.values(grads)[0]!, slopes(penalty, w9))).toBeLessThan(5e-6)
      W.dispose()
    }))
  test('a loss that uses z* itself, its gradient, and another solve, all at once', () =>
    leakless(() => {
      // L = Σ z(x)² + Σ (∂Σz/∂x)² + Σ z(2x): the first-order and second-order paths share one layer and one tape.
      const want = (w: readonly number[]) =>
        penalty(w) +
        X2.flatMap((x) => hostDeq(square(w), x).z.map((v) => v * v)).reduce((a, b) => a + b, 0) +
        X2.flatMap((x) => hostDeq(square(w), x.map((v) => 2 * v)).z).reduce((a, b) => a + b, 0) // prettier-ignore
      const W = tf.variable<tf.Rank.R2>(tf.tensor2d(square(w9)))
      const layer = layerOf(tensorDeq(W))
      let kept: tf.Tensor | undefined
      const { value, grads } = tf.variableGrads(() => {
        const x = tf.tensor2d(x2)
        const slope = tf.grad((t: tf.Tensor) => {
          kept = tf.keep(layer.solve(t as tf.Tensor2D).state) // out of the inner gradient, into the outer loss
          return tf.sum(kept)
        })(x)
        const other = layer.solve(tf.mul(x, 2)).state
        return tf.addN([tf.sum(tf.square(kept!)), tf.sum(tf.square(slope)), tf.sum(other)]) as tf.Scalar
      }, [W])
      expect(off(value.dataSync(), [want(w9)])).toBeLessThan(1e-6)
      expect(off(Object.values(grads)[0]!, slopes(want, w9))).toBeLessThan(5e-6)
      tf.dispose([kept!, W])
    }))
  test('Hessian–vector products: of the input, and by jvp over grad', () =>
    leakless(() => {
      const W = tf.tensor2d(square(w9))
      const layer = layerOf(tensorDeq(W))
      const loss: Fn = (x) => tf.sum(tf.square(layer.solve(x as tf.Tensor2D).state))
      const hvp = (x: tf.Tensor, v: tf.Tensor): tf.Tensor =>
        tf.grad((t: tf.Tensor) => tf.sum(tf.mul(tf.grad((s: tf.Tensor) => loss(s))(t), v)))(x)
      const x = tf.tensor2d(x2)
      const v = tf.tensor2d([1, -2, 0.5, 0.3, 0.7, -1], [2, 3])
      const host = (row: readonly number[]) => (p: readonly number[]) => {
        const { z } = hostDeq(W3, p)
        const S = hostSlope(W3, p)
        return row.reduce((s, r, k) => s + r * 2 * z.reduce((t, zi, i) => t + zi * S[i]![k]!, 0), 0)
      }
      const want = [slopes(host([1, -2, 0.5]), X2[0]!), slopes(host([0.3, 0.7, -1]), X2[1]!)].flat()
      expect(off(hvp(x, v), want)).toBeLessThan(5e-6)
      // Forward over reverse: the same numbers from the pullback of the gradient map.
      const along = jvp((t: tf.Tensor) => tf.grad((s: tf.Tensor) => loss(s))(t), x as tf.Tensor, v as tf.Tensor)
      expect(off(along, want)).toBeLessThan(5e-6)
    }))
  test('a layer inside the operator of a layer', () =>
    leakless(() => {
      // Inner: y = y/2 cos(w) + z w; outer: z = 0.4 tanh(y(z)) + x. In float64 by plain iteration.
      const host = (w: number, x: number): number => {
        let z = 0
        for (let k = 0; k < 300; k++) z = 0.4 * Math.tanh((z * w) / (1 - Math.cos(w) / 2)) + x
        return z
      }
      const inner = layerOf(
        defineOperator<tf.Tensor2D, { w: tf.Tensor; z: tf.Tensor }>({
          name: 'inner',
          initial: ({ z }) => tf.zerosLike(z) as tf.Tensor2D,
          apply: (y, { w, z }) => tf.add(tf.mul(tf.mul(y, 0.5), tf.cos(w)), tf.mul(z, w)) as tf.Tensor2D,
        }),
      )
      const f = scalarMap((z, w) => tf.add(tf.mul(tf.tanh(inner.solve({ w, z }).state), 0.4), 0.3))
      const at = 0.7
      const h = 1e-4
      const want = (host(at + h, 0.3) - 2 * host(at, 0.3) + host(at - h, 0.3)) / h ** 2 // exact to 1e-7
      expect(
        off(
          derivative(f)(tf.tensor2d([[at]])),
          slopes(([w]) => host(w!, 0.3), [at]),
        ),
      ).toBeLessThan(2e-6)
      expect(off(derivative(derivative(f))(tf.tensor2d([[at]])), [want])).toBeLessThan(2e-5)
    }))
  test('other adjoint solvers, coupled rows', () =>
    leakless(() => {
      const W = tf.tensor2d(square(w9))
      for (const solver of [anderson(), picard(), neumann()]) {
        const gradient = implicit({ solver, tolerance: 1e-6, maxSteps: 200, onFailure: 'throw' })
        const grad = tf.grad((V: tf.Tensor) => penalise(layerOf(tensorDeq(V), gradient), tf.tensor2d(x2)))
        expect(off(grad(W), slopes(penalty, w9))).toBeLessThan(5e-5)
      }
      // z = tanh(C z + x) over the rows: one system. Compared with the same map laid out as one row.
      const C = tf.tensor2d([[0.2, 0.5], [-0.4, 0.1]]) // prettier-ignore
      const coupled = layerOf(
        defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'coupled',
          traits: { rowwise: false },
          initial: (x) => tf.zerosLike(x),
          apply: (z, x) => tf.tanh(tf.add(tf.matMul(C, z), x)),
        }),
      )
      const single = layerOf(
        defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'single',
          initial: (x) => tf.zerosLike(x),
          apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, C, false, true), x)),
        }),
      )
      const two = (layer: typeof single): Fn =>
        derivative((x) => tf.square(derivative((t) => layer.solve(t as tf.Tensor2D).state)(x)))
      const row = tf.tensor2d([[0.4, -0.9]])
      const want = Array.from(two(single)(row).dataSync())
      expect(off(two(coupled)(tf.transpose(row)), want)).toBeLessThan(5e-6)
    }))
})

describe('what it reports, costs and leaves behind', () => {
  test('every solve of a second-order pass is reported', () =>
    leakless(() => {
      const seen: BackwardStats[] = []
      const layer = layerOf(tensorDeq(tf.tensor2d(square(W3.flat()))))
      const f: Fn = (x) => layer.solve(x as tf.Tensor2D, { onBackward: (s) => seen.push(s) }).state
      derivative((x) => tf.square(derivative(f)(x)))(tf.tensor2d(X2.map((r) => [...r])))
      expect(seen.map((s) => s.mode)).toEqual(['implicit(gmres)', 'implicit(gmres), tangent', 'implicit(gmres)'])
      expect(seen.every((s) => s.converged && s.perSample.status.length === 2)).toBe(true)
    }))
  test('training with a gradient penalty: the number of tensors is the same after every step', () => {
    const W = tf.tidy(() => tf.variable<tf.Rank.R2>(tf.tensor2d(square(W3.flat()))))
    const x = tf.tensor2d(X2.map((r) => [...r]))
    const layer = layerOf(tensorDeq(W))
    const optimizer = tf.train.sgd(0.05)
    const losses: number[] = []
    const counts: number[] = []
    for (let step = 0; step < 6; step++) {
      const loss = optimizer.minimize(
        () => {
          const slope = tf.grad((t: tf.Tensor) => tf.sum(layer.solve(t as tf.Tensor2D).state))(x)
          return tf.sum(tf.square(slope))
        },
        true,
        [W],
      )!
      losses.push(loss.dataSync()[0]!)
      loss.dispose()
      counts.push(tf.memory().numTensors)
    }
    expect(new Set(counts).size).toBe(1)
    expect(losses.every((l, i) => i === 0 || l < losses[i - 1]!)).toBe(true)
    tf.dispose([W, x])
    optimizer.dispose()
  })
})

describe('never silently wrong', () => {
  afterEach(() => void vi.restoreAllMocks())
  const code = (f: () => void): unknown => {
    try {
      f()
    } catch (error) {
      return EquilibriaError.is(error) ? `${error.code}: ${error.message}` : error
    }
    return 'nothing thrown'
  }
  const W = () => tf.tensor2d(square(W3.flat()))
  const x = () => tf.tensor2d(X2.map((r) => [...r]))
  const twice = (gradient: GradientMode, options = {}) => {
    const layer = equilibrium(tensorDeq(W()), { solver: anderson(), gradient, ...tight, ...options })
    const f: Fn = (t) => layer.solve(t as tf.Tensor2D).state
    return derivative((t) => tf.square(derivative(f)(t)))(x())
  }
  /** An exception inside a nested gradient: nothing is left. */
  const refusedFor = (f: () => void): unknown => {
    const before = tf.memory().numTensors
    let seen: unknown
    tf.tidy(() => {
      seen = code(f)
    })
    expect(tf.memory().numTensors - before).toBe(0)
    expect(tf.engine().state.gradientDepth).toBe(0)
    leakless(() => expect(off(tf.grad((t: tf.Tensor) => tf.sum(tf.square(t)))(tf.tensor1d([3])), [6])).toBe(0))
    return seen
  }
  test.each([
    ['jacobian-free', jacobianFree],
    ['neumann', neumannGradient],
    ['phantom', phantom],
    ['truncated unrolling', truncatedUnrolled],
  ] as const)('%s refuses', (name, make) =>
    expect(refusedFor(() => twice(make()))).toMatch(new RegExp(`^gradient: ${name}.*fixed`)),
  )
  test('unrolled: the derivative of the derivative of the t-step map, against float64', () =>
    leakless(() => {
      const steps = 4
      // Σ z_t², z_t = tanh(w z + 0.3) t times from 0.
      const host = (w: number) => {
        let z = 0
        for (let k = 0; k < steps; k++) z = Math.tanh(w * z + 0.3)
        return z * z
      }
      const layer = equilibrium(
        defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'scalar',
          initial: (w) => tf.zerosLike(w),
          apply: (z, w) => tf.tanh(tf.add(tf.mul(w, z), 0.3)),
        }),
        { solver: picard(), gradient: unrolled(), tolerance: 0, maxSteps: steps },
      )
      const f: Fn = (w) => tf.square(layer.solve(w as tf.Tensor2D).state)
      const h = 1e-4
      const want = (host(0.8 + h) - 2 * host(0.8) + host(0.8 - h)) / h ** 2
      expect(off(derivative(derivative(f))(tf.tensor2d([[0.8]])), [want])).toBeLessThan(5e-6)
    }))
  test('the check for plugins catches a mode that is silently wrong', () => {
    // The implicit gradient as it is often written: u is found aside, and a second pass sees a constant.
    const naive: GradientMode = {
      kind: 'gradient',
      spec: 1,
      name: 'naive',
      forward: 'detached',
      attach: ({ z, problem }) => {
        const once = record(problem.apply, z)
        const solve = (dy: tf.Tensor) => {
          return offTape(() =>
            tf.tidy(() => gmres().solve(once.vjp, dy as tf.Tensor2D, { tolerance: 1e-7, maxSteps: 50 }).u),
          )
        }
        return tf.customGrad(() => ({ value: tf.clone(z), gradFunc: solve }))(once.value) as tf.Tensor2D
      },
    }
    const check = gradientChecks(() => naive).find(({ name }) => name.includes('second derivative'))!
    expect(() => check.run()).toThrow(/second derivative is .*, not 0\.53/)
  })
  test('autoGradient, whatever method it chooses', () =>
    leakless(() =>
      expect(off(twice(autoGradient({ krylov: gmres() })), Array.from(twice(exact()).dataSync()))).toBeLessThan(1e-4),
    ))
  test('samples that fell back to a bounded gradient: refused', () =>
    expect(refusedFor(() => twice(implicit({ solver: gmres(), maxSteps: 2, onFailure: 'fallback' })))).toMatch(
      /^gradient: A second derivative was asked/,
    ))
  test('an op whose gradient has no gradient: named', () => {
    const lrn = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'lrn',
      initial: (t) => tf.zerosLike(t),
      apply: (z, t) =>
        tf.add(
          tf.mul(tf.reshape(tf.localResponseNormalization(tf.reshape(z, [2, 1, 1, 3]) as tf.Tensor4D), [2, 3]), 0.3),
          t,
        ),
    })
    const f: Fn = (t) => layerOf(lrn).solve(t as tf.Tensor2D).state
    leakless(() => expect(() => derivative(f)(x())).not.toThrow()) // the first is fine
    expect(refusedFor(() => derivative((t) => tf.square(derivative(f)(t)))(x()))).toMatch(/^gradient: The op "LRNGrad"/)
  })
  test('a row of NaN, and a row without equilibrium, touch no other', () =>
    leakless(() => {
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      const layer = equilibrium(tensorDeq(W()), { solver: picard(), gradient: implicit({ solver: gmres() }), ...tight })
      const f: Fn = (t) => layer.solve(t as tf.Tensor2D).state
      const second = (t: tf.Tensor) => derivative((s) => tf.square(derivative(f)(s)))(t)
      const alone = second(tf.tensor2d([[...X2[0]!]])).dataSync()
      const rows = second(tf.tensor2d([[...X2[0]!], [Number.NaN, 0, 0], [...X2[1]!]])).dataSync()
      expect(off(rows.slice(0, 3), Array.from(alone))).toBeLessThan(1e-6)
      expect(rows.slice(6).every(Number.isFinite)).toBe(true)
    }))
  test('without the repaired gradients it throws, instead of losing the curvature of tanh', () => {
    removeRepairs() // for good: this is the last test of the file
    expect(refusedFor(() => twice(exact()))).toMatch(/^gradient: .*not repaired/)
  })
})
