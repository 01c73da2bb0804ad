import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Memory, Problem, Solver, Vector } from '@equilibria/spec'
import { defineOperator, equilibrium, referenceKernels } from '@equilibria/core'
import { unrolled } from '@equilibria/implicit-diff'
import { linearize } from '@equilibria/tensor'
import {
  aitken,
  anderson,
  bestSoFar,
  bounded,
  broyden,
  chebyshev,
  damped,
  halpern,
  krasnoselskiiMann,
  minimalPolynomial,
  picard as plainPicard,
  pseudoTransient,
  reducedRank,
  safeguarded,
  type StateBound,
  vectorEpsilon,
} from '@equilibria/solvers'
import { allSolvers } from './all-solvers.ts'

const picard = (damping = 1): Solver => plainPicard({ damping })
const leakless = (run: () => void) => {
  const before = tf.memory().numTensors
  tf.tidy(run)
  expect(tf.memory().numTensors).toBe(before)
}
type X = { readonly a: tf.Tensor2D; readonly b: tf.Tensor2D }
/** `z = a z + b`, a multiplier per row. */
const affine = defineOperator<tf.Tensor2D, X>({
  name: 'affine',
  initial: ({ b }) => tf.zerosLike(b),
  apply: (z, { a, b }) => tf.add(tf.mul(z, a), b),
})
const rows = (a: readonly number[], b: readonly (readonly number[])[]): X => ({
  a: tf.tensor2d(a.map((v) => [v])),
  b: tf.tensor2d(b.map((row) => [...row])),
})
const floats = (t: tf.Tensor) => Array.from(t.dataSync())

