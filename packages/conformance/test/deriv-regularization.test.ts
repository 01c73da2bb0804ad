import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { defineOperator, EquilibriaError, equilibrium } from '@equilibria/core'
import { implicit, jacobianFree, jacobianRegularization, spectralRegularization } from '@equilibria/implicit-diff'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { offTape } from '@equilibria/tensor'
import { removeRepairs } from '@equilibria/tensor/gradients'
import { hostDeq, leakless, off, type Rows, slopes, square, tensorDeq, W3, X2 } from './deriv-support.ts'

const x2 = (): tf.Tensor2D => tf.tensor2d(X2.map((r) => [...r]))
/** `z ↦ z Aᵀ + x`: `J = A`. */
const affine = (A: tf.Tensor) =>
  defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'affine',
    initial: (x) => tf.zerosLike(x),
    apply: (z, x) => tf.add(tf.matMul(z, A as tf.Tensor2D, false, true), x),
  })
/** Truth case `hutchinson_frobenius`. */
const J: Rows = [
  [0.5, 0.2, 0],
  [0.1, -0.4, 0.3],
  [0, 0.25, 0.6],
]
const TRUTH = { fro2: 0.9725, gaussian: 0.6996125, rademacher: 0.0392 }

describe('jacobianRegularization', () => {
  // One sample per row: 4000 independent probes in one product. Deterministic: the seed is fixed.
  const n = 4000
  test.each(['gaussian', 'rademacher'] as const)('%s probes: mean and variance of the truth case', (distribution) =>
    leakless(() => {
      const x = tf.zeros([n, 3]) as tf.Tensor2D
      const { perSample, mean } = jacobianRegularization(affine(tf.tensor2d(J.map((r) => [...r]))), { state: x }, x, {
        distribution,
        seed: 7,
      })
      const values = Array.from(perSample.dataSync(), (v) => 3 * v) // ‖Jᵀv‖², the estimate is per entry
      const average = values.reduce((a, b) => a + b, 0) / n
      const variance = values.reduce((a, v) => a + (v - average) ** 2, 0) / n
      // Four standard errors: of the mean √(Var / n), of the variance √(2.. 12 / n) Var for these tails, bounded by 20 %.
      expect(Math.abs(average - TRUTH.fro2)).toBeLessThan(4 * Math.sqrt(TRUTH[distribution] / n))
      expect(Math.abs(variance / TRUTH[distribution] - 1)).toBeLessThan(0.2)
      expect(mean.dataSync()[0]).toBeCloseTo(average / 3, 4)
    }),
  )
  test('samples are averaged, seeds repeat, no seed differs', () =>
    leakless(() => {
      const x = tf.zeros([2, 3]) as tf.Tensor2D
      const operator = affine(tf.tensor2d(J.map((r) => [...r])))
      const run = (options = {}) =>
        Array.from(jacobianRegularization(operator, { state: x }, x, { distribution: 'gaussian', ...options }).perSample.dataSync()) // prettier-ignore
      expect(run({ seed: 1 })).toEqual(run({ seed: 1 }))
      expect(run({ seed: 1 })).not.toEqual(run({ seed: 2 }))
      expect(run()).not.toEqual(run())
      // 2000 samples: 4 standard errors of √(0.6996 / 2000) / 3.
      expect(off(run({ seed: 3, samples: 2000 }), [TRUTH.fro2 / 3, TRUTH.fro2 / 3])).toBeLessThan(0.025)
    }))

  /** `Σ_b ‖Jᵀ v_b‖² / 3 / 2` with the probes used, at the equilibrium of `w` (or held at that of `W3`), in float64. */
  const host = (probes: readonly number[], through: boolean) => (w: readonly number[]) =>
    X2.map((x, b) => {
      const { z } = hostDeq(through ? square(w) : W3, x)
      const { z: G } = { z: z.map((_, i) => Math.tanh(x[i]! + z.reduce((s, zj, j) => s + zj * w[3 * j + i]!, 0))) }
      const v = probes.slice(3 * b, 3 * b + 3)
      // (Jᵀv)ⱼ = Σᵢ W[j][i] (1 − Gᵢ²) vᵢ
      const u = z.map((_, j) => v.reduce((s, vi, i) => s + w[3 * j + i]! * (1 - G[i]! ** 2) * vi, 0))
      return u.reduce((s, a) => s + a * a, 0) / 3
    }).reduce((a, b) => a + b, 0) / 2
  const probesOf = (seed: number) => Array.from(tf.randomNormal([2, 3], 0, 1, 'float32', seed * 1009).dataSync())
  const settings = { distribution: 'gaussian', seed: 5 } as const
  const layerOf = (W: tf.Tensor, gradient = implicit({ solver: gmres(), tolerance: 1e-7, onFailure: 'throw' })) =>
    equilibrium(tensorDeq(W), { solver: anderson(), gradient, tolerance: 1e-7, maxSteps: 200 })

  test('the gradient, through z* too, is that of finite differences with the same probes', () =>
    leakless(() => {
      const W = tf.variable<tf.Rank.R2>(tf.tensor2d(square(W3.flat())))
      const layer = layerOf(W)
      const { value, grads } = tf.variableGrads(() => {
        const x = x2()
        return jacobianRegularization(layer, layer.solve(x), x, settings).mean
      }, [W])
      const want = host(probesOf(5), true)
      expect(off(value, [want(W3.flat())])).toBeLessThan(2e-6)
      expect(off(Object.values(grads)[0]!, slopes(want, W3.flat()))).toBeLessThan(5e-6)
      W.dispose()
    }))
  test('with z* held fixed, by any gradient mode', () =>
    leakless(() => {
      const W = tf.variable<tf.Rank.R2>(tf.tensor2d(square(W3.flat())))
      const layer = layerOf(W, jacobianFree())
      const want = slopes(host(probesOf(5), false), W3.flat())
      const { grads } = tf.variableGrads(() => {
        const x = x2()
        return jacobianRegularization(layer, offTape(() => layer.solve(x)), x, settings).mean // prettier-ignore
      }, [W])
      expect(off(Object.values(grads)[0]!, want)).toBeLessThan(5e-6)
      // Through the Jacobian-free mode nothing refuses: the first derivative is all that is asked of it.
      expect(() =>
        tf.variableGrads(() => {
          const x = x2()
          return jacobianRegularization(layer, layer.solve(x), x, settings).mean
        }, [W]),
      ).not.toThrow()
      W.dispose()
    }))
  test('training on it makes J smaller; the number of tensors is the same after every step', () => {
    const W = tf.tidy(() => tf.variable<tf.Rank.R2>(tf.tensor2d(square(W3.flat()))))
    const layer = layerOf(W)
    const x = x2()
    const optimizer = tf.train.sgd(0.5)
    const seen: number[] = []
    const counts = Array.from({ length: 6 }, () => {
      const loss = optimizer.minimize(() => jacobianRegularization(layer, layer.solve(x), x, { seed: 1 }).mean, true, [W])! // prettier-ignore
      seen.push(loss.dataSync()[0]!)
      loss.dispose()
      return tf.memory().numTensors
    })
    expect(new Set(counts).size).toBe(1)
    expect(seen.every((v, i) => i === 0 || v < seen[i - 1]!)).toBe(true)
    tf.dispose([W, x])
    optimizer.dispose()
  })
})

