import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Memory, Problem, Solver, Vector } from '@equilibria/spec'
import { defineOperator, equilibrium, referenceKernels } from '@equilibria/core'
import { anderson, andersonI, broyden } from '@equilibria/solvers'
import { leastSquaresByQR } from '../src/reference/qr-anderson.ts'

/* Solvers without a driver, step by step: what they propose, given what they were shown. */
const bare = (batch: number, size: number, apply: (z: Vector) => tf.Tensor): Problem => ({
  batch,
  size,
  traits: {},
  kernels: referenceKernels,
  apply: apply as (z: Vector) => Vector,
  linearize: () => {
    throw new Error('not needed')
  },
})
const norm = (v: tf.Tensor): number => Math.hypot(...v.dataSync())

interface Walk {
  /** `‖r‖` at every step. */
  readonly norms: number[]
  readonly visited: number[][]
  readonly memory: Memory
}
/** Steps from `start` until `‖r‖ ≤ tolerance`, at most `most`. */
function walk(solver: Solver, problem: Problem, start: Vector, tolerance: number, most: number, warm?: Memory): Walk {
  let z = start
  let memory = warm === undefined ? solver.init(problem, z) : solver.resume!(problem, z, warm)
  const norms: number[] = []
  const visited: number[][] = []
  while (norms.length < most) {
    visited.push(Array.from(z.dataSync()))
    const step = solver.step(problem, z, memory)
    norms.push(norm(step.residual))
    memory = step.memory
    if (!(norms.at(-1)! > tolerance)) break
    z = step.next
  }
  return { norms, visited, memory }
}
const within = (fn: () => void): void => {
  const before = tf.memory().numTensors
  tf.tidy(fn)
  expect(tf.memory().numTensors).toBe(before)
}
const random = (rows: number, columns: number, seed: number, size = 1) =>
  tf.randomNormal([rows, columns], 0, size, 'float32', seed) as tf.Tensor2D

describe('what anderson() forgets', () => {
  const n = 8
  /** Residuals are given, step after step, whatever the state: proposals can then be computed by hand. */
  function proposals(solver: Solver, residuals: readonly (readonly number[])[]) {
    let at = 0
    const problem = bare(1, n, (z) => tf.add(z, tf.tensor2d([[...residuals[at]!]])))
    let z: Vector = tf.zeros([1, n])
    let memory = solver.init(problem, z)
    const states = [Array.from(z.dataSync())]
    for (at = 0; at < residuals.length; at++) {
      const step = solver.step(problem, z, memory)
      z = step.next
      memory = step.memory
      states.push(Array.from(z.dataSync()))
    }
    return states
  }
  /** `z + r − Σ γ (Δz + Δr)` from the `count` newest differences before step `k`. */
  function byHand(states: readonly number[][], residuals: readonly (readonly number[])[], k: number, count: number) {
    const less = (a: readonly number[], b: readonly number[]) => a.map((v, i) => v - b[i]!)
    const columns = Array.from({ length: count }, (_, i) => k - i)
    const dr = columns.map((j) => less(residuals[j]!, residuals[j - 1]!))
    const dz = columns.map((j) => less(states[j]!, states[j - 1]!))
    const gamma = leastSquaresByQR(residuals[k]!, dr)
    return states[k]!.map(
      (v, i) => v + residuals[k]![i]! - gamma.reduce((s, g, c) => s + g * (dz[c]![i]! + dr[c]![i]!), 0),
    )
  }
  const scripted = (norms: readonly number[]) =>
    norms.map((length, k) => {
      const v = Array.from(random(1, n, 40 + k).dataSync())
      return v.map((e) => Math.fround((e * length) / Math.hypot(...v)))
    })
  const apart = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))

  test('two columns, when the safeguard fires, and takes half a step', () =>
    within(() => {
      const residuals = scripted([1, 1, 1, 1, 100, 60])
      const states = proposals(anderson({ memory: 3 }), residuals)
      for (const k of [1, 2, 3]) expect(apart(states[k + 1]!, byHand(states, residuals, k, k))).toBeLessThan(1e-4)
      const half = states[4]!.map((v, i) => v + residuals[4]![i]! / 2)
      expect(apart(states[5]!, half)).toBeLessThan(1e-4)
      // One column is left, and one is new: 100-fold rounding.
      expect(apart(states[6]!, byHand(states, residuals, 5, 2))).toBeLessThan(1e-2)
      expect(apart(states[6]!, byHand(states, residuals, 5, 3))).toBeGreaterThan(1e-1)
    }))
  test('all of them, every `restart` steps', () =>
    within(() => {
      const residuals = scripted([1, 1, 1, 1, 1])
      const states = proposals(anderson({ memory: 3, restart: 3 }), residuals)
      const counts = [0, 1, 2, 0, 1]
      counts.forEach((count, k) =>
        expect(apart(states[k + 1]!, byHand(states, residuals, k, count))).toBeLessThan(1e-4),
      )
    }))
})