describe('bounded', () => {
  /** Projected gradient of a box QP without its projection: truth case box_qp_projected_gradient, x* = (0.5, 2). */
  const gradientStep = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'qp',
    initial: (q) => tf.zerosLike(q),
    apply: (x, q) =>
      tf.sub(
        x,
        tf.mul(
          tf.add(
            tf.matMul(x, [
              [2, 1],
              [1, 2],
            ]),
            q,
          ),
          0.3,
        ),
      ),
  })
  test.each([picard(), anderson(), krasnoselskiiMann(), pseudoTransient(), broyden(), aitken()])(
    'a quadratic program in a box: $name',
    (solver) =>
      leakless(() => {
        const { state, status, stats } = equilibrium(gradientStep, {
          solver: bounded(solver, { lower: 0, upper: 2 }),
          tolerance: 1e-6,
          maxSteps: 200,
        }).solve(tf.tensor2d([[-3, -6]]))
        expect([stats.solver, status]).toEqual([`bounded(${solver.name})`, 'converged'])
        const [x, y] = floats(state)
        // 1e-6 · ‖x‖ / (1 − 0.7)
        expect(Math.abs(x! - 0.5)).toBeLessThan(1e-5)
        expect(y).toBeCloseTo(2, 5)
      }),
  )
  test('states stay in the box, the residual is that of the projected map, NaN stays NaN', () => {
    leakless(() => {
      const { a, b } = rows([0.5, 3, 0.5], [[9], [-1], [Number.NaN]])
      const apply = (z: Vector): Vector => tf.add(tf.mul(z, a), b)
      const problem: Problem = {
        batch: 3,
        size: 1,
        traits: { lipschitz: 3, symmetric: true },
        kernels: referenceKernels,
        apply,
        linearize: (z) => linearize(apply, z),
      }
      const solver = bounded(anderson(), { lower: -2, upper: 5 })
      let z: Vector = tf.tensor2d([[-100], [100], [0]]) // outside
      let memory: Memory = solver.init(problem, z)
      for (let k = 0; k < 8; k++) {
        const step = solver.step(problem, z, memory)
        const at = floats(z)
        const [r0, r1] = floats(step.residual)
        const clip = (v: number) => Math.min(5, Math.max(-2, v))
        expect(r0).toBeCloseTo(clip(0.5 * clip(at[0]!) + 9) - at[0]!, 4)
        expect(r1).toBeCloseTo(clip(3 * clip(at[1]!) - 1) - at[1]!, 4)
        z = step.next
        memory = step.memory
        const [p, q, n] = floats(z)
        expect([p! >= -2 && p! <= 5, q! >= -2 && q! <= 5, n]).toEqual([true, true, Number.NaN])
      }
      expect(floats(z).slice(0, 2)).toEqual([5, 5]) // 0.5 · 5 + 9 > 5 and 3 · 5 − 1 > 5: both upper bounds hold
    })
  })
  test('bounds as numbers per entry, as a tree for all samples, as a tree per sample; these follow their rows', () => {
    type S = { readonly u: tf.Tensor2D; readonly v: tf.Tensor2D }
    const tree = defineOperator<S, { readonly a: tf.Tensor2D }>({
      name: 'tree',
      initial: ({ a }) => ({ u: tf.zeros([a.shape[0], 1]), v: tf.zeros([a.shape[0], 2]) }),
      apply: ({ u, v }, { a }) => ({ u: tf.add(tf.mul(u, a), 1), v: tf.add(tf.mul(v, a), -1) }),
    })
    const moduli = [0.1, 0.9, 0.5, 0.8]
    leakless(() => {
      const solve = (lower: StateBound, upper: StateBound) =>
        equilibrium(tree, {
          solver: bounded(anderson(), { lower, upper }),
          tolerance: 1e-6,
          maxSteps: 100,
          compaction: { every: 1, below: 1 },
        }).solve({ a: tf.tensor2d(moduli, [4, 1]) })
      // u → min(1/(1 − a), 1.5); v → max(−1/(1 − a), −1.5 and −3)
      const want = (up: (b: number) => number) => [
        ...moduli.map((a, b) => Math.min(1 / (1 - a), up(b))),
        ...moduli.flatMap((a, b) => [-up(b), -2 * up(b)].map((low) => Math.max(-1 / (1 - a), low))),
      ]
      const check = (found: ReturnType<typeof solve>, up: (b: number) => number) => {
        expect(found.status).toBe('converged')
        const got = [...floats(found.state.u), ...floats(found.state.v)]
        // Relative residual 1e-6 at ‖z‖ ≤ 15, over 1 − 0.9.
        want(up).forEach((v, i) => expect(Math.abs(got[i]! - v)).toBeLessThan(2e-4))
      }
      const wide = Number.POSITIVE_INFINITY
      check(solve([-wide, -1.5, -3], [1.5, wide, wide]), () => 1.5)
      check(
        solve(
          { u: tf.fill([1, 1], -wide), v: tf.tensor2d([[-1.5, -3]]) },
          { u: tf.fill([1, 1], 1.5), v: tf.fill([1, 2], wide) },
        ),
        () => 1.5,
      )
      const up = tf.tensor2d([1, 2, 3, 4], [4, 1])
      check(
        solve(
          { u: tf.fill([4, 1], -wide), v: tf.mul(tf.tensor2d([[-1, -2]]), up) },
          { u: up, v: tf.fill([4, 2], wide) },
        ),
        (b) => b + 1,
      )
      expect(() => solve([0, 0], 1)).toThrow(/bounds for 2 on a state of 4 × 3/)
      expect(() => solve(0, tf.ones([3, 3]))).toThrow(/bounds for \(3,3\)/)
      expect(() => solve([0, 0, 2], 1)).toThrow(/lower bound/)
    })
    expect(() => bounded(picard(), { lower: 1, upper: 0 })).toThrow(/leaves nothing/)
    expect(() => bounded(picard(), { lower: Number.NaN })).toThrow(/NaN/)
    expect(() => bounded(picard(), { upper: [0, Number.NaN] })).toThrow(/NaN/)
  })
})

