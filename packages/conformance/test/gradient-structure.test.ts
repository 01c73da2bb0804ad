import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BackwardStats, GradientMode, Operator } from '@equilibria/spec'
import { defineOperator, equilibrium, floor } from '@equilibria/core'
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
  autoGradient,
  checkpointedUnrolled,
  implicit,
  jacobianFree,
  neumannGradient,
  phantom,
  shine,
  truncatedUnrolled,
  unrolled,
} from '@equilibria/implicit-diff'
import { off, slopes } from './deriv-support.ts'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => {
  vi.restoreAllMocks()
  expect(tf.memory().numTensors).toBe(before)
})
const tidy = (fn: () => void) => () => {
  tf.tidy(() => {
    fn()
  })
}
const exact: readonly (readonly [string, () => GradientMode])[] = [
  ['implicit', () => implicit({ solver: gmres(), tolerance: 1e-6, onFailure: 'throw' })],
  ['auto', () => autoGradient({ krylov: gmres(), tolerance: 1e-6, onFailure: 'throw' })],
  ['shine', () => shine({ inverse: applyInverseTransposed, solver: gmres(), tolerance: 1e-6, onFailure: 'throw' })],
  ['neumann', () => neumannGradient({ terms: 30 })],
  ['phantom', () => phantom({ steps: 30, damping: 0.95 })],
  ['truncated', () => truncatedUnrolled({ steps: 30 })],
  ['unrolled', unrolled],
  ['checkpointed', () => checkpointedUnrolled()],
]
/** Solvers that a mode is meant for: `shine` needs the inverse of `broyden()`, the unrolled ones plain steps. */
const solverFor = (name: string) =>
  name === 'shine' ? broyden({ memory: 40 }) : name.match(/rolled|check/) ? picard() : anderson()

