import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BackwardStats, GradientMode, Solver } from '@equilibria/spec'
import { defineOperator, EquilibriaError, equilibrium, outputChange } from '@equilibria/core'
import { anderson, applyInverseTransposed, broyden, halpern, picard } from '@equilibria/solvers'
import { gmres, neumann } from '@equilibria/solvers/linear'
import { abandonTape } from '@equilibria/tensor'
import {
  adjointMemory,
  autoGradient,
  checkpointedUnrolled,
  implicit,
  jacobianFree,
  neumannGradient,
  shine,
  truncatedUnrolled,
  unrolled,
} from '@equilibria/implicit-diff'

const values = (t: tf.Tensor): number[] => Array.from(t.dataSync())
const gap = (a: readonly number[], b: readonly number[]): number => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))
const norm = (a: readonly number[]): number => Math.hypot(...a)

let before = 0
let W: tf.Variable<tf.Rank.R2>
let x: tf.Tensor2D
beforeEach(() => {
  x = tf.randomNormal([4, 12], 0, 1, 'float32', 2)
  W = tf.tidy(() => tf.variable(tf.randomNormal([12, 12], 0, 0.25, 'float32', 1) as tf.Tensor2D))
  before = tf.memory().numTensors
})
afterEach(() => {
  vi.restoreAllMocks()
  const leaked = tf.memory().numTensors - before
  tf.dispose([W, x])
  expect(leaked).toBe(0)
  expect(tf.engine().state.gradientDepth).toBe(0)
})

/** `z = tanh(z W + x)`; a few more operations than needed inside, so that recording them shows. */
const layer = (
  gradient: GradientMode,
  {
    solver = picard(),
    tolerance = 1e-6,
    maxSteps = 60,
  }: { solver?: Solver; tolerance?: number; maxSteps?: number } = {},
) =>
  equilibrium(
    defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'tanh',
      initial: (u) => tf.mul(u, 0.1),
      apply: (z, u) => tf.tanh(tf.add(tf.neg(tf.neg(tf.matMul(z, W))), u)),
    }),
    { solver, gradient, tolerance, maxSteps },
  )
type Layer = ReturnType<typeof layer>
/** Gradients in `W` and `x` of `½ ‖z‖²`, with the input behind an encoder. */
function gradients(one: Layer, run: Parameters<Layer['solve']>[1] = {}): number[] {
  return tf.tidy(() => {
    const loss = (u: tf.Tensor) =>
      tf.mul(tf.sum(tf.square(one.solve(tf.mul(tf.relu(u), 0.7) as tf.Tensor2D, run).state)), 0.5)
    const [dW, dx] = tf
      .grads((u: tf.Tensor, _: tf.Tensor) => loss(u))([x, W])
      .toReversed()
    return [...values(dW!), ...values(dx!)]
  })
}