describe('warm memory', () => {
  const n = 12
  const W = () => random(n, n, 5, 0.25)
  for (const make of [
    () => anderson(),
    () => andersonI({ memory: 20 }),
    () => broyden(),
    () => broyden({ update: 'bad' }),
  ])
    test(`${make().name}: a problem nearby takes fewer evaluations than from nothing`, () =>
      within(() => {
        const w = W()
        const problem = (x: tf.Tensor2D) => bare(2, n, (z) => tf.tanh(tf.add(tf.matMul(z, w), x)))
        const x = random(2, n, 6)
        const close = tf.add(x, random(2, n, 7, 0.01)) as tf.Tensor2D
        const first = walk(make(), problem(x), tf.zeros([2, n]), 1e-4, 100)
        const start = tf.tensor2d(first.visited.at(-1)!, [2, n])
        const cold = walk(make(), problem(close), start, 1e-4, 100)
        const warm = walk(make(), problem(close), start, 1e-4, 100, first.memory)
        expect(warm.norms.at(-1)).toBeLessThan(1e-4)
        expect(warm.norms.length).toBeLessThan(cold.norms.length)
      }))
})

test.each([() => anderson(), () => andersonI(), () => broyden(), () => broyden({ lineSearch: 'li-fukushima' })])(
  'memory kept by one solve starts the next (%#)',
  (make) =>
    within(() => {
      const w = random(6, 6, 5, 0.3)
      const layer = equilibrium(
        defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'nearby',
          initial: (x) => tf.zerosLike(x),
          apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, w), x)),
        }),
        { solver: make(), tolerance: 1e-5, maxSteps: 100 },
      )
      const x = random(3, 6, 6)
      const first = layer.solve(x, { keepMemory: true })
      const close = tf.add(x, random(3, 6, 7, 0.01)) as tf.Tensor2D
      const cold = layer.solve(close, { initial: first.state })
      const warm = layer.solve(close, { initial: first.state, memory: first.memory! })
      first.memory!.dispose()
      expect([first.status, cold.status, warm.status]).toEqual(['converged', 'converged', 'converged'])
      expect(warm.stats.evaluations).toBeLessThanOrEqual(cold.stats.evaluations)
    }),
)