describe('spectralRegularization', () => {
  const radius = (A: Rows, options = {}) => {
    const x = tf.zeros([1, A.length]) as tf.Tensor2D
    return spectralRegularization(affine(tf.tensor2d(A.map((r) => [...r]))), { state: x }, x, {
      seed: 2,
      ...options,
    }).mean.dataSync()[0]!
  }
  test('the spectral radius of normal, non-normal and defective matrices', () =>
    leakless(() => {
      expect(radius(J, { steps: 60 })).toBeCloseTo(0.6777071295331389, 5)
      // |λ₂/λ₁| = 1/9: nothing is left after 10 steps; ‖A‖_F = 5.1.
      expect(radius([[0.9, 5], [0, 0.1]])).toBeCloseTo(0.9, 5) // prettier-ignore
      expect(radius([[0, 0], [0, 0]])).toBeLessThan(1e-6) // prettier-ignore
      // A Jordan block converges like 1/k: 1 + 1/k times too large at most.
      expect(Math.abs(radius([[0.9, 10], [0, 0.9]], { steps: 100 }) / 0.9 - 1)).toBeLessThan(0.02) // prettier-ignore
    }))
  test('a complex pair: rotation times 0.95, where a Rayleigh quotient gives 0.475', () =>
    leakless(() => {
      const [c, s] = [0.95 * Math.cos(Math.PI / 3), 0.95 * Math.sin(Math.PI / 3)]
      expect(radius([[c, -s], [s, c]])).toBeCloseTo(0.95, 5) // prettier-ignore
    }))
  test('entries near the ends of float32 neither overflow nor vanish', () =>
    leakless(() => {
      expect(radius([[1e-12, 0], [0, 0]], { recorded: 1 }) / 1e-12).toBeCloseTo(1, 3) // prettier-ignore
      expect(radius([[1e12, 0], [0, 0]], { recorded: 1 }) / 1e12).toBeCloseTo(1, 3) // prettier-ignore
    }))
  test('its gradient at a normal matrix is that of ρ: u uᵀ', () =>
    leakless(() => {
      // A = R diag(0.9, 0.3) Rᵀ with R a rotation: ∂ρ/∂A = u uᵀ, u the first column.
      const [c, s] = [Math.cos(0.4), Math.sin(0.4)]
      const A = [
        [0.9 * c * c + 0.3 * s * s, 0.6 * c * s],
        [0.6 * c * s, 0.9 * s * s + 0.3 * c * c],
      ]
      const slope = tf.grad((a: tf.Tensor) => {
        const x = tf.zeros([1, 2]) as tf.Tensor2D
        return spectralRegularization(affine(a), { state: x }, x, { seed: 1, steps: 30 }).mean
      })(tf.tensor2d(A))
      expect(off(slope, [c * c, c * s, c * s, s * s])).toBeLessThan(1e-5)
    }))
  test('its gradient at a non-normal matrix tends to that of ρ, u rᵀ / uᵀr, with more recorded steps', () =>
    leakless(() => {
      // A = [[0.9, 5], [0, 0.1]]: right (1, 0), left (0.8, 5): ∂ρ/∂A = [[1, 0], [6.25, 0]]ᵀ laid out as u rᵀ / uᵀr.
      const want = [1, 0, 6.25, 0]
      const errors = [1, 4, 40].map((recorded) => {
        const slope = tf.grad((a: tf.Tensor) => {
          const x = tf.zeros([1, 2]) as tf.Tensor2D
          return spectralRegularization(affine(a), { state: x }, x, { seed: 1, steps: 20, recorded }).mean
        })(tf.tensor2d([[0.9, 5], [0, 0.1]])) // prettier-ignore
        return off(slope, want)
      })
      expect(errors[0]!).toBeGreaterThan(errors[1]!)
      expect(errors[1]!).toBeGreaterThan(errors[2]!)
      expect(errors[2]!).toBeLessThan(0.05)
    }))
})