describe('checkpointedUnrolled', () => {
  const solvers: readonly (readonly [string, () => Solver])[] = [
    ['picard', () => picard()],
    ['picard, damped', () => picard({ damping: 0.6 })],
    ['anderson', () => anderson({ memory: 3 })],
    ['halpern', () => halpern()],
  ]
  test.each(solvers)('is unrolled(), to rounding: %s', (_, make) => {
    for (const tolerance of [0, 1e-3]) {
      // At 1e-3 rows stop one by one: each keeps its state, and its gradient.
      const steps = 9
      const want = gradients(layer(unrolled(), { solver: make(), tolerance, maxSteps: steps }))
      for (const every of [1, 4, 50]) {
        const got = gradients(layer(checkpointedUnrolled({ every }), { solver: make(), tolerance, maxSteps: steps }))
        // The same kernels on the same numbers: sums of some 9 · 10 terms in another order.
        expect(gap(got, want), `every ${every}, tolerance ${tolerance}`).toBeLessThan(100 * 2 ** -24 * norm(want))
      }
    }
  })
  test('rows that leave by an exit rule keep the step that made them leave', () => {
    const run = { exit: outputChange({ decode: (z: tf.Tensor2D) => z, tolerance: 0.05 }) }
    const left = layer(unrolled(), { tolerance: 0, maxSteps: 12 }).solve(x, run)
    tf.dispose(left.state)
    expect(left.stats.perSample.status).toContain('exited')
    expect(new Set(left.stats.perSample.steps).size).toBeGreaterThan(1)
    const want = gradients(layer(unrolled(), { tolerance: 0, maxSteps: 12 }), run)
    const got = gradients(layer(checkpointedUnrolled(), { tolerance: 0, maxSteps: 12 }), run)
    expect(gap(got, want)).toBeLessThan(100 * 2 ** -24 * norm(want))
  })
  test('no steps at all: the gradient of the start', () => {
    tf.tidy(() => {
      const slope = tf.grad((u: tf.Tensor) => {
        const run = { steps: 0, tolerance: 0 }
        return tf.sum(layer(checkpointedUnrolled()).solve(u as tf.Tensor2D, run).state)
      })
      expect(gap(values(slope(x)), values(tf.fill(x.shape, 0.1)))).toBeLessThan(1e-7)
    })
  })
  test('a solve that cannot be repeated is refused', () => {
    for (const solver of [{ ...picard(), after: { solver: anderson() } }, broyden({ lineSearch: 'armijo' })]) {
      expect(() => gradients(layer(checkpointedUnrolled(), { solver }))).toThrow(/not its last step/)
      abandonTape() // what tfjs had recorded before the solve
    }
  })
  test('memory grows like the root of the steps, where unrolled() pays for each', () => {
    /** Most tensors and bytes alive while the operator is evaluated: in the solve, in the recording, in the backward pass. */
    const peak = (gradient: GradientMode, steps: number) => {
      let [tensors, bytes] = [0, 0]
      const base = tf.memory()
      const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'watched',
        initial: (u) => tf.zerosLike(u),
        apply: (z, u) => {
          const next = tf.tanh(tf.add(tf.sin(tf.neg(tf.neg(tf.matMul(z, W)))), u))
          const now = tf.memory()
          tensors = Math.max(tensors, now.numTensors - base.numTensors)
          bytes = Math.max(bytes, now.numBytes - base.numBytes)
          return next
        },
      })
      const one = equilibrium(operator, { solver: picard(), gradient, tolerance: 0, maxSteps: steps })
      tf.tidy(() => tf.grads((u: tf.Tensor, _: tf.Tensor) => tf.sum(one.solve(u as tf.Tensor2D).state))([x, W]).length)
      return { tensors, kB: Math.round(bytes / 1e3) }
    }
    const [plain, small, large] = [
      [36, 144].map((t) => peak(unrolled(), t)),
      peak(checkpointedUnrolled(), 36),
      peak(checkpointedUnrolled(), 144),
    ]
    console.log(
      `[${tf.getBackend()}] alive at most, 36 and 144 steps: unrolled ${JSON.stringify(plain)}, checkpointed ${JSON.stringify([small, large])}`,
    )
    expect(plain[1]!.kB / plain[0]!.kB).toBeGreaterThan(3.5)
    expect(large.kB / small.kB).toBeLessThan(2.6) // √4, and what does not grow
    expect(large.tensors).toBeLessThan(plain[1]!.tensors / 3)
  })
})

