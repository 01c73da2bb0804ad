import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Linearization, Problem, Solver, Vector } from '@equilibria/spec'
import { anyOf, defineOperator, equilibrium, nonFinite, referenceKernels, residualBelow } from '@equilibria/core'
import { unrolled } from '@equilibria/implicit-diff'
import { levenbergMarquardt, newtonKrylov } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { EquilibriaError, linearize, scoped } from '@equilibria/tensor'
import { runChecks, solverChecks, zoo, zooError } from '@equilibria/conformance'

const solvers: [string, () => Solver][] = [
  ['newton-krylov, direct', () => newtonKrylov()],
  ['newton-krylov, gmres', () => newtonKrylov({ direct: 0 })],
  ['newton-krylov, full steps', () => newtonKrylov({ lineSearch: 0 })],
  ['newton-krylov, differences', () => newtonKrylov({ jacobian: 'differences' })],
  ['levenberg-marquardt, direct', () => levenbergMarquardt()],
  ['levenberg-marquardt, conjugate gradients', () => levenbergMarquardt({ direct: 0 })],
]

for (const [name, make] of solvers) describe(`${name}: contract`, () => runChecks(test, solverChecks(make)))

describe('solver × problem', () => {
  for (const [name, make] of solvers)
    for (const problem of Object.values(zoo).map((m) => m())) {
      // Conjugate gradients on the normal equations see the square of its condition number, 1e6: 16 roundings are left.
      if (name.includes('conjugate') && problem.name === 'jordan') continue
      test(`${name} × ${problem.name}: the known answer, and no tensor left`, () => {
        const before = tf.memory().numTensors
        const x = problem.input()
        const { state, status } = equilibrium(problem.operator(), {
          solver: make(),
          tolerance: 1e-6,
          maxSteps: 100,
        }).solve(x)
        expect(status).toBe('converged')
        expect(zooError(problem, state)).toBeLessThan(problem.tolerance)
        tf.dispose([x, state])
        expect(tf.memory().numTensors).toBe(before)
      })
    }
})

/** `z³ + z = x`, as `z = x − z³`: regular everywhere, slope −3z². */
const cubic = defineOperator({
  name: 'cubic',
  initial: (x: tf.Tensor2D) => tf.zerosLike(x),
  apply: (z, x) => tf.sub(x, tf.mul(z, tf.square(z))),
})
/** A coupled map on 24 entries, too large for the direct path: `tanh(z W) + x`, `W` with gain 2. */
const coupled = defineOperator({
  name: 'coupled',
  initial: (x: tf.Tensor2D) => tf.zerosLike(x),
  apply: (z, x) => {
    const W = Array.from({ length: 24 }, (_, i) =>
      Array.from({ length: 24 }, (_u, j) => Math.sin(1 + 7 * i + 3 * j * i) / 4),
    )
    return tf.add(tf.tanh(tf.matMul(z, tf.tensor2d(W))), x)
  },
})
const inputs = (rows: number): number[][] =>
  Array.from({ length: rows }, (_, b) => Array.from({ length: 24 }, (_u, j) => Math.cos(b * 5 + j) * (1 + b)))

describe('rates', () => {
  test('quadratic near a regular solution: the digits double', () => {
    const x = tf.tensor2d([[2]])
    const { state, stats } = equilibrium(cubic, {
      solver: newtonKrylov({ forcing: { first: 1e-6, most: 0.9 } }),
      stop: anyOf(nonFinite(), residualBelow(1e-7)),
      maxSteps: 20,
    }).solve(x, { trace: true })
    const norms = Array.from(stats.trace)
    // f ≈ c e², f′ = 4 at z = 1: r₊ ≤ (3 / 16) r² (1 + …), once close; a factor 2 for being not quite there yet.
    for (let k = norms.findIndex((r) => r < 0.1); k + 1 < norms.length; k++)
      expect(norms[k + 1]!).toBeLessThanOrEqual(0.4 * norms[k]! ** 2 + 4 * 2 ** -24)
    expect(norms.length).toBeLessThanOrEqual(9)
    tf.dispose([x, state])
  })
  test('the linear systems are solved no better than their forcing terms ask', () => {
    const seen: { readonly tolerances: number[]; readonly steps: number }[] = []
    const inner = gmres()
    const watched = newtonKrylov({
      direct: 0,
      linear: {
        ...inner,
        solve(apply, v, options) {
          const found = inner.solve(apply, v, options)
          seen.push({ tolerances: Array.from(options.tolerances!), steps: found.steps })
          return found
        },
      },
    })
    const x = tf.tensor2d(inputs(1))
    const { state, status } = equilibrium(coupled, { solver: watched, tolerance: 1e-6 }).solve(x)
    expect(status).toBe('converged')
    expect(seen[0]!.tolerances[0]).toBe(0.5)
    for (const { tolerances } of seen) expect(tolerances[0]).toBeLessThanOrEqual(Math.fround(0.9))
    expect(Math.min(...seen.map(({ tolerances }) => tolerances[0]!))).toBeLessThan(0.1)
    expect(seen[0]!.steps).toBeLessThan(Math.max(...seen.map(({ steps }) => steps)))
    tf.dispose([x, state])
  })
  test('a double root, where I − J is singular: linear, by halving', () => {
    const flat = defineOperator({
      name: 'flat',
      initial: (x: tf.Tensor2D) => tf.clone(x),
      apply: (z) => tf.sub(z, tf.square(z)),
    })
    const x = tf.tensor2d([[1]])
    const { state, stats } = equilibrium(flat, { solver: newtonKrylov(), tolerance: 1e-6 }).solve(x)
    expect(stats.perSample.status).toEqual(['converged'])
    expect(stats.steps).toBe(11) // z = 2⁻ᵏ: z² ≤ 1e-6 at k = 10
    tf.dispose([x, state])
  })
})