describe('safeguarded', () => {
  /** Picard that throws every row with a positive mark far away at its steps 3 and 4, counted from its own start. */
  const reckless = (far: number): Solver => ({
    kind: 'solver',
    spec: 1,
    name: 'reckless',
    init: () => 0,
    step(problem, z, memory) {
      const step = picard().step(problem, z, null)
      const k = (memory as number) + 1
      const wild = tf.greater(tf.slice(z, [0, 1], [-1, 1]), 0)
      return { ...step, next: k % 8 === 4 ? tf.where(wild, far, step.next) : step.next, memory: k }
    },
  })
  const input = () =>
    rows(
      [0.5, 0.6, 0.7],
      [
        [1, -1],
        [2, 1],
        [3, -2],
      ],
    )
  test('a row thrown far away comes back to its best state; the others go on as if nothing happened, to the bit', () => {
    leakless(() => {
      const layer = (solver: Solver) => equilibrium(affine, { solver, tolerance: 1e-6, maxSteps: 200 })
      const [wild, calm] = [
        layer(safeguarded(reckless(1e6), { window: 2 })),
        layer(safeguarded(picard(), { window: 2 })),
      ]
      const depths = [0, 2, 4, 5, 6, 7, 9, 14, 20]
      const [a, b] = [wild.trajectory(input(), depths), calm.trajectory(input(), depths)]
      const rowOf = (points: typeof a, b2: number) => points.map((p) => floats(p.state).slice(2 * b2, 2 * b2 + 2))
      expect(rowOf(a, 0)).toEqual(rowOf(b, 0))
      expect(rowOf(a, 2)).toEqual(rowOf(b, 2))
      // Row 1 after 2, 4 and 5 steps: near, far (0.6e6 − 1e6 over 1e6), and near again.
      const [near, far, back] = [1, 2, 3].map((i) => a[i]!.residual[1]!)
      expect([near! < 0.3, far! > 0.39, back! < near!]).toEqual([true, true, true])
      expect(wild.solve(input()).status).toBe('converged')
    })
  })
  test('a row out of hand takes its own damped step, exactly: z_b + β r_b', () => {
    leakless(() => {
      const layer = equilibrium(affine, {
        solver: safeguarded(reckless(1e6), { window: 2, damping: 0.25 }),
        tolerance: 0,
      })
      // Row 1: z_{k+1} = 0.6 z_k + b; thrown by the fourth step, judged by the fifth, from the state measured fourth.
      const z3 = [2, 1].map((v) => v * (1 + 0.6 + 0.36))
      const want = z3.map((z, i) => z + 0.25 * ([2, 1][i]! - 0.4 * z))
      const [, after] = layer.trajectory(input(), [4, 5])
      floats(after!.state)
        .slice(2, 4)
        .forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 5))
    })
  })
  test('proposals that are not finite do not end a row; a map that is not, does', () => {
    leakless(() => {
      const layer = equilibrium(affine, { solver: safeguarded(reckless(Number.NaN)), tolerance: 1e-6, maxSteps: 200 })
      expect(layer.solve(input()).status).toBe('converged')
      expect(equilibrium(affine, { solver: reckless(Number.NaN), maxSteps: 200 }).solve(input()).status).toBe(
        'non-finite',
      )
      expect(layer.solve(rows([0.5], [[Number.NaN, 1]])).status).toBe('non-finite')
    })
  })
  test('memories of restarted rows are merged again once they look alike', () => {
    leakless(() => {
      const { a, b } = input()
      let shove = false
      const apply = (z: Vector): Vector => tf.add(tf.mul(tf.sin(z), a), shove ? tf.add(b, [[0, 0], [1e9, 0], [0, 0]]) : b) // prettier-ignore
      const problem: Problem = {
        batch: 3,
        size: 2,
        traits: {},
        kernels: referenceKernels,
        apply,
        linearize: (z) => linearize(apply, z),
      }
      const solver = safeguarded(aitken(), { window: 2 })
      let z: Vector = tf.zeros([3, 2])
      let memory: Memory = solver.init(problem, z)
      const groups: number[] = []
      for (let k = 0; k < 14; k++) {
        shove = k === 4 // an evaluation gone wrong, in one row
        const step = solver.step(problem, z, memory)
        z = step.next
        memory = step.memory
        groups.push((memory as { groups: readonly Memory[] }).groups.length)
      }
      // Aitken remembers nothing at first, and from its second step on as much as ever.
      expect([groups[3], groups[4], groups[5], groups[13]]).toEqual([1, 2, 1, 1])
      expect(Math.max(...groups)).toBe(2)
    })
  })
  test('Aitken on a rotation, where it overshoots alone, and Picard on an expansive map: both end', () => {
    const turn = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'expansive',
      initial: (x) => tf.zerosLike(x),
      apply: (z, x) => tf.add(tf.matMul(z, [[-0.76, -1.68], [-1.68, -1.74]]), x), // prettier-ignore
    })
    leakless(() => {
      const status = (solver: Solver) =>
        equilibrium(turn, { solver, tolerance: 1e-5, maxSteps: 400 }).solve(tf.tensor2d([[1, 2]])).status
      expect(status(picard())).toBe('diverged')
      expect(status(safeguarded(picard()))).toBe('converged')
    })
  })
})