describe.each(exact)('%s', (name, mode) => {
  const tight = { solver: solverFor(name), gradient: mode(), tolerance: 1e-6, maxSteps: 60 }

  test(
    'states that are trees, inputs that are trees, a loss on some parts: against float64',
    tidy(() => {
      // h = tanh(0.4 m₁ + x), m₁ = 0.5 h a + 0.1 m₂, m₂ = 0.3 m₁ − 0.2: entry by entry.
      type S = { readonly h: tf.Tensor2D; readonly maps: readonly [tf.Tensor3D, tf.Tensor] }
      type X = { readonly x: tf.Tensor2D; readonly a: tf.Tensor2D }
      const tree = defineOperator<S, X>({
        name: 'tree',
        initial: ({ x }) => ({ h: tf.zerosLike(x), maps: [tf.zeros([x.shape[0], 2, 1]), tf.zerosLike(x)] }),
        apply: ({ h, maps: [first, second] }, { x, a }) => {
          const flat = tf.reshape(first, [-1, 2])
          const next = tf.add(tf.mul(tf.mul(h, 0.5), a), tf.mul(second, 0.1))
          return {
            h: tf.tanh(tf.add(tf.mul(flat, 0.4), x)),
            maps: [tf.reshape(next, [-1, 2, 1]), tf.sub(tf.mul(flat, 0.3), 0.2)] as const,
          }
        },
      })
      const host = (p: readonly number[]): number => {
        let sum = 0
        for (let b = 0; b < 2; b++)
          for (let i = 0; i < 2; i++) {
            const x = p[2 * b + i]!
            const a = p[4 + b]!
            let [h, m, n] = [0, 0, 0]
            for (let k = 0; k < 300; k++) [h, m, n] = [Math.tanh(0.4 * m + x), 0.5 * h * a + 0.1 * n, 0.3 * m - 0.2]
            sum += h * h + (i + 1) * m
          }
        return sum
      }
      const at = [0.5, -0.3, 1.2, 0.1, 0.7, -1.1]
      const layer = equilibrium(tree, tight)
      const [dx, da] = tf.grads((x: tf.Tensor, a: tf.Tensor) => {
        const { state } = layer.solve({ x: x as tf.Tensor2D, a: a as tf.Tensor2D })
        const m = tf.mul(tf.reshape(state.maps[0], [-1, 2]), tf.tensor1d([1, 2]))
        return tf.add(tf.sum(tf.square(state.h)), tf.sum(m)) // nothing of the third part
      })([tf.tensor2d(at.slice(0, 4), [2, 2]), tf.tensor2d(at.slice(4), [2, 1])])
      expect(off([...dx!.dataSync(), ...da!.dataSync()], slopes(host, at))).toBeLessThan(2e-5)
    }),
  )

  test('further results (aux) carry gradients: through the state, and directly', () => {
    // z = a z / 2 + x; aux = { energy: a z² } by a parameter a that G closes over.
    const a = tf.tidy(() => tf.variable(tf.scalar(0.8)))
    tf.tidy(() => {
      const operator: Operator<tf.Tensor2D, tf.Tensor2D, { energy: tf.Tensor }> = {
        kind: 'operator',
        spec: 1,
        name: 'aux',
        traits: {},
        bind: (x) => ({
          initial: () => tf.zerosLike(x),
          apply: (z) => tf.add(tf.mul(tf.mul(z, a), 0.5), x),
          aux: (z) => ({ energy: tf.mul(a, tf.square(z)) }),
        }),
      }
      const layer = equilibrium(operator, tight)
      const { grads } = tf.variableGrads(() => tf.sum(layer.solve(tf.tensor2d([[1, -2]])).aux.energy) as tf.Scalar, [a])
      // a x² / (1 − a/2)²: the slope is x² / (1 − a/2)² · (1 + a / (1 − a/2)).
      const w = (v: number) => (5 * v) / (1 - v / 2) ** 2
      expect(
        off(
          grads[a.name]!,
          slopes(([v]) => w(v!), [0.8]),
        ),
      ).toBeLessThan(2e-5)
    })
    a.dispose()
  })

  test(
    'samples that move each other, as batch normalisation does: against float64',
    tidy(() => {
      // z = tanh(0.5 (z − mean z) + x) over a batch of 3.
      const norm = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'centred',
        traits: { rowwise: false },
        initial: (x) => tf.zerosLike(x),
        apply: (z, x) => tf.tanh(tf.add(tf.mul(tf.sub(z, tf.mean(z, 0, true)), 0.5), x)),
      })
      const host = (x: readonly number[]): number => {
        let z = x.map(() => 0)
        for (let k = 0; k < 300; k++) {
          const mean = z.reduce((s, v) => s + v, 0) / z.length
          z = z.map((v, i) => Math.tanh(0.5 * (v - mean) + x[i]!))
        }
        return z.reduce((s, v, i) => s + (i + 1) * v * v, 0)
      }
      const at = [0.7, -0.4, 0.1]
      const layer = equilibrium(norm, tight)
      const seen: BackwardStats[] = []
      const got = tf.grad((x: tf.Tensor) => {
        const { state } = layer.solve(x as tf.Tensor2D, { onBackward: (s) => seen.push(s) })
        return tf.sum(tf.mul(tf.square(state), tf.tensor2d([[1], [2], [3]])))
      })(tf.tensor2d(at, [3, 1]))
      expect(off(got, slopes(host, at))).toBeLessThan(2e-5)
      expect(seen).toHaveLength(1)
      expect(seen[0]!.perSample.status).toHaveLength(3)
    }),
  )

  test('a layer inside the operator of a layer, trained: gradients as by differences in float64, tensors flat', () => {
    // y = 0.5 tanh(v y + z); z = 0.4 tanh(w y(z)) + x.
    const host = ([v, w]: readonly number[]): number => {
      let sum = 0
      for (const x of [0.3, -0.8]) {
        let z = 0
        for (let k = 0; k < 100; k++) {
          let y = 0
          for (let i = 0; i < 100; i++) y = 0.5 * Math.tanh(v! * y + z)
          z = 0.4 * Math.tanh(w! * y) + x
        }
        sum += z * z
      }
      return sum
    }
    const at = [0.9, 1.3]
    const [v, w] = at.map((value) => tf.tidy(() => tf.variable(tf.scalar(value)))) as [tf.Variable, tf.Variable]
    const inner = equilibrium(
      defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'inner',
        initial: (z) => tf.zerosLike(z),
        apply: (y, z) => tf.mul(tf.tanh(tf.add(tf.mul(v, y), z)), 0.5),
      }),
      tight,
    )
    const outer = equilibrium(
      defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'outer',
        initial: (x) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(tf.tanh(tf.mul(w, inner.solve(z).state)), 0.4), x),
      }),
      tight,
    )
    const counts: number[] = []
    const steps = /unrolled|check|phantom|truncated/.test(name) ? 1 : 3 // some hundred recorded evaluations each
    for (let step = 0; step < steps; step++) {
      tf.tidy(() => {
        const x = tf.tensor2d([[0.3], [-0.8]])
        const { grads } = tf.variableGrads(() => tf.sum(tf.square(outer.solve(x).state)) as tf.Scalar, [v, w])
        const got = [v, w].map((p) => grads[p.name]!.dataSync()[0]!)
        if (step === 0) expect(off(got, slopes(host, at))).toBeLessThan(3e-5)
        for (const p of [v, w]) p.assign(tf.sub(p, tf.mul(grads[p.name]!, 0.01)))
      })
      counts.push(tf.memory().numTensors - before)
    }
    expect(new Set(counts)).toEqual(new Set([2]))
    tf.dispose([v, w])
  })

  test(
    'one report per backward pass, in the words of the contract',
    tidy(() => {
      const seen: BackwardStats[] = []
      const half = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'half',
        initial: (x) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
      })
      const layer = equilibrium(half, tight)
      tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D, { onBackward: (s) => seen.push(s) }).state))(
        tf.ones([3, 2]),
      )
      expect(seen).toHaveLength(1)
      const { mode: said, steps, residual, converged, perSample } = seen[0]!
      expect(said.length).toBeGreaterThan(3)
      expect([perSample.status.length, perSample.steps.length, perSample.residual.length]).toEqual([3, 3, 3])
      const solves = /implicit|auto|shine/.test(name)
      expect(perSample.status).toEqual(Array(3).fill(solves ? 'converged' : 'inexact'))
      expect(converged).toBe(solves)
      expect(Number.isNaN(residual)).toBe(!solves)
      expect(steps).toBeGreaterThanOrEqual(name.match(/^(unrolled|check)/) ? 0 : 1)
      expect(Math.max(...perSample.steps)).toBeLessThanOrEqual(steps)
    }),
  )
})