describe('line search', () => {
  /** The root of `atan z`, as `z − atan z`: full Newton steps from 3 diverge. */
  const arc = defineOperator({
    name: 'arc',
    initial: (x: tf.Tensor2D) => tf.clone(x),
    apply: (z) => tf.sub(z, tf.atan(z)),
  })
  test('it saves what full steps lose, and never lets ‖f‖ rise', () => {
    const x = tf.tensor2d([[3], [1]])
    const run = (solver: Solver) =>
      equilibrium(arc, { solver, tolerance: 1e-6, maxSteps: 30 }).solve(x, { trace: true })
    const [searched, full] = [run(newtonKrylov()), run(newtonKrylov({ lineSearch: 0 }))]
    expect(searched.status).toBe('converged')
    expect(full.stats.perSample.status[0]).not.toBe('converged')
    expect(full.stats.perSample.status[1]).toBe('converged')
    tf.dispose([x, searched.state, full.state])
  })
  test('a trial that is not finite is shortened: √z has no value where the first step leads', () => {
    // 2 (√z − 0.1) = 0 from z = 4: the full step goes to −3.6.
    const root = defineOperator({
      name: 'root',
      initial: (x: tf.Tensor2D) => tf.clone(x),
      apply: (z) => tf.sub(z, tf.mul(tf.sub(tf.sqrt(z), 0.1), 2)),
    })
    const x = tf.tensor2d([[4]])
    for (const solver of [newtonKrylov(), newtonKrylov({ direct: 0 }), levenbergMarquardt()]) {
      const { state, status } = equilibrium(root, { solver, tolerance: 1e-6 }).solve(x)
      expect(status).toBe('converged')
      // The error is the residual over the slope at the root, 1 / √z = 10.
      expect(Math.abs(state.dataSync()[0]! - 0.01)).toBeLessThan(1e-6)
      state.dispose()
    }
    x.dispose()
  })
  test('where I − J vanishes at the start, the Cauchy step or the damping gets on', () => {
    // f = z² − 2 + tiny tilt, from z = 0: the derivative is 1e-3.
    const hump = defineOperator({
      name: 'hump',
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) => tf.add(z, tf.sub(tf.add(tf.square(z), tf.mul(z, 1e-3)), x)),
    })
    const x = tf.tensor2d([[2]])
    for (const solver of [newtonKrylov(), newtonKrylov({ direct: 0 }), levenbergMarquardt()]) {
      const { state, status } = equilibrium(hump, { solver, tolerance: 1e-6 }).solve(x)
      expect(status).toBe('converged')
      expect(Math.abs(Math.abs(state.dataSync()[0]!) - Math.SQRT2)).toBeLessThan(1e-3)
      state.dispose()
    }
    x.dispose()
  })
})

describe('rows', () => {
  for (const [name, make] of solvers.filter(([n]) => !n.includes('full')))
    test(`${name}: to the bit what they are alone, whatever their mates do`, () => {
      const all = inputs(3)
      all[1]![4] = Number.NaN
      const solve = (rows: number[][]) =>
        tf.tidy(() => {
          const { state, stats } = equilibrium(coupled, {
            solver: make(),
            tolerance: 1e-6,
            maxSteps: 60,
            compaction: false,
          }).solve(tf.tensor2d(rows))
          return { values: state.arraySync() as number[][], ...stats.perSample } as never
        }) as { values: number[][]; status: string[]; steps: Int32Array }
      const together = solve(all)
      expect(together.status[1]).toBe('non-finite')
      for (const b of [0, 2]) {
        const alone = solve([all[b]!])
        expect(together.status[b]).toBe('converged')
        expect(together.steps[b]).toBe(alone.steps[0])
        expect(together.values[b]).toEqual(alone.values[0])
      }
    })
})