describe('adjoint warm start', () => {
  /** Six steps of gradient descent on a fixed batch: products per step, and the gradients. */
  function train(gradient: GradientMode, between: () => void = () => {}) {
    const start = W.clone()
    const steps: number[] = []
    const live: number[] = []
    let last: number[] = []
    const one = layer(gradient, { solver: anderson(), tolerance: 1e-6 })
    for (let i = 0; i < 6; i++) {
      between()
      tf.tidy(() => {
        const { grads } = tf.variableGrads(() => {
          const { state } = one.solve(x, { onBackward: (s) => steps.push(s.steps) })
          return tf.mul(tf.sum(tf.square(tf.sub(state, 0.2))), 0.5) as tf.Scalar
        }, [W])
        last = values(grads[W.name]!)
        W.assign(tf.sub(W, tf.mul(grads[W.name]!, 0.002)))
      })
      live.push(tf.memory().numTensors - before)
    }
    W.assign(start as tf.Tensor2D)
    start.dispose()
    return { steps, live, last }
  }
  test.each([
    ['gmres', gmres()],
    ['neumann', neumann()],
    ['anderson', anderson()],
  ] as const)('saves products when parameters change slowly, and changes no gradient: %s', (_, solver) => {
    const options = { solver, maxSteps: 200, tolerance: 1e-4 }
    const cold = train(implicit(options))
    const warmStart = adjointMemory()
    const warm = train(implicit({ ...options, warmStart }))
    warmStart.dispose()
    const sum = (all: readonly number[]) => all.slice(1).reduce((s, n) => s + n, 0)
    console.log(`[${tf.getBackend()}] ${solver.name}: products per step cold ${cold.steps}, warm ${warm.steps}`)
    expect(warm.steps[0]).toBe(cold.steps[0])
    expect(sum(warm.steps)).toBeLessThan((solver.name === 'gmres' ? 0.9 : 0.8) * sum(cold.steps)) // Krylov methods gain least: the space is to be built anew
    expect(new Set(warm.live).size).toBe(1)
    // Six steps whose adjoints differ by the tolerance, each amplified by 1 / (1 − μ) < 10.
    expect(gap(warm.last, cold.last)).toBeLessThan(10 * 1e-4 * 10 * norm(cold.last))
  })
  test('samples by name: in another order, in part, and new ones', () => {
    const warmStart = adjointMemory()
    const one = layer(implicit({ solver: gmres(), warmStart }), { solver: anderson() })
    const steps = (rows: readonly number[], names: readonly (string | number)[] | undefined): number => {
      let found = 0
      warmStart.select(names)
      tf.tidy(() => {
        const part = tf.gather(x, tf.tensor1d([...rows], 'int32')) as tf.Tensor2D
        tf.grad((u: tf.Tensor) => tf.sum(one.solve(u as tf.Tensor2D, { onBackward: (s) => (found = s.steps) }).state))(
          part,
        )
      })
      return found
    }
    const cold = steps([0, 1, 2, 3], ['a', 'b', 'c', 'd'])
    expect(cold).toBeGreaterThan(4)
    expect(steps([3, 1], ['d', 'b'])).toBeLessThanOrEqual(1) // the answer is known: one product finds that out
    expect(steps([3, 1], ['a', 'c'])).toBeGreaterThan(1) // wrong names cost products, not accuracy
    expect(steps([0, 1], undefined)).toBeGreaterThan(4) // by position, and in this size for the first time
    expect(steps([0, 1], undefined)).toBeLessThanOrEqual(1)
    expect(() => steps([0, 1], ['a'])).toThrow(/named 1 samples; the batch has 2/)
    warmStart.dispose()
    expect(steps([0, 1], ['a', 'b'])).toBeGreaterThan(4)
    warmStart.dispose()
  })
})

describe('shine', () => {
  const inverse = applyInverseTransposed
  const solve = (gradient: GradientMode, solver: Solver = broyden({ memory: 40 })) => {
    const seen: BackwardStats[] = []
    const found = gradients(layer(gradient, { solver }), { onBackward: (s) => seen.push(s) })
    return { found, stats: seen[0]! }
  }
  const error = (a: readonly number[], b: readonly number[]) => norm(a.map((v, i) => v - b[i]!)) / norm(b)

  test('the inverse of the solve is a better adjoint than none, and refining makes it better', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    const exact = solve(implicit({ solver: gmres(), tolerance: 1e-6 })).found
    const free = error(solve(jacobianFree()).found, exact)
    const lines: string[] = []
    const errors = [0, 1, 2, 4, 8].map((refine) => {
      const { found, stats } = solve(shine({ inverse, refine, tolerance: 1e-6, onFailure: 'warn' })) // whatever it comes to
      lines.push(
        `refine ${refine}: residual ${stats.residual.toExponential(1)}, gradient off by ${error(found, exact).toExponential(1)}, ${stats.steps} products`,
      )
      expect(stats.steps).toBeLessThanOrEqual(1 + refine)
      expect(found.every(Number.isFinite)).toBe(true)
      return stats.residual
    })
    console.log(
      `[${tf.getBackend()}] shine on tanh, Jacobian-free is off by ${free.toExponential(1)}\n  ${lines.join('\n  ')}`,
    )
    expect(errors[0]).toBeLessThan(1)
    errors.slice(1).forEach((e, i) => expect(e).toBeLessThanOrEqual(errors[i]!))
    expect(error(solve(shine({ inverse, refine: 0, tolerance: 1 })).found, exact)).toBeLessThan(free)
  })
  test('what it does not reach, a solver does: exact gradients, fewer products than from nothing', () => {
    const plain = solve(implicit({ solver: gmres() }))
    const { found, stats } = solve(shine({ inverse, refine: 0, solver: gmres(), tolerance: 1e-5, onFailure: 'throw' }))
    expect(error(found, plain.found)).toBeLessThan(1e-4)
    expect(stats.perSample.status).toEqual(['converged', 'converged', 'converged', 'converged'])
    expect(stats.notes!.join('; ')).toMatch(/the forward inverse served \d of 4 rows; gmres the others/)
    console.log(`[${tf.getBackend()}] shine, then gmres: ${stats.steps} products; gmres alone: ${plain.stats.steps}`)
  })
  test('an inverse that is none falls back per row, and says so', () => {
    const wrong = (_: never, v: tf.Tensor2D): tf.Tensor2D => tf.mul(v, tf.tensor2d([[-1], [50], [-1], [Number.NaN]]))
    const { found, stats } = solve(shine({ inverse: wrong, refine: 1, tolerance: 0.9 }))
    expect(stats.perSample.status[1]).not.toBe('converged')
    expect(stats.perSample.status[3]).toBe('non-finite')
    expect(stats.fallback).toMatch(/Jacobian-free for [234] of 4 samples/)
    expect(found.every(Number.isFinite)).toBe(true)
  })
  test('needs a solver that remembers an inverse; takes no second derivative', () => {
    for (const solver of [anderson(), picard()]) {
      expect(() => solve(shine({ inverse }), solver)).toThrow(`"${solver.name}" keeps none`)
      abandonTape() // what tfjs had recorded before the solve
    }
    const one = layer(shine({ inverse }), { solver: broyden() })
    const first = (u: tf.Tensor) => tf.grad((t: tf.Tensor) => tf.sum(one.solve(t as tf.Tensor2D).state))(u)
    expect(() => tf.tidy(() => tf.grad((u: tf.Tensor) => tf.sum(first(u)))(x).size)).toThrow(/second derivative/)
    abandonTape() // the outer recording, which tfjs forgets to free
  })
})

