import * as tf from '@tensorflow/tfjs-core'
import { scoped } from '@equilibria/tensor'
import { lben, monotone, monotoneConvolution } from '@equilibria/operators'
import { expect } from 'vitest'
import {
  dot,
  frobenius,
  minus,
  normal,
  redraw,
  residuals,
  rows,
  solveFromAnywhere,
  spreadScale,
  tensor,
  U,
} from './monotone-support.ts'

/*
 * Random members of the monotone families and random pairs of inputs: is the linear part as monotone as promised, does the
 * solver arrive from a random start, and is the equilibrium as Lipschitz as promised? `count` draws.
 *
 * Tolerances. An entry of a product of k terms in float32 is off by at most k·2⁻²⁴ of the sum of their sizes (to first
 * order); so is W, made of products of n terms of A, and what it is applied to. With F ≥ ‖W‖_F-like sizes
 * of everything that enters, ⟨Au − Av, u − v⟩ is off by at most 2(n + 8) 2⁻²⁴ F (‖u‖ + ‖v‖ + ‖b‖) ‖u − v‖. An approximate
 * equilibrium with ‖G(z) − z‖ = r lies within r (1 + L)/m of the true one.
 */

/** Sizes of what enters a matrix that is made of these weights. */
const squares = (values: Iterable<ArrayLike<number>>): number => [...values].reduce((s, v) => s + frobenius(v) ** 2, 0)

/**
 * A step of the solver rounds off a few 2⁻²⁴ of the state; that grows by 1/(1 − rate) ≈ 1/(αm) in the auxiliary
 * point, and by 1 + L in the residual.
 */
const floorOf = ({ lipschitz: L, step }: { lipschitz?: number; step?: number }, m: number): number =>
  (16 * U * (1 + L!)) / (step! * m)

export function drawMonotone(count: number, seed: number): number {
  const random = normal(seed)
  for (let i = 0; i < count; i++) {
    const [size, inputs, modulus] = [2 + (i % 5), 1 + (i % 3), [0.05, 0.3, 1][i % 3]!]
    const activation = (['relu', 'tanh', 'sigmoid'] as const)[i % 3]!
    const operator = monotone({ size, inputs, modulus, activation })
    scoped(() => {
      redraw(operator, random, 0.05, 3)
      const { A, B } = operator.variables
      const F = 1 + squares([A!.dataSync()]) + 2 * frobenius(B!.dataSync())
      const slack = 2 * (size + 8) * U * F
      const now = operator.certificate.modulusNow!()
      expect(now, `draw ${i}`).toBeGreaterThanOrEqual(modulus - slack)
      const x = tensor(random, [2, inputs], spreadScale(random, 0.1, 3)) as tf.Tensor2D
      const states = tensor(random, [2, size], 2) as tf.Tensor2D
      const parts = operator.bind(x).splitting!
      const [au, av] = rows(parts.applyA!(states))
      const [bu, bv] = rows(parts.applyA!(tf.zerosLike(states))) // −b
      const [u, v] = rows(states)
      const gap = minus(u!, v!)
      const product = dot(minus(minus(au!, bu!), minus(av!, bv!)), gap)
      const sizes = frobenius(u!) + frobenius(v!) + frobenius(bu!) + frobenius(bv!)
      expect(product).toBeGreaterThanOrEqual(modulus * dot(gap, gap) - slack * sizes * frobenius(gap))
      const { state } = solveFromAnywhere(operator, x, random, { floor: floorOf(parts, modulus) })
      expectLipschitz(state, x, operator.certificate.solutionLipschitz!(), {
        error: residuals(operator, x, state).map((r) => (r * (1 + parts.lipschitz!)) / now),
      })
    })
    operator.dispose()
  }
  return count
}

/** `‖z*(x) − z*(x′)‖_w ≤ L ‖x − x′‖`, up to the errors of the two solves (2-norm; `reach` the largest weight). */
function expectLipschitz(
  state: tf.Tensor,
  x: tf.Tensor,
  bound: number,
  { error, weights }: { readonly error: readonly number[]; readonly weights?: ArrayLike<number> },
): void {
  const [a, b] = rows(state)
  const [xa, xb] = rows(x)
  const gap = minus(a!, b!).map((d, i) => d * (weights?.[i] ?? 1))
  const away = frobenius(minus(xa!, xb!))
  const solved = error.reduce((s, e) => s + e, 0)
  expect(frobenius(gap)).toBeLessThanOrEqual(
    bound * away * (1 + 32 * U) + solved + 8 * U * (frobenius(a!) + frobenius(b!)),
  )
}

