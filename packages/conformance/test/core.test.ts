import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { defineOperator, equilibrium } from '@equilibria/core'
import { anderson, andersonI, broyden, picard } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { implicit, jacobianFree, phantom, unrolled } from '@equilibria/implicit-diff'
import { gradientChecks, runChecks, solverChecks } from '@equilibria/conformance'
import { linearize, scoped } from '@equilibria/tensor'

describe('solvers', () => {
  for (const make of [
    () => picard(),
    () => anderson({ memory: 5 }),
    () => andersonI(),
    () => broyden(),
    () => broyden({ update: 'bad' }),
    () => broyden({ lineSearch: 'armijo' }),
    () => broyden({ lineSearch: 'li-fukushima' }),
  ])
    runChecks(test, solverChecks(make))
})
describe('gradients', () => {
  runChecks(
    test,
    gradientChecks(() => implicit({ solver: gmres() })),
  )
  runChecks(
    test,
    gradientChecks(() => implicit({ solver: anderson() })),
  )
  runChecks(
    test,
    gradientChecks(() => phantom({ steps: 30 })),
  )
  runChecks(test, gradientChecks(jacobianFree, { exact: false }))
  runChecks(test, gradientChecks(unrolled, { exact: false }))
})

type State = { readonly h: tf.Tensor2D; readonly maps: readonly [tf.Tensor3D, tf.Tensor3D] }
const tree = () =>
  defineOperator<State, { readonly x: tf.Tensor2D }>({
    name: 'tree',
    initial: ({ x }) => ({ h: tf.zerosLike(x), maps: [tf.zeros([x.shape[0], 2, 2]), tf.zeros([x.shape[0], 2, 3])] }),
    apply: ({ h, maps: [a, b] }, { x }) => ({
      h: tf.add(tf.mul(h, 0.3), tf.add(x, tf.mul(tf.reshape(tf.mean(a, [1, 2]), [x.shape[0], 1]), 0.1))),
      maps: [tf.mul(tf.add(a, 1), 0.5), tf.tanh(tf.add(tf.mul(b, 0.5), tf.reshape(tf.sum(h, 1), [x.shape[0], 1, 1])))],
    }),
  })

test('structured state, typed and leak-free', () => {
  const before = tf.memory().numTensors
  const x = tf.tensor2d([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  const layer = equilibrium(tree(), {
    solver: anderson({ memory: 4 }),
    gradient: implicit({ solver: gmres() }),
    tolerance: 1e-6,
  })
  const { state, status, stats } = layer.solve({ x }, { trace: true })
  expectTypeOf(state).toEqualTypeOf<State>()
  expect(status).toBe('converged')
  expect(state.maps[1].shape).toEqual([3, 2, 3])
  expect(stats.trace.length).toBe(stats.steps)
  const g = tf.grad((xx) => tf.sum(layer.solve({ x: xx as tf.Tensor2D }).state.maps[1]))(x)
  expect(g.shape).toEqual([3, 2])
  tf.dispose([state.h, ...state.maps, x, g])
  expect(tf.memory().numTensors).toBe(before)
})

test('inside a network: encoder → equilibrium → decoder, trained', () => {
  const before = tf.memory().numTensors
  const { E, W, D } = scoped(() => {
    const E = tf.variable(tf.randomNormal([3, 4], 0, 0.5, 'float32', 1) as tf.Tensor2D),
      W = tf.variable(tf.randomNormal([4, 4], 0, 0.2, 'float32', 2) as tf.Tensor2D),
      D = tf.variable(tf.randomNormal([4, 1], 0, 0.5, 'float32', 3) as tf.Tensor2D)
    return { E, W, D }
  })
  const op = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'n',
    initial: (u) => tf.zerosLike(u),
    apply: (z, u) => tf.tanh(tf.add(tf.matMul(z, W), u)),
  })
  let backward = 0
  const layer = equilibrium(op, { solver: anderson(), gradient: implicit({ solver: gmres() }), tolerance: 1e-5 })
  const x = tf.randomNormal([16, 3], 0, 1, 'float32', 4) as tf.Tensor2D
  const y = tf.tidy(() => tf.reshape(tf.sum(x, 1), [16, 1]))
  const optimizer = tf.train.adam(0.05)
  const losses: number[] = []
  let steady = 0
  for (let i = 0; i < 40; i++) {
    const l = optimizer.minimize(
      () =>
        tf.mean(
          tf.squaredDifference(
            tf.matMul(layer.solve(tf.matMul(x, E) as tf.Tensor2D, { onBackward: () => backward++ }).state, D),
            y,
          ),
        ) as tf.Scalar,
      true,
      [E, W, D],
    )!
    losses.push(l.dataSync()[0]!)
    l.dispose()
    if (i === 5) steady = tf.memory().numTensors
  }
  expect(tf.memory().numTensors).toBe(steady)
  expect(losses.at(-1)!).toBeLessThan(losses[0]! / 10)
  expect(backward).toBe(40)
  optimizer.dispose()
  tf.dispose([E, W, D, x, y])
  expect(tf.memory().numTensors - before).toBe(0)
})