describe('nothing is left behind', () => {
  const modes: readonly (readonly [string, () => GradientMode])[] = [
    ['implicit', () => implicit({ solver: gmres() })],
    ['warm', () => implicit({ solver: gmres(), warmStart: adjointMemory() })],
    ['neumann', () => neumannGradient()],
    ['truncated', () => truncatedUnrolled({ steps: 3 })],
    ['checkpointed', () => checkpointedUnrolled({ every: 2 })],
    ['auto', () => autoGradient({ krylov: gmres(), backup: gmres() })],
    ['shine', () => shine({ inverse: applyInverseTransposed, solver: gmres() })],
  ]
  /** Broyden's inverse is what `shine()` needs; recorded step by step it cannot be. */
  const solver = (name: string) => (name === 'checkpointed' ? anderson({ memory: 3 }) : broyden({ memory: 3 }))
  test.each(modes)('%s: after an exception in G or in its gradient, wherever it is thrown', (name, make) => {
    let thrown = 0
    for (const at of [1, 3, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20]) {
      let calls = 0
      const count = () => {
        if (++calls === at) throw new Error('boom')
      }
      const trap = tf.customGrad((t: unknown) => ({
        value: tf.clone(t as tf.Tensor),
        gradFunc: (dy: tf.Tensor) => {
          try {
            count()
          } catch (error) {
            abandonTape() // as every gradient that may throw must
            throw error
          }
          return tf.clone(dy)
        },
      }))
      const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'boom',
        initial: (u) => tf.zerosLike(u),
        apply: (z, u) => {
          const next = tf.tanh(tf.add(tf.matMul(z, W), u))
          count()
          return trap(next)
        },
      })
      const one = equilibrium(operator, { solver: solver(name), gradient: make(), tolerance: 0, maxSteps: 4 })
      try {
        tf.tidy(
          () => tf.grads((u: tf.Tensor, _: tf.Tensor) => tf.sum(one.solve(u as tf.Tensor2D).state))([x, W]).length,
        )
      } catch (error) {
        thrown++
        expect((error as Error).message).toBe('boom')
      }
      expect({ name, at, left: tf.memory().numTensors - before }).toEqual({ name, at, left: 0 })
    }
    expect(thrown).toBeGreaterThan(5)
    // And the next gradient works.
    expect(gradients(layer(make(), { solver: solver(name) })).every(Number.isFinite)).toBe(true)
  })
  test.each(modes)('%s: after an aborted solve, whose gradient is that of where it stopped', (name, make) => {
    const abort = new AbortController()
    const one = layer(make(), { solver: solver(name), tolerance: 0 })
    const found = gradients(one, { signal: abort.signal, onProgress: ({ step }) => void (step === 2 && abort.abort()) })
    expect(found.every(Number.isFinite)).toBe(true)
  })
  test('under the policy throw, in every mode that has one', () => {
    for (const gradient of [
      implicit({ solver: gmres(), maxSteps: 2, tolerance: 1e-9, onFailure: 'throw' }),
      autoGradient({ krylov: gmres(), maxSteps: 2, tolerance: 1e-9, onFailure: 'throw' }),
      shine({ inverse: applyInverseTransposed, refine: 0, tolerance: 1e-9, onFailure: 'throw' }),
    ])
      expect(() => gradients(layer(gradient, { solver: solver('') }))).toThrow(EquilibriaError)
  })
})
