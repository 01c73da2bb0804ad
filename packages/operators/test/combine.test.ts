import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Operator } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import {
  activation,
  compose,
  damped,
  dense,
  graphConvolution,
  type Layer,
  operatorOf,
  prepareEdges,
  recall,
  residual,
  rmsNorm,
  selfAttention,
  sum,
} from '@equilibria/operators'
import { picard } from '@equilibria/solvers'
import { checkLayer, neverBroken, powerNorm, shake, tensor, values } from './layer-checks.ts'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => expect(tf.memory().numTensors).toBe(before))

const affine = (x: Float64Array, w: Float64Array, b: Float64Array): Float64Array => {
  const n = b.length
  return x.map((_, at) => {
    const [row, o] = [Math.floor(at / n), at % n]
    let sum = b[o]!
    for (let i = 0; i < n; i++) sum += x[row * n + i]! * w[i * n + o]!
    return sum
  })
}
const square = (seed: number, gain = 1): Layer => dense({ inputs: 3, outputs: 3, seed, gain })

describe('layers', () => {
  test('sum, residual, damped, compose: values, gradients, names, bounds', () => {
    const layer = damped(
      compose(
        sum(square(1), compose(square(2), activation('tanh'))),
        residual(square(3), { scale: -0.5, trainable: true }),
      ),
      0.25,
    )
    shake(layer)
    expect(Object.keys(layer.variables)).toEqual([
      '0.0.weight',
      '0.0.bias',
      '0.1.0.weight',
      '0.1.0.bias',
      '1.scale',
      '1.branch.weight',
      '1.branch.bias',
    ])
    tf.tidy(() =>
      checkLayer(
        layer,
        { x: tensor([4, 3], 1) },
        ({ x }) => x!,
        ({ x }, w) => {
          const left = affine(x!, w['0.0.weight']!, w['0.0.bias']!)
          const right = affine(x!, w['0.1.0.weight']!, w['0.1.0.bias']!).map(Math.tanh)
          const y = left.map((v, i) => v + right[i]!)
          const r = affine(y, w['1.branch.weight']!, w['1.branch.bias']!)
          return x!.map((v, i) => 0.75 * v + 0.25 * (y[i]! + w['1.scale']![0]! * r[i]!))
        },
      ),
    )
    neverBroken(layer.lipschitz!(), layer.bind(), [5, 3])
    expect(layer.guaranteed).toBeUndefined()
    layer.dispose()
  })

  test('bounds add, multiply and mix as they should', () => {
    const [half, two] = [activation('sigmoid'), activation('relu')]
    expect(compose(half, half).guaranteed).toBeCloseTo(1 / 16, 12)
    expect(sum(half, two).guaranteed).toBeCloseTo(1.25, 12)
    expect(residual(half, { scale: -2 }).guaranteed).toBeCloseTo(1.5, 12)
    expect(damped(half, 0.5).guaranteed).toBeCloseTo(0.625, 12)
    for (const one of [compose(half, half), sum(half, two), residual(half), damped(half, 0.5)])
      expect(one.lipschitz!()).toBe(one.guaranteed)
    const open = selfAttention({ features: 2 })
    for (const one of [compose(half, open), sum(half, open), residual(open), damped(open, 0.5)]) {
      expect(one.lipschitz).toBeUndefined()
      expect(one.guaranteed).toBeUndefined()
    }
    open.dispose()
    const learned = residual(half, { scale: 0.5, trainable: true })
    expect(learned.guaranteed).toBeUndefined() // any scale can be learned
    expect(learned.lipschitz!()).toBeCloseTo(1.125, 12)
    tf.tidy(() => learned.variables['scale']!.assign(tf.scalar(-3)))
    expect(learned.lipschitz!()).toBeCloseTo(1.75, 12)
    learned.dispose()
    // Of linear maps the bounds of residual and sum can be reached: W = c I.
    const identity = square(1)
    tf.tidy(() => identity.variables['weight']!.assign(tf.mul(tf.eye(3), 0.5) as tf.Tensor2D))
    const grown = residual(identity, { scale: 2 })
    expect(powerNorm(grown.bind(), [1, 3]) / grown.lipschitz!()).toBeCloseTo(1, 3)
    identity.dispose()
  })

  test('a layer that mixes rows makes its combinations say so', () => {
    const mixing: Layer = { ...activation('relu'), rowwise: false }
    for (const one of [compose(mixing), sum(mixing, mixing), residual(mixing), damped(mixing, 1)])
      expect(one.rowwise).toBe(false)
    expect(sum(activation('relu')).rowwise).toBe(true)
    expect(recall({ core: mixing, inject: activation('relu') }).traits).toMatchObject({ rowwise: false })
  })

  test('mistakes are named', () => {
    const wide = dense({ inputs: 3, outputs: 2 })
    tf.tidy(() => {
      expect(() => residual(wide).bind()(tf.ones([1, 3]))).toThrow('(1,3) into (1,2)')
      expect(() => damped(wide, 0.5).bind()(tf.ones([1, 3]))).toThrow('(1,3) and (1,2)')
      expect(() =>
        recall({ core: wide, inject: activation('relu') })
          .bind(tf.ones([1, 3]))
          .apply(tf.ones([1, 3])),
      ).toThrow('recall()')
    })
    for (const beta of [0, 1.5, NaN]) expect(() => damped(wide, beta)).toThrow('β')
    expect(() => residual(wide, { scale: Infinity })).toThrow('scale')
    wide.dispose()
  })
})