describe('the start of a solve', () => {
  const cosine = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'cosine',
    initial: (x) => tf.zerosLike(x),
    apply: (z, x) => tf.mul(tf.cos(tf.add(z, x)), 0.7),
  })
  test.each(exact.filter(([name]) => !/^(unrolled|check)/.test(name)))('%s: no gradient reaches it', (name, mode) =>
    tf.tidy(() => {
      const layer = equilibrium(cosine, { solver: solverFor(name), gradient: mode(), tolerance: 1e-6, maxSteps: 60 })
      const x = tf.tensor2d([[0.4, 1]])
      // A path of its own, so that tfjs has something to say; with `z0` alone it refuses, as for any constant.
      const slope = tf.grad((z0: tf.Tensor) => {
        const { state } = layer.solve(x, { initial: z0 as tf.Tensor2D })
        return tf.add(tf.sum(state), tf.mul(tf.sum(z0), 3))
      })(tf.tensor2d([[0.1, -0.5]]))
      expect(Array.from(slope.dataSync())).toEqual([3, 3])
    }),
  )
  test(
    'unrolled: that of the steps taken',
    tidy(() => {
      const layer = equilibrium(cosine, { solver: picard(), gradient: unrolled(), tolerance: 0, maxSteps: 3 })
      const host = (z: number): number => {
        for (let k = 0; k < 3; k++) z = 0.7 * Math.cos(z + 0.4)
        return z
      }
      const x = tf.tensor2d([[0.4]])
      const slope = tf.grad((z0: tf.Tensor) => tf.sum(layer.solve(x, { initial: z0 as tf.Tensor2D }).state))
      expect(
        off(
          slope(tf.tensor2d([[0.1]])),
          slopes(([z]) => host(z!), [0.1]),
        ),
      ).toBeLessThan(2e-6)
    }),
  )
})

describe('forward solves that ended otherwise', () => {
  test(
    'at the floor of rounding: an equilibrium, without a word',
    tidy(() => {
      const seen: BackwardStats[] = []
      const half = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'third',
        initial: (x) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.div(tf.sin(z), 3), x),
      })
      const layer = equilibrium(half, {
        solver: picard(),
        gradient: implicit({ solver: gmres(), onFailure: 'throw' }),
        stop: floor(),
        maxSteps: 200,
      })
      let status = ''
      tf.grad((x: tf.Tensor) => {
        const found = layer.solve(x as tf.Tensor2D, { onBackward: (s) => seen.push(s) })
        status = found.status
        return tf.sum(found.state)
      })(tf.tensor2d([[1.3, 0.4]]))
      expect(status).toBe('floor')
      expect([seen[0]!.converged, seen[0]!.notes]).toEqual([true, undefined])
    }),
  )
  test(
    'rows that were lost are called so by the inexact modes too, and the note counts them',
    tidy(() => {
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      const square = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'square',
        initial: (x) => tf.onesLike(x),
        apply: (z, x) => tf.mul(x, tf.square(z)),
      })
      for (const gradient of [jacobianFree(), phantom(), neumannGradient(), truncatedUnrolled()]) {
        const seen: BackwardStats[] = []
        const layer = equilibrium(square, { solver: picard(), gradient, tolerance: 1e-6 })
        tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D, { onBackward: (s) => seen.push(s) }).state))(
          tf.tensor2d([[0.5], [3]]),
        )
        expect(seen[0]!.perSample.status, gradient.name).toEqual(['inexact', 'unsolved'])
        expect(seen[0]!.notes![0]).toMatch(/did not reach an equilibrium for all 2 samples: 1 (non-finite|diverged)/)
      }
    }),
  )
})

