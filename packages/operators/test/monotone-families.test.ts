import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { lben, monotone, monotoneConvolution } from '@equilibria/operators'
import { forwardBackward, peacemanRachford, picard } from '@equilibria/solvers'
import { scoped } from '@equilibria/tensor'
import { drawConvolution, drawLben, drawMonotone } from './monotone-draws.ts'
import { checkLeaks, normal, rows, solveFromAnywhere, tensor } from './monotone-support.ts'

test('mondeq_2d: the matrix, its constants and its equilibrium', () => {
  const operator = monotone({ size: 2, inputs: 2, modulus: 0.5 })
  scoped(() => {
    // The truth case acts on columns; rows are transposed: AᵀA is the same, B becomes Bᵀ.
    const set = (name: string, values: number[][]) => operator.variables[name]!.assign(tf.tensor2d(values))
    set('A', [
      [0.4, -0.2],
      [0.1, 0.3],
    ])
    set('B', [
      [0, -0.7],
      [1.5, 0],
    ])
    set('U', [
      [1, 0],
      [0, 1],
    ])
    const x: tf.Tensor2D = tf.tensor2d([[1, -0.5]])
    const { splitting } = operator.bind(x)
    const both: tf.Tensor2D = tf.tensor2d([
      [1, 0],
      [0, 1],
    ])
    const wide = operator.bind(tf.zeros([2, 2]))
    const M = rows(wide.splitting!.applyA!(both)) // I − Wᵀ
    const W = [
      [0.33, 2.25],
      [-2.15, 0.37],
    ]
    for (const i of [0, 1]) for (const j of [0, 1]) expect(M[i]![j]).toBeCloseTo((i === j ? 1 : 0) - W[j]![i]!, 6)
    const now = operator.certificate.modulusNow!()
    expect(now).toBeCloseTo(0.596148351928655, 6)
    // ‖U‖ = 1 is bounded by a Schatten norm: two equal singular values cost 2^{1/2048}.
    const lipschitz = operator.certificate.solutionLipschitz!() / 1.677434814278706
    expect(lipschitz).toBeGreaterThanOrEqual(1 - 1e-6)
    expect(lipschitz).toBeLessThanOrEqual(2 ** (1 / 2048) * (1 + 1e-6))
    expect(splitting!.lipschitz).toBeGreaterThanOrEqual(2.3478655974622376 * (1 - 1e-6))
    const methods = [
      operator.solver(),
      peacemanRachford({ step: 0.3 }),
      peacemanRachford({ step: 3 }),
      forwardBackward({ step: 0.10814535811128978 }),
      forwardBackward({ step: 0.21 }), // below 2m/L² = 0.2163
    ]
    for (const solver of methods) {
      const found = equilibrium(operator, { solver, tolerance: 1e-6, maxSteps: 1000 }).solve(x)
      expect(['converged', 'floor'], solver.name).toContain(found.status)
      expect(found.state.dataSync()[0]).toBeCloseTo(1.492537313432836, 5)
      expect(found.state.dataSync()[1]).toBeCloseTo(0, 6)
    }
  })
  operator.dispose()
})

test('where Picard runs away, the solver of the family arrives from anywhere, at one point', () => {
  const random = normal(5)
  for (const operator of [
    monotone({ size: 6, inputs: 3, gain: 3, seed: 2 }),
    lben({ size: 6, inputs: 3, gain: 2, lipschitz: 3, seed: 3 }),
  ])
    scoped(() => {
      const x = tensor(random, [4, 3]) as tf.Tensor2D
      const lost = equilibrium(operator, { solver: picard(), tolerance: 1e-5, maxSteps: 300 }).solve(x)
      expect(lost.stats.perSample.status.some((s) => s !== 'converged' && s !== 'floor')).toBe(true)
      const [first, ...others] = Array.from({ length: 4 }, () => solveFromAnywhere(operator, x, random, { spread: 30 }))
      const size = Math.max(...tf.abs(first!.state).dataSync())
      // Errors are residuals (1e-5, relative) times (1 + L)/m, about 100 here.
      for (const other of others)
        expect(Math.max(...tf.abs(tf.sub(other.state, first!.state)).dataSync())).toBeLessThan(2e-3 * size)
      operator.dispose()
    })
})

test('a convolutional equilibrium where Picard runs away, and its translations', () => {
  const operator = monotoneConvolution({ height: 6, width: 5, channels: 2, inputs: 1, gain: 2, seed: 4 })
  scoped(() => {
    const random = normal(9)
    const x = tensor(random, [2, 6, 5, 1]) as tf.Tensor4D
    const lost = equilibrium(operator, { solver: picard(), tolerance: 1e-5, maxSteps: 300 }).solve(x)
    expect(lost.status).not.toBe('converged')
    const { state } = solveFromAnywhere(operator, x, random)
    const roll = (t: tf.Tensor4D): tf.Tensor4D =>
      tf.concat([tf.slice(t, [0, 2, 0, 0], [-1, 4, -1, -1]), tf.slice(t, [0, 0, 0, 0], [-1, 2, -1, -1])], 1)
    const moved = solveFromAnywhere(operator, roll(x), random).state
    // Two solves of relative residual 1e-5, condition (1 + L)/m of about 40.
    const size = Math.max(...tf.abs(state).dataSync())
    expect(Math.max(...tf.abs(tf.sub(moved, roll(state))).dataSync())).toBeLessThan(2e-3 * size)
  })
  operator.dispose()
})