describe('broyden()', () => {
  test('n linear equations: at most 2n steps (Gay 1979), expansive or not', () =>
    within(() => {
      for (const n of [1, 2, 3, 5, 8]) {
        const A = random(n, n, n, 1.5 / Math.sqrt(n))
        const b = random(1, n, n + 20)
        const problem = bare(1, n, (z) => tf.add(tf.matMul(z, A), b))
        const { norms } = walk(broyden(), problem, tf.zeros([1, n]), 1e-3, 60)
        // Exact arithmetic: r = 0 after 2n steps; float32 leaves rounding times the condition.
        expect({ n, steps: norms.length - 1, enough: norms.length - 1 <= 2 * n }).toMatchObject({ enough: true })
      }
    }))
  test('restarts cost little: ρ = 0.97, n = 100', () =>
    within(() => {
      const n = 100
      const spectrum = tf.linspace(0, 0.97, n) as tf.Tensor
      const problem = bare(1, n, (z) => tf.add(tf.mul(z, spectrum), tf.ones([1, n])))
      const counts = [100, 16, 8].map(
        (memory) => walk(broyden({ memory }), problem, tf.zeros([1, n]), 1e-4, 300).norms.length,
      )
      console.log(
        `[${tf.getBackend()}] broyden, ρ = 0.97, n = 100, to 1e-6 · ‖z‖: in full, 16, 8: ${counts.join(', ')}`,
      )
      expect(counts[0]).toBeLessThan(80)
      for (const limited of counts.slice(1)) expect(limited).toBeLessThan(80)
    }))
  for (const lineSearch of ['armijo', 'li-fukushima'] as const)
    test(`${lineSearch}: a step that does not pay is halved, one evaluation each, in its row only`, () =>
      within(() => {
        // g(z) = −10 atan z: from 2 the full step goes to −9, where |g| is larger; from 0.1 it goes to −0.9, also larger.
        // In row 2, g(z) = −z/2: the first full step pays.
        const problem = bare(3, 1, (z) =>
          tf.add(
            z,
            tf.concat([tf.mul(tf.atan(tf.slice(z, [0, 0], [2, 1])), -10), tf.mul(tf.slice(z, [2, 0], [1, 1]), -0.5)]),
          ),
        )
        const start = tf.tensor2d([[2], [0.1], [4]])
        const { visited, norms } = walk(broyden({ lineSearch }), problem, start, 1e-5, 40)
        const full = 2 - 10 * Math.atan(2)
        expect(visited[1]![0]).toBeCloseTo(full, 4)
        expect(visited[2]![0]).toBeCloseTo((2 + full) / 2, 4)
        expect(visited[1]![2]).toBeCloseTo(2, 5)
        expect(visited[2]![2]).toBeCloseTo(0, 5) // the secant through 4 and 2
        expect(norms.at(-1)).toBeLessThan(1e-5)
      }))
  test('scaling a problem by a power of two changes nothing but the scale, not by a bit', () =>
    within(() => {
      const n = 6
      const A = random(n, n, 9, 0.4)
      const b = random(1, n, 10)
      const steps = (solver: Solver, k: number) => {
        const problem = bare(1, n, (z) => tf.add(tf.matMul(z, A), tf.mul(b, 2 ** k)))
        return walk(solver, problem, tf.zeros([1, n]), 0, 10).visited.map((z) => z.map((v) => v / 2 ** k))
      }
      const solvers: [string, () => Solver, number][] = [
        ['broyden', () => broyden(), 70], // squares of these leave the range of float32
        ['bad broyden', () => broyden({ update: 'bad' }), 70],
        ['anderson', () => anderson(), 30],
        ['andersonI', () => andersonI(), 30],
      ]
      for (const [name, make, k] of solvers)
        for (const power of [-k, k])
          expect([name, power, steps(make(), power)]).toEqual([name, power, steps(make(), 0)])
    }))
  test('a finished row that is stepped on stays finite', () =>
    within(() => {
      for (const solver of [
        broyden(),
        broyden({ update: 'bad' }),
        broyden({ lineSearch: 'armijo' }),
        andersonI(),
        anderson(),
      ]) {
        const problem = bare(1, 2, (z) => tf.add(tf.mul(z, 0.5), 1))
        const z: Vector = tf.tensor2d([[2, 1]])
        let memory = solver.init(problem, z)
        for (let k = 0; k < 20; k++) {
          const step = solver.step(problem, z, memory)
          memory = step.memory
          expect(step.next.dataSync().every(Number.isFinite)).toBe(true)
        }
      }
    }))
  test('options that make no sense', () => {
    expect(() => broyden({ memory: 0 })).toThrow(/whole memory/)
    expect(() => broyden({ update: 'ugly' as 'good' })).toThrow(/not known/)
    expect(() => broyden({ lineSearch: 'wolfe' as 'armijo' })).toThrow(/not known/)
    expect(() => andersonI({ memory: 1.5 })).toThrow(/whole memory/)
    expect(() => andersonI({ regularization: 1 })).toThrow(/\(0, 1\)/)
    expect(() => anderson({ restart: -1 })).toThrow(/whole number/)
  })
})