test('a monotone operator network where Picard diverges, by Peaceman–Rachford both ways: differences in float64', () => {
  const before = tf.memory().numTensors
  const M = [[-2, 3], [-3, -1.5]] // prettier-ignore
  // z = tanh(M z + b): (M + Mᵀ)/2 < I, ρ(J) near 3. In float64 by a short explicit step along the flow.
  const host = (p: readonly number[]): number => {
    let z = [0, 0]
    for (let k = 0; k < 4000; k++)
      z = z.map((v, i) => v + 0.05 * (Math.tanh(M[i]!.reduce((s, m, j) => s + m * z[j]!, 0) + p[i]!) - v))
    return z[0]! ** 2 - 2 * z[1]!
  }
  tf.tidy(() => {
    const weights = tf.transpose(tf.tensor2d(M)) as tf.Tensor2D
    const operator: Operator<tf.Tensor2D, tf.Tensor2D> = {
      kind: 'operator',
      spec: 1,
      name: 'monotone',
      traits: {},
      bind: (bias) => ({
        initial: () => tf.zerosLike(bias),
        apply: (z) => tf.tanh(tf.add(tf.matMul(z, weights), bias)),
        splitting: linearProxSplitting({ weights, bias, proximal: proximal.tanh, monotonicity: 2, lipschitz: 5 }),
      }),
    }
    const rows = [[0.5, -0.3], [-1, 0.2]] // prettier-ignore
    const diverging = equilibrium(operator, { solver: picard(), maxSteps: 200 }).solve(tf.tensor2d(rows))
    expect(diverging.status).not.toBe('converged')
    const layer = equilibrium(operator, {
      solver: peacemanRachford(),
      gradient: implicit({ solver: peacemanRachford(), tolerance: 1e-6, maxSteps: 200, onFailure: 'throw' }),
      tolerance: 1e-6,
      maxSteps: 200,
    })
    const got = tf.grad((b: tf.Tensor) => {
      const [first, second] = tf.split(layer.solve(b as tf.Tensor2D).state, 2, 1) as [tf.Tensor, tf.Tensor]
      return tf.sum(tf.sub(tf.square(first), tf.mul(second, 2)))
    })(tf.tensor2d(rows))
    expect(off(got, rows.flatMap((row) => slopes(host, row)))).toBeLessThan(2e-5) // prettier-ignore
  })
  expect(tf.memory().numTensors).toBe(before)
})

test('truncated unrolling: the value and the gradient of T + k steps, the first T held', () => {
  const [T, k] = [4, 3]
  tf.tidy(() => {
    const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'tanh',
      initial: (x) => tf.zerosLike(x),
      apply: (z, x) => tf.tanh(tf.add(tf.mul(z, 0.9), x)),
    })
    const run = (gradient: GradientMode, steps: number) =>
      equilibrium(operator, { solver: picard(), gradient, tolerance: 0, maxSteps: steps })
    const host = (x: number, held: number): number => {
      let z = held
      for (let i = 0; i < k; i++) z = Math.tanh(0.9 * z + x)
      return z
    }
    let held = 0
    for (let i = 0; i < T; i++) held = Math.tanh(0.9 * held + 0.2)
    const x = tf.tensor2d([[0.2]])
    const layer = run(truncatedUnrolled({ steps: k }), T)
    const { value, grad } = tf.valueAndGrad((t: tf.Tensor) => tf.sum(layer.solve(t as tf.Tensor2D).state))(x)
    expect(off(value, [host(0.2, held)])).toBeLessThan(1e-6)
    expect(
      off(
        grad,
        slopes(([t]) => host(t!, held), [0.2]),
      ),
    ).toBeLessThan(2e-6)
    // Inference at the same depth asks for T + k.
    expect(off(run(unrolled(), T + k).solve(x).state, [host(0.2, held)])).toBeLessThan(1e-6)
  })
})