test('damped: the share of each step; names, requirements and resuming are passed on', () => {
  leakless(() => {
    const layer = (solver: Solver) => equilibrium(affine, { solver, tolerance: 0 })
    const x = rows([0.5, -3], [[1, 2], [3, 4]]) // prettier-ignore
    const [a, b] = [layer(damped(picard(), 0.25)), layer(picard(0.25))].map((l) => l.trajectory(x, [1, 5, 10]))
    a!.forEach((p, i) => floats(p.state).forEach((v, j) => expect(v).toBeCloseTo(floats(b![i]!.state)[j]!, 4)))
  })
  for (const wrap of [(s: Solver) => damped(s, 0.5), safeguarded, bestSoFar, (s: Solver) => bounded(s, { lower: 0 })]) {
    expect(wrap(anderson()).requires).toEqual(anderson().requires)
    expect(wrap(bestSoFar(anderson())).answer).toBe('best')
    expect(wrap(anderson()).name).toContain('anderson')
    expect(wrap(broyden()).resume === undefined).toBe(broyden().resume === undefined)
    expect(wrap(picard()).resume).toBeUndefined()
  }
})

test('a memory that is resumed keeps what it learnt: adaptive damping starts where it ended', () => {
  leakless(() => {
    for (const wrap of [
      (s: Solver) => s,
      (s: Solver) => damped(s, 1),
      safeguarded,
      (s: Solver) => bounded(s, { lower: -9 }),
    ]) {
      const solver = wrap(krasnoselskiiMann())
      const apply = (z: Vector): Vector => tf.sub(1, tf.mul(z, 5))
      const problem: Problem = {
        batch: 1,
        size: 1,
        traits: {},
        kernels: referenceKernels,
        apply,
        linearize: (z) => linearize(apply, z),
      }
      const run = (z: Vector, memory: Memory) => {
        let steps = 0
        for (; steps < 60; steps++) {
          const step = solver.step(problem, z, memory)
          if (tf.norm(step.residual).dataSync()[0]! < 1e-5) break
          z = step.next
          memory = step.memory
        }
        return { steps, memory }
      }
      const z0: Vector = tf.zeros([1, 1])
      const cold = run(z0, solver.init(problem, z0))
      const warm = run(z0, solver.resume!(problem, z0, cold.memory))
      expect(warm.steps).toBeLessThan(cold.steps)
    }
  })
})