describe('andersonI() on nonexpansive maps', () => {
  test('alternating projections onto nearly parallel lines: what takes Picard thousands', () =>
    within(() => {
      const t = 0.02
      const [c, s] = [Math.cos(t), Math.sin(t)]
      // Onto the first axis, then onto the line at angle t: contraction cos² t on the line.
      const P = tf.matMul(
        tf.tensor2d([
          [1, 0],
          [0, 0],
        ]),
        tf.tensor2d([
          [c * c, c * s],
          [c * s, s * s],
        ]),
      ) as tf.Tensor2D
      const problem = bare(1, 2, (z) => tf.add(tf.matMul(tf.sub(z, [3, 1]), P), [3, 1]))
      const { norms, visited } = walk(andersonI(), problem, tf.zeros([1, 2]), 1e-6, 100)
      expect(norms.length).toBeLessThan(20)
      expect(Math.hypot(visited.at(-1)![0]! - 3, visited.at(-1)![1]! - 1)).toBeLessThan(1e-2) // 1e-6 / (1 − cos² t)
    }))
  test('the safeguard takes averaged steps: with D tiny the method is Krasnosel’skii–Mann', () =>
    within(() => {
      const problem = bare(1, 2, (z) => tf.add(tf.mul(tf.reverse(z, 1), [1, -1]), [2, 0]))
      const { visited } = walk(andersonI({ safeguard: 1e-30, damping: 0.25 }), problem, tf.zeros([1, 2]), 0, 6)
      let z = [0, 0]
      for (const seen of visited) {
        expect(Math.hypot(seen[0]! - z[0]!, seen[1]! - z[1]!)).toBeLessThan(1e-5)
        z = [0.75 * z[0]! + 0.25 * (z[1]! + 2), 0.75 * z[1]! - 0.25 * z[0]!]
      }
    }))
  test('soft thresholding (lasso), to 1e-4, in no more evaluations than Picard', () =>
    within(() => {
      const [m, n] = [20, 40]
      const A = random(m, n, 3, 1 / Math.sqrt(m))
      const y = random(1, m, 4)
      const problem = bare(1, n, (z) => {
        const w = tf.sub(z, tf.mul(tf.matMul(tf.sub(tf.matMul(z, A, false, true), y), A), 1 / 6))
        return tf.mul(tf.sign(w), tf.relu(tf.sub(tf.abs(w), 0.1 / 6)))
      })
      const plain: Solver<null> = {
        kind: 'solver',
        spec: 1,
        name: 'plain',
        init: () => null,
        step: (p, z) => ({ next: p.apply(z), residual: tf.sub(p.apply(z), z), memory: null }),
      }
      const start: Vector = tf.zeros([1, n])
      const [fast, slow] = [walk(andersonI(), problem, start, 1e-4, 2000), walk(plain, problem, start, 1e-4, 2000)]
      console.log(`[${tf.getBackend()}] lasso to 1e-4: andersonI ${fast.norms.length}, Picard ${slow.norms.length}`)
      expect(fast.norms.at(-1)).toBeLessThanOrEqual(1e-4)
      expect(fast.norms.length).toBeLessThanOrEqual(slow.norms.length)
    }))
})