export function drawLben(count: number, seed: number): number {
  const random = normal(seed)
  for (let i = 0; i < count; i++) {
    const [size, inputs, margin] = [2 + (i % 4), 1 + (i % 3), [0.2, 0.5, 1][i % 3]!]
    const gamma = i % 2 === 0 ? undefined : [0.5, 2, 8][i % 3]!
    const activation = (['relu', 'tanh'] as const)[Math.floor(i / 2) % 2]!
    const operator = lben({
      size,
      inputs,
      margin,
      activation,
      ...(gamma === undefined ? {} : { lipschitz: gamma }),
      ...(i % 4 === 3 ? { outputs: 2 } : {}),
    })
    scoped(() => {
      redraw(operator, random, 0.05, 2)
      const spread = 4
      const { V, S, U: into, C } = operator.variables
      let F = 1 + squares([V!.dataSync()]) + 2 * frobenius(S!.dataSync()) + margin
      if (gamma !== undefined)
        F +=
          (squares(C ? [C.dataSync()] : [new Float64Array(size).fill(1)]) + spread ** 2 * squares([into!.dataSync()])) /
          (2 * gamma)
      F *= spread ** 2 // Ψ, and the weighing by Λ
      const slack = 2 * (size + 8) * U * F
      const { modulus } = operator.certificate
      const now = operator.certificate.modulusNow!()
      expect(now, `draw ${i}`).toBeGreaterThanOrEqual(modulus - slack)
      const x = tensor(random, [2, inputs], spreadScale(random, 0.1, 3)) as tf.Tensor2D
      const states = tensor(random, [2, size], 2) as tf.Tensor2D
      const parts = operator.bind(x).splitting!
      const [au, av] = rows(parts.applyA!(states))
      const [bu, bv] = rows(parts.applyA!(tf.zerosLike(states)))
      const [u, v] = rows(states)
      const weights = operator.certificate.weights!()
      const weigh = (t: readonly number[]) => t.map((c, k) => c * weights[k]!)
      const gap = weigh(minus(u!, v!))
      const product = dot(weigh(minus(minus(au!, bu!), minus(av!, bv!))), gap)
      const sizes = frobenius(u!) + frobenius(v!) + frobenius(bu!) + frobenius(bv!)
      expect(product).toBeGreaterThanOrEqual(modulus * dot(gap, gap) - spread * slack * sizes * frobenius(gap))
      const { state } = solveFromAnywhere(operator, x, random, { floor: floorOf(parts, modulus) })
      // Errors of the solves, in the metric: weights are within [1/√spread, √spread].
      const error = residuals(operator, x, state).map((r) => (Math.sqrt(spread) * r * (1 + parts.lipschitz!)) / now)
      expectLipschitz(state, x, operator.certificate.solutionLipschitz!(), { error, weights })
      if (gamma !== undefined) {
        // W, and with it γ, is off by `slack` relative to the margin.
        const bound = operator.readoutLipschitz! * (1 + slack / margin)
        const norm = C ? frobenius(C.dataSync()) : 1
        expectLipschitz(operator.readout(state), x, bound, { error: error.map((e) => e * norm * Math.sqrt(spread)) })
      } else expect(operator.readoutLipschitz).toBeUndefined()
    })
    operator.dispose()
  }
  return count
}

export function drawConvolution(count: number, seed: number): number {
  const random = normal(seed)
  for (let i = 0; i < count; i++) {
    const [height, width, channels, inputs] = [3 + (i % 3), 3 + (i % 2), 1 + (i % 2), 1 + (i % 2)]
    const [modulus, kernel] = [[0.1, 0.5, 1][i % 3]!, i % 5 === 4 ? 1 : 3]
    const activation = (['relu', 'tanh'] as const)[i % 2]!
    const operator = monotoneConvolution({ height, width, channels, inputs, kernel, modulus, activation })
    scoped(() => {
      redraw(operator, random, 0.05, 3)
      const [g, h] = [operator.variables['g']!.dataSync()[0]!, operator.variables['h']!.dataSync()[0]!]
      // ‖A‖ ≤ k ‖kernel‖_F = k|g|: a sum of k² taps.
      const F = 1 + (kernel * g) ** 2 + 2 * kernel * Math.abs(h)
      const slack = 2 * (2 * kernel * kernel * channels + 8) * U * F
      const now = operator.certificate.modulusNow!()
      expect(now, `draw ${i}`).toBeGreaterThanOrEqual(modulus - slack)
      const x = tensor(random, [2, height, width, inputs], spreadScale(random, 0.1, 3)) as tf.Tensor4D
      const states = tensor(random, [2, height, width, channels], 2) as tf.Tensor4D
      const parts = operator.bind(x).splitting!
      const [au, av] = rows(parts.applyA!(states))
      const [bu, bv] = rows(parts.applyA!(tf.zerosLike(states)))
      const [u, v] = rows(states)
      const gap = minus(u!, v!)
      const product = dot(minus(minus(au!, bu!), minus(av!, bv!)), gap)
      const sizes = frobenius(u!) + frobenius(v!) + frobenius(bu!) + frobenius(bv!)
      expect(product).toBeGreaterThanOrEqual(modulus * dot(gap, gap) - slack * sizes * frobenius(gap))
      // The resolvent by Fourier transforms undoes what the convolutions do.
      for (const alpha of [0.1, 1]) {
        const there = tf.add(states, tf.mul(parts.applyA!(states), alpha)) as tf.Tensor4D
        const back = rows(tf.sub(parts.resolventA!(there, alpha), states)).map(frobenius)
        // (I + αA)⁻¹ is nonexpansive; transforms of n numbers are off by about 2n·2⁻²⁴ of their size each.
        const size =
          2 *
          (height + width + channels) *
          U *
          rows(there)
            .map(frobenius)
            .reduce((s, t) => s + t, 0)
        back.forEach((e) => expect(e).toBeLessThanOrEqual(8 * size + alpha * slack * sizes))
      }
      const { state } = solveFromAnywhere(operator, x, random, { floor: floorOf(parts, modulus) })
      expectLipschitz(state, x, operator.certificate.solutionLipschitz!(), {
        error: residuals(operator, x, state).map((r) => (r * (1 + parts.lipschitz!)) / now),
      })
    })
    operator.dispose()
  }
  return count
}
