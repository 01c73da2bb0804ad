import * as tf from '@tensorflow/tfjs-core'
import '@equilibria/tensor/gradients'
import { expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { contractingRen } from '@equilibria/operators'
import { scoped } from '@equilibria/tensor'
import { checkLeaks, normal, rows, solveFromAnywhere, tensor } from './monotone-support.ts'
import { drawRen, reference } from './ren-draws.ts'

test('contracting REN draws', () => {
  expect(drawRen(60, 21)).toBe(60)
})

test('from anywhere to one point, at the promised rate in the metric', () => {
  const shape = { n: 3, q: 4, rate: 0.9, margin: 0.05, activation: 'tanh' } as const
  const operator = contractingRen({ size: 3, neurons: 4, inputs: 2, gain: 1.5, seed: 7 })
  scoped(() => {
    const random = normal(1)
    const u = tensor(random, [2, 2]) as tf.Tensor2D
    const one = solveFromAnywhere(operator, u, random, { tolerance: 1e-6 }).state
    const two = solveFromAnywhere(operator, u, random, { tolerance: 1e-6 }).state
    // Errors are residuals, 1e-6, times 1/(1 − 0.9) and the condition of the metric.
    expect(Math.max(...tf.abs(tf.sub(one, two)).dataSync())).toBeLessThan(1e-3)
    // Twenty steps of Picard, distances to the equilibrium in the metric.
    const { norm } = reference(operator, shape)
    const { apply } = operator.bind(u)
    let z = tf.mul(tf.onesLike(one), 20) as tf.Tensor2D
    const away = (t: tf.Tensor) => norm(rows(tf.sub(t, one))[0]!)
    for (let k = 0; k < 20; k++) {
      const next = apply(z) as tf.Tensor2D
      expect(away(next)).toBeLessThanOrEqual(0.9 * away(z) + 1e-3)
      z = next
    }
  })
  operator.dispose()
})

test('gradients of a step in every parameter, the inverse included, against float64 differences', () => {
  const shape = { n: 2, q: 3, rate: 0.9, margin: 0.05, activation: 'tanh' } as const
  const operator = contractingRen({ size: 2, neurons: 3, inputs: 2, seed: 3 })
  scoped(() => {
    const [u, x]: tf.Tensor2D[] = [tf.tensor2d([[0.4, -0.9]]), tf.tensor2d([[0.8, 0.5]])]
    const target = [0.3, -0.7]
    const loss = () => tf.sum(tf.mul(operator.bind(u!).apply(x!) as tf.Tensor, tf.tensor1d(target))) as tf.Scalar
    const { grads } = tf.variableGrads(loss, Object.values(operator.variables))
    const values = Object.fromEntries(
      Object.entries(operator.variables).map(([name, v]) => [name, Float64Array.from(v.dataSync())]),
    )
    // The reference reads what it is given: variables in float64.
    const variables = Object.fromEntries(
      Object.entries(operator.variables).map(([name, { shape: sizes }]) => [
        name,
        { shape: sizes, dataSync: () => values[name]! },
      ]),
    ) as unknown as typeof operator.variables
    const lossAt = (): number => {
      const y = reference({ variables }, shape).step([...x!.dataSync()], [...u!.dataSync()])
      return y.reduce((s, v, i) => s + v * target[i]!, 0)
    }
    for (const [name, variable] of Object.entries(operator.variables)) {
      const at = values[name]!
      const want = Array.from(at, (_, i) => {
        const keep = at[i]!
        at[i] = keep + 1e-5
        const up = lossAt()
        at[i] = keep - 1e-5
        const down = lossAt()
        at[i] = keep
        return (up - down) / 2e-5
      })
      const got = grads[variable.name]!.dataSync()
      const size = Math.max(...want.map(Math.abs))
      expect(size, name).toBeGreaterThan(1e-3)
      // float32: 2⁻²⁴ times the condition of E, up to a few hundred.
      want.forEach((w, i) => expect(Math.abs(got[i]! - w), name).toBeLessThan(2e-4 * Math.max(1, size)))
    }
  })
  operator.dispose()
})

test('options, one neuron, leaks', () => {
  expect(() => contractingRen({ size: 2, inputs: 1, neurons: 0 })).toThrow('neurons')
  expect(() => contractingRen({ size: 2, inputs: 1, neurons: 2, rate: 1 })).toThrow('rate')
  expect(() => contractingRen({ size: 2, inputs: 1, neurons: 2, margin: 0 })).toThrow('margin')
  expect(() => contractingRen({ size: 2, inputs: 1, neurons: 2, activation: 'gelu' as 'relu' })).toThrow(
    'not an activation',
  )
  const single = contractingRen({ size: 2, inputs: 1, neurons: 1 })
  scoped(() => {
    const layer = equilibrium(single, { solver: single.solver(), tolerance: 1e-5, maxSteps: 200 })
    expect(layer.solve(tf.ones([3, 1])).status).toBe('converged')
  })
  single.dispose()
  checkLeaks<tf.Tensor2D, tf.Tensor2D>(
    () => contractingRen({ size: 3, inputs: 2, neurons: 4 }),
    () => tf.ones([2, 2]),
    () => tf.ones([2, 5]),
  )
})