test('capturing a temporary of the outer network is fine, and differentiated', () => {
  tf.tidy(() => {
    const x = tf.tensor2d([[0.5]])
    const loss = (xx: tf.Tensor) => {
      const hidden = tf.mul(xx, 2) as tf.Tensor2D // born on the outer tape, dead before the backward pass
      const op = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'captures',
        initial: (u) => tf.zerosLike(u),
        apply: (z, u) => tf.add(tf.mul(tf.mul(z, tf.neg(hidden)), 0.3), u),
      })
      return tf.sum(
        equilibrium(op, { solver: anderson(), gradient: implicit({ solver: gmres() }), tolerance: 1e-6 }).solve(
          tf.mul(xx, 1) as tf.Tensor2D,
        ).state,
      )
    }
    // z = -0.6 x z + x  →  z = x / (1 + 0.6 x),  dz/dx = 1 / (1 + 0.6 x)²
    expect(tf.grad(loss)(x).dataSync()[0]).toBeCloseTo(1 / 1.3 ** 2, 4)
  })
})

test('an equilibrium inside the operator of another', () => {
  const before = tf.memory().numTensors
  const x = tf.tensor2d([[0.7, -0.3]])
  const inner = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'inner',
    initial: (u) => tf.zerosLike(u),
    apply: (w, u) => tf.add(tf.mul(tf.sin(w), 0.4), u),
  })
  const options = { solver: anderson(), gradient: implicit({ solver: gmres() }), tolerance: 1e-7, maxSteps: 100 }
  const innerLayer = equilibrium(inner, options)
  const outer = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'outer',
    initial: (u) => tf.zerosLike(u),
    apply: (z, u) => innerLayer.solve(tf.add(tf.mul(z, 0.3), u)).state,
  })
  const loss = (u: tf.Tensor) => tf.sum(tf.square(equilibrium(outer, options).solve(u as tf.Tensor2D).state))
  const g = tf.grad(loss)(x)
  const fd = [0, 1].map((i) => {
    const at = (h: number) =>
      tf.tidy(() => {
        const p = Array.from(x.dataSync())
        p[i]! += h
        return loss(tf.tensor2d(p, [1, 2])).dataSync()[0]!
      })
    return (at(1e-2) - at(-1e-2)) / 2e-2
  })
  expect(Math.abs(g.dataSync()[0]! - fd[0]!)).toBeLessThan(5e-3)
  expect(Math.abs(g.dataSync()[1]! - fd[1]!)).toBeLessThan(5e-3)
  tf.dispose([x, g])
  expect(tf.memory().numTensors).toBe(before)
})

test('warm start, async, abort', async () => {
  const before = tf.memory().numTensors
  const op = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 's',
    initial: (u) => tf.zerosLike(u),
    apply: (z, u) => tf.add(tf.mul(z, 0.99), u),
  })
  const layer = equilibrium(op, { solver: picard(), tolerance: 1e-5, maxSteps: 2000 })
  const x = tf.tensor2d([[1, 2]])
  const cold = layer.solve(x)
  const warm = layer.solve(x, { initial: cold.state })
  expect(warm.stats.steps).toBeLessThan(cold.stats.steps / 10)
  const later = await layer.solveAsync(x)
  expect(later.status).toBe('converged')
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 5)
  const stopped = await layer.solveAsync(x, { signal: stop.signal, tolerance: 1e-30, maxSteps: 1e7 })
  expect(stopped.status).toBe('aborted')
  tf.dispose([cold.state, warm.state, later.state, stopped.state, x])
  expect(tf.memory().numTensors).toBe(before)
})

test('training and inference give the same value', () => {
  tf.tidy(() => {
    const op = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 's',
      initial: (u) => tf.zerosLike(u),
      apply: (z, u) => tf.tanh(tf.add(tf.mul(z, 0.5), u)),
    })
    const layer = equilibrium(op, { solver: picard(), gradient: implicit({ solver: gmres() }), tolerance: 1e-2 })
    const x = tf.tensor2d([[0.3, -2]])
    const seen: number[][] = [Array.from(layer.solve(x).state.dataSync())]
    tf.grad((u) => {
      const z = layer.solve(u as tf.Tensor2D).state
      seen.push(Array.from(z.dataSync()))
      return tf.sum(z)
    })(x)
    expect(seen[0]).toEqual(seen[1])
  })
})

test('linearize once, pull back many times', () => {
  tf.tidy(() => {
    const W = tf.randomNormal([256, 256], 0, 0.05, 'float32', 1) as tf.Tensor2D,
      V = tf.randomNormal([256, 256], 0, 0.05, 'float32', 2) as tf.Tensor2D
    const f = (z: tf.Tensor2D): tf.Tensor2D => tf.tanh(tf.matMul(tf.relu(tf.matMul(z, W)), V)) as tf.Tensor2D
    const z = tf.randomNormal([32, 256], 0, 1, 'float32', 3) as tf.Tensor2D,
      u = tf.randomNormal([32, 256], 0, 1, 'float32', 4) as tf.Tensor2D
    const time = (fn: () => void) => {
      fn()
      const t = performance.now()
      for (let i = 0; i < 20; i++)
        tf.tidy(() => {
          fn()
        })
      return (performance.now() - t) / 20
    }
    const at = linearize(f, z)
    const a = at.vjp(u).dataSync(),
      [g] = tf.grads(f as never)([z], u)
    const b = g!.dataSync()
    expect(Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))).toBeLessThan(1e-6)
    console.log(
      `[${tf.getBackend()}] tf.grads ${time(
        () =>
          void tf
            .grads(f as never)([z], u)[0]!
            .dataSync(),
      ).toFixed(2)} ms, linearize().vjp ${time(() => void at.vjp(u).dataSync()).toFixed(2)} ms`,
    )
    at.dispose()
  })
})