test('options that make no sense are refused', () => {
  const bad: (() => unknown)[] = [
    () => krasnoselskiiMann({ damping: 0 }),
    () => krasnoselskiiMann({ damping: 1.1 }),
    () => krasnoselskiiMann({ least: 0 }),
    () => krasnoselskiiMann({ patience: 0.5 }),
    () => halpern({ restart: { sufficient: 0.9, necessary: 0.5 } }),
    () => halpern({ restart: { necessary: 1 } }),
    () => aitken({ damping: 2 }),
    () => aitken({ cap: Number.NaN }),
    () => aitken({ by: 'entry' as never }),
    () => chebyshev({}),
    () => chebyshev({ radius: 1 }),
    () => chebyshev({ radius: 0.5, interval: [0, 0.5] }),
    () => chebyshev({ interval: [0.5, 0.2] }),
    () => chebyshev({ interval: [Number.NEGATIVE_INFINITY, 0.2] }),
    () => pseudoTransient({ first: 0 }),
    () => pseudoTransient({ first: 10, largest: 1 }),
    () => pseudoTransient({ growth: 0.5 }),
    () => pseudoTransient({ forcing: 1 }),
    () => pseudoTransient({ products: 1 }),
    () => reducedRank({ modes: 0 }),
    () => minimalPolynomial({ damping: 0 }),
    () => vectorEpsilon({ cap: 0 }),
    () => damped(picard(), 0),
    () => safeguarded(picard(), { factor: 0.5 }),
    () => safeguarded(picard(), { limit: Number.NaN }),
    () => safeguarded(picard(), { window: 0 }),
    () => safeguarded(picard(), { damping: 1.5 }),
  ]
  for (const make of bad) expect(make).toThrow(expect.objectContaining({ code: 'option' }) as never)
})

describe('far from 1', () => {
  /** z = 0.9 sin-like map in units of `s`: nothing may depend on the size of states, up to the edge of float32. */
  test.each([
    krasnoselskiiMann(),
    halpern(),
    aitken(),
    pseudoTransient(),
    reducedRank(),
    vectorEpsilon({ modes: 1 }),
    safeguarded(aitken()),
  ])('$name on states of 1e-12 and 1e25, squares of which float32 does not hold', (solver) => {
    for (const s of [2 ** -40, 2 ** 83])
      leakless(() => {
        const apply = (z: Vector): Vector => tf.mul(tf.add(tf.mul(tf.tanh(tf.div(z, s)), -1.5), [[1, 0.5]]), s)
        const problem: Problem = {
          batch: 1,
          size: 2,
          traits: {},
          kernels: referenceKernels,
          apply,
          linearize: (z) => linearize(apply, z),
        }
        let z: Vector = tf.zeros([1, 2])
        let memory: Memory = solver.init(problem, z)
        let r = Number.POSITIVE_INFINITY
        for (let k = 0; k < 60; k++) {
          const step = solver.step(problem, z, memory)
          r = Math.max(...floats(step.residual).map(Math.abs)) / s
          z = step.next
          memory = step.memory
        }
        expect([solver.name, s, r < 1e-2]).toEqual([solver.name, s, true])
      })
  })
})

describe('recorded step by step', () => {
  /** Methods with a model of `J` treat it as a constant, which leaves the slope of the last step, or refuse. */
  const modelled = /^(broyden|newton|levenberg|pseudo-transient|auto|anderson type I)/

  test.each(allSolvers.filter(({ name }) => !modelled.test(name)))(
    'unrolled() through $name: the right slope, no tensor left',
    ({ make }) => {
      leakless(() => {
        // z = 0.5 z + x: dz/dx = 2 at the answer. Coefficients count as constants, so that is what comes out when they are settled.
        const half = defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'half',
          initial: (x) => tf.zerosLike(x),
          apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
        })
        const layer = equilibrium(half, { solver: make(), gradient: unrolled(), tolerance: 1e-6, maxSteps: 200 })
        const slope = tf.grad((x) => tf.sum(layer.solve(x as tf.Tensor2D).state))(tf.tensor2d([[1, -2]]))
        floats(slope).forEach((g) => expect(Math.abs(g - 2)).toBeLessThan(1e-2))
      })
    },
  )
  test('pseudo-transient says that it cannot', () => {
    leakless(() => {
      const layer = equilibrium(affine, { solver: pseudoTransient(), gradient: unrolled() })
      const { a, b } = rows([0.5], [[1]])
      expect(() => tf.grad((x) => tf.sum(layer.solve({ a, b: x as tf.Tensor2D }).state))(b)).toThrow(/off the tape/)
    })
  })
})