test('at the step of the family, the reflected resolvent shrinks by √((N − m)/(N + m)), N = 1/α', () => {
  const random = normal(17)
  let tightest = 0
  for (let i = 0; i < 12; i++) {
    const modulus = [0.1, 0.5][i % 2]!
    const operator = monotone({ size: 5, inputs: 1, modulus, gain: [0.5, 2, 4][i % 3]!, seed: i })
    scoped(() => {
      const B = operator.variables['B']!
      B.assign(tf.mul(B, [0.1, 1, 3][Math.floor(i / 3) % 3]!))
      const parts = operator.bind(tf.zeros([20, 1])).splitting!
      const rate = Math.sqrt((1 / parts.step! - modulus) / (1 / parts.step! + modulus))
      // Iterating the reflection turns random vectors towards those that shrink least.
      let v = tensor(random, [20, 5]) as tf.Tensor2D
      let slowest = 0
      for (let k = 0; k < 30; k++) {
        const next = tf.sub(tf.mul(parts.resolventA!(v, parts.step!), 2), v) as tf.Tensor2D
        const before = tf.norm(v, 2, 1)
        const ratios = tf.div(tf.norm(next, 2, 1), before).dataSync()
        slowest = Math.max(slowest, ...ratios)
        v = tf.div(next, tf.expandDims(before, 1))
      }
      expect(slowest, `draw ${i}`).toBeLessThanOrEqual(rate + 1e-5) // a dozen float32 roundings
      tightest = Math.max(tightest, slowest / rate)
    })
    operator.dispose()
  }
  expect(tightest).toBeGreaterThan(0.8) // the bound is not idle
})

test('the Lipschitz bound of an LBEN is attained', () => {
  // One entry, V = S = ψ = 0, σ the identity: z = x u / (ε + (1 + u²)/2γ), steepest at u² = 1 + 2γε.
  const [gamma, margin] = [3, 0.25]
  const operator = lben({ size: 1, inputs: 1, margin, lipschitz: gamma, gain: 0, activation: 'identity' })
  scoped(() => {
    operator.variables['U']!.assign(tf.tensor2d([[Math.sqrt(1 + 2 * gamma * margin)]]))
    const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-7, maxSteps: 500 })
    const slope = layer.solve(tf.ones([1, 1])).state.dataSync()[0]!
    expect(operator.readoutLipschitz).toBeCloseTo(gamma / Math.sqrt(1 + 2 * gamma * margin), 12)
    expect(slope).toBeCloseTo(operator.readoutLipschitz!, 5)
  })
  operator.dispose()
})

test('a row does not depend on its batch mates', () => {
  const operator = monotone({ size: 5, inputs: 2, gain: 2, seed: 6 })
  scoped(() => {
    const x = tensor(normal(3), [3, 2]) as tf.Tensor2D
    const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 500 })
    const [, second] = rows(layer.solve(x).state)
    const alone = Array.from(layer.solve(tf.slice(x, [1, 0], [1, 2])).state.dataSync())
    alone.forEach((v, i) => expect(v).toBe(second![i]))
  })
  operator.dispose()
})

test('bounds follow the weights', () => {
  const operator = monotone({ size: 2, inputs: 2, modulus: 0.5, gain: 0 })
  expect(operator.certificate.modulusNow!()).toBeCloseTo(0.5, 6)
  tf.tidy(() => operator.variables['A']!.assign(tf.eye(2)))
  expect(operator.certificate.modulusNow!()).toBeCloseTo(1.5, 6)
  operator.dispose()
})

test('monotone draws', () => {
  expect(drawMonotone(15, 11)).toBe(15)
})
test('LBEN draws', () => {
  expect(drawLben(18, 12)).toBe(18)
})
test('convolutional draws', () => {
  expect(drawConvolution(6, 13)).toBe(6)
})

test('options', () => {
  expect(() => monotone({ size: 0, inputs: 1 })).toThrow('size')
  expect(() => monotone({ size: 2, inputs: 1, modulus: 0 })).toThrow('modulus')
  expect(() => monotone({ size: 2, inputs: 1, modulus: 1.5 })).toThrow('modulus')
  expect(() => monotone({ size: 2, inputs: 1, activation: 'gelu' as 'relu' })).toThrow('proximal map')
  expect(() => lben({ size: 2, inputs: 1, spread: 0.5 })).toThrow('spread')
  expect(() => lben({ size: 2, inputs: 1, margin: 0 })).toThrow('margin')
  expect(() => lben({ size: 2, inputs: 1, lipschitz: 0 })).toThrow('lipschitz')
  expect(() => monotoneConvolution({ height: 4, width: 2, channels: 1, inputs: 1 })).toThrow('does not fit')
  expect(() => monotoneConvolution({ height: 4, width: 4, channels: 1, inputs: 1, kernel: 2 })).toThrow('does not fit')
})

test('nothing is left behind', () => {
  for (const make of [monotone, lben])
    checkLeaks<tf.Tensor2D, tf.Tensor2D>(
      () => make({ size: 4, inputs: 3 }),
      () => tf.ones([2, 3]),
      () => tf.ones([2, 7]),
    )
  checkLeaks<tf.Tensor4D, tf.Tensor4D>(
    () => monotoneConvolution({ height: 3, width: 4, channels: 2, inputs: 1 }),
    () => tf.ones([2, 3, 4, 1]),
    () => tf.ones([2, 4, 3, 1]),
  )
})