describe('errors', () => {
  const code = (f: () => unknown): unknown => {
    try {
      f()
    } catch (error) {
      return EquilibriaError.is(error) ? error.code : error
    }
    return 'nothing thrown'
  }
  test('options and shapes are checked, and nothing is left', () => {
    const x = tf.zeros([1, 3]) as tf.Tensor2D
    const A = tf.tensor2d(J.map((r) => [...r]))
    const before = tf.memory().numTensors
    const jac = (options: object) => code(() => jacobianRegularization(affine(A), { state: x }, x, options))
    expect(jac({ samples: 0 })).toBe('option')
    expect(jac({ distribution: 'uniform' })).toBe('option')
    expect(jac({ seed: Number.NaN })).toBe('option')
    expect(code(() => spectralRegularization(affine(A), { state: x }, x, { steps: -1 }))).toBe('option')
    expect(code(() => spectralRegularization(affine(A), { state: x }, x, { recorded: 0 }))).toBe('option')
    expect(code(() => jacobianRegularization(affine(A), { state: tf.tidy(() => A) }, x))).toBe('shape')
    expect(tf.memory().numTensors - before).toBe(0)
    const boom = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'boom',
      initial: (t) => tf.zerosLike(t),
      apply: (z) => {
        tf.tanh(z)
        throw new Error('boom')
      },
    })
    const slope = () => tf.grad((t: tf.Tensor) => jacobianRegularization(boom, { state: x }, t as tf.Tensor2D).mean)(x)
    expect(code(slope)).toMatchObject({ message: 'boom' })
    expect(tf.memory().numTensors - before).toBe(0)
    tf.dispose([x, A])
  })
  test('on a tape without the repaired gradients: an error, not a wrong number', () => {
    removeRepairs() // for good: this is the last test of the file
    leakless(() => {
      const x = x2()
      const operator = tensorDeq(tf.tensor2d(square(W3.flat())))
      const slope = tf.grad((t: tf.Tensor) => jacobianRegularization(operator, { state: x }, t as tf.Tensor2D).mean)
      expect(code(() => slope(x))).toBe('gradient')
      expect(Number.isFinite(jacobianRegularization(operator, { state: x }, x).mean.dataSync()[0])).toBe(true)
    })
  })
})