describe('products', () => {
  /** tfjs has no gradient for the gradient of this op. */
  const noSecond = defineOperator({
    name: 'no-second',
    initial: (x: tf.Tensor2D) => tf.zerosLike(x),
    apply: (z, x) => tf.add(tf.mul(half(z), -3), x),
  })
  const half = tf.customGrad(((z: tf.Tensor, save: (t: tf.Tensor[]) => void) => {
    save([z])
    return {
      value: tf.mul(tf.sin(z), 0.5),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        // What is read back to the host leaves the tape: the pullback has no gradient of its own.
        tf.mul(dy, tf.tensor(Array.from(tf.mul(tf.cos(saved[0]!), 0.5).dataSync()), saved[0]!.shape)),
    }
  }) as never) as (z: tf.Tensor) => tf.Tensor

  test('the pullback may hide the point: products stay exact', () => {
    const x = tf.tensor2d([[1, 2]])
    const { state, status } = equilibrium(noSecond, { solver: newtonKrylov(), tolerance: 1e-6 }).solve(x)
    expect(status).toBe('converged')
    tf.dispose([x, state])
  })

  /** `G` of a problem whose `jvp` fails, as where an op lacks a second gradient. */
  const without = (part: 'jvp' | 'both'): { readonly problem: Problem; calls: number } => {
    const found = { calls: 0 } as { problem: Problem; calls: number }
    const apply = (z: Vector): Vector => {
      found.calls++
      return tf.sub(1, tf.mul(z, tf.square(z))) as Vector
    }
    const fail = (): never => {
      throw new EquilibriaError('gradient', 'The op "Some" has no gradient.', 'Write it with others.')
    }
    const frozen = (z: Vector): Linearization => {
      const l = linearize(apply, z)
      return { value: l.value, vjp: part === 'both' ? fail : l.vjp, jvp: fail, dispose: () => l.dispose() }
    }
    found.problem = { batch: 2, size: 1, traits: {}, kernels: referenceKernels, apply, linearize: frozen }
    return found
  }
  const iterate = (solver: Solver, problem: Problem, steps: number): number[] =>
    tf.tidy(() => {
      let z: Vector = tf.tensor2d([[0], [3]])
      let memory = scoped(() => solver.init(problem, z))
      for (let k = 0; k < steps; k++) {
        const step = solver.step(problem, z, memory)
        z = step.next
        memory = step.memory
      }
      return Array.from(z.dataSync()) as never
    }) as number[]
  const root = 0.6823278038280193 // z³ + z = 1

  test('where a second gradient is missing: an error that says so, or differences', () => {
    const hidden = without('jvp').problem
    expect(() => iterate(newtonKrylov(), hidden, 1)).toThrow(/no gradient/i)
    for (const solver of [
      newtonKrylov({ jacobian: 'either' }),
      newtonKrylov({ jacobian: 'differences' }),
      newtonKrylov({ jacobian: 'either', direct: 0 }),
      levenbergMarquardt({ jacobian: 'either' }),
      levenbergMarquardt({ jacobian: 'either', direct: 0 }),
    ])
      for (const z of iterate(solver, hidden, 14)) expect(Math.abs(z - root)).toBeLessThan(1e-6)
  })
  test('without any gradient Newton needs none, and Levenberg–Marquardt by conjugate gradients stays where it is', () => {
    const blind = without('both').problem
    for (const z of iterate(newtonKrylov({ jacobian: 'either' }), blind, 14))
      expect(Math.abs(z - root)).toBeLessThan(1e-6)
    expect(iterate(levenbergMarquardt({ jacobian: 'either', direct: 0 }), blind, 3)).toEqual([0, 3])
  })
})

test('a solve that is recorded is refused, not differentiated wrongly', () => {
  for (const solver of [newtonKrylov(), levenbergMarquardt()]) {
    const before = tf.memory().numTensors
    const x = tf.tensor2d([[2]])
    const layer = equilibrium(cubic, { solver, gradient: unrolled(), maxSteps: 3 })
    expect(() => tf.grad((w) => tf.sum(layer.solve(w as tf.Tensor2D).state as tf.Tensor))(x)).toThrow(/unrolled/)
    x.dispose()
    expect(tf.memory().numTensors).toBe(before)
  }
})

test('options that are not usable are refused', () => {
  const bad: (() => Solver)[] = [
    () => newtonKrylov({ maxProducts: 1 }),
    () => newtonKrylov({ direct: -1 }),
    () => newtonKrylov({ lineSearch: 1.5 }),
    () => newtonKrylov({ history: 0 }),
    () => newtonKrylov({ forcing: { most: 1 } }),
    () => newtonKrylov({ forcing: { first: 0.95 } }),
    () => newtonKrylov({ jacobian: 'magic' as never }),
    () => levenbergMarquardt({ damping: 0 }),
    () => levenbergMarquardt({ trials: 0 }),
    () => levenbergMarquardt({ direct: 0.5 }),
    () => levenbergMarquardt({ maxIterations: 0 }),
    () => levenbergMarquardt({ jacobian: 'magic' as never }),
  ]
  for (const make of bad) expect(make).toThrow(/is not (usable|known)/)
})