describe('operators', () => {
  test('damped: the same equilibrium, traits carried over', () => {
    type Two = { readonly a: tf.Tensor; readonly b: tf.Tensor }
    const swing: Operator<Two, tf.Tensor> = defineOperator({
      name: 'swing',
      traits: { lipschitz: 0.5, monotone: 0.5, symmetric: true },
      initial: (x: tf.Tensor): Two => ({ a: tf.zerosLike(x), b: tf.zerosLike(x) }),
      apply: ({ a, b }, x) => ({ b: tf.mul(a, -0.5), a: tf.add(tf.mul(b, -0.5), x) }),
    })
    const half = damped(swing, 0.5)
    expect(half.traits.lipschitz).toBeCloseTo(0.75, 12)
    expect(half.traits.monotone).toBeCloseTo(0.25, 12)
    expect(half.traits.symmetric).toBe(true)
    tf.tidy(() => {
      const x = tf.ones([2, 1])
      const { state, status } = equilibrium(half, { solver: picard(), tolerance: 1e-6, maxSteps: 200 }).solve(x)
      expect(status).toBe('converged')
      // a = 1 − b/2, b = −a/2: a = 4/3
      expect(values(state.a)[0]!).toBeCloseTo(4 / 3, 5)
      expect(values(state.b)[1]!).toBeCloseTo(-2 / 3, 5)
      // from 0, one step is half of G(0)
      expect(values(half.bind(x).apply({ a: tf.zeros([2, 1]), b: tf.zeros([2, 1]) }).a)[0]!).toBe(0.5)
    })
    // Expansive to the left: Picard on −2z + x diverges, damped by 0.4 it has the factor −0.2.
    const steep = defineOperator({
      name: 'steep',
      initial: (x: tf.Tensor) => tf.zerosLike(x),
      apply: (z, x) => tf.add(tf.mul(z, -2), x),
    })
    tf.tidy(() => {
      const run = (of: typeof steep) => equilibrium(of, { solver: picard() }).solve(tf.ones([1, 1]))
      expect(run(steep).status).not.toBe('converged')
      const { state, status } = run(damped(steep, 0.4))
      expect(status).toBe('converged')
      expect(values(state)[0]!).toBeCloseTo(1 / 3, 4)
    })
  })

  test('recall: the injection is computed once per solve; a trait only when it is guaranteed', () => {
    let injected = 0
    const identity = activation('relu')
    const counting: Layer = {
      ...identity,
      bind: () => (x) => {
        injected++
        return tf.relu(x)
      },
    }
    const sure = recall({ core: activation('sigmoid'), inject: counting, after: activation('tanh') })
    expect(sure.traits.lipschitz).toBeCloseTo(0.25, 12)
    tf.tidy(() => {
      const { state, stats } = equilibrium(sure, { solver: picard(), tolerance: 1e-6 }).solve(tf.fill([2, 3], 0.5))
      expect(stats.evaluations).toBeGreaterThan(3)
      expect(injected).toBe(1)
      const z = values(state)[0]!
      expect(z).toBeCloseTo(Math.tanh(1 / (1 + Math.exp(-z)) + 0.5), 5)
    })
    const core = square(1, 0.3)
    const open = recall({ core, inject: square(2), after: rmsNorm({ features: 3, affine: false }) })
    expect(open.traits).toEqual({}) // the weights may become anything
    expect(Object.keys(open.variables)).toEqual(['core.weight', 'core.bias', 'inject.weight', 'inject.bias'])
    open.dispose()
    expect(core.variables['weight']!.isDisposed).toBe(true)
  })

  test('operatorOf: a graph that diffuses', () => {
    type Graph = { readonly nodes: tf.Tensor; readonly edges: tf.Tensor }
    const spread = graphConvolution({ inputs: 1, outputs: 1, self: false, bias: false })
    tf.tidy(() => spread.variables['weight']!.assign(tf.tensor2d([[0.5]])))
    const operator = operatorOf({
      name: 'diffusion',
      layers: { spread },
      initial: (x: Graph) => tf.zerosLike(x.nodes),
      bind: (maps, x) => {
        const [batch, nodes] = x.nodes.shape as [number, number]
        const edges = prepareEdges(x.edges, batch, nodes, nodes)
        return (z) => tf.add(maps.spread({ nodes: z, edges }), x.nodes)
      },
    })
    tf.tidy(() => {
      // two nodes that see each other: z₀ = z₁/2 + 1, z₁ = z₀/2 → 4/3, 2/3; in the second sample they do not: 1, 0
      const edges = tf.tensor3d(
        [
          [
            [0, 1],
            [1, 0],
          ],
          [
            [-1, -1],
            [-1, -1],
          ],
        ],
        [2, 2, 2],
        'int32',
      )
      const nodes = tf.tensor3d([
        [[1], [0]],
        [[1], [0]],
      ])
      const { state, status, stats } = equilibrium(operator, { solver: picard(), tolerance: 1e-6 }).solve({
        nodes,
        edges,
      })
      expect(status).toBe('converged')
      ;[4 / 3, 2 / 3, 1, 0].forEach((v, i) => expect(values(state)[i]!).toBeCloseTo(v, 5))
      expect(stats.perSample.steps[1]!).toBeLessThan(stats.perSample.steps[0]!)
    })
    expect(Object.keys(operator.variables)).toEqual(['spread.weight'])
    operator.dispose()
  })
})
