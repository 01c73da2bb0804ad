import * as tf from '@tensorflow/tfjs-core'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BackwardStats, GradientMode } from '@equilibria/spec'
import { defineOperator, EquilibriaError, equilibrium } from '@equilibria/core'
import { anderson, picard } from '@equilibria/solvers'
import { gmres, neumann } from '@equilibria/solvers/linear'
import { type AdjointPolicy, implicit, jacobianFree, phantom, unrolled } from '@equilibria/implicit-diff'

const tidy = (fn: () => void): void => {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    fn()
  })
  expect(tf.memory().numTensors).toBe(before)
}
type Rows = { readonly a: tf.Tensor2D; readonly x: tf.Tensor2D }
/** `z = a z + x` with a multiplier per row: `dz/dx = 1 / (1 − a)` exactly. */
const scalar = defineOperator<tf.Tensor2D, Rows>({
  name: 'scalar',
  initial: ({ x }) => tf.zerosLike(x),
  apply: (z, { a, x }) => tf.add(tf.mul(z, a), x),
})
const MULTIPLIERS = [0.5, 0.9, -0.5]
/** The gradient of `z` in `x` per row, as a share of the exact one. */
function ratios(
  gradient: GradientMode,
  options: { steps?: number; onBackward?: (s: BackwardStats) => void } = {},
): number[] {
  const a = tf.tensor2d(MULTIPLIERS, [3, 1])
  const layer = equilibrium(scalar, { solver: options.steps ? picard() : anderson(), gradient, tolerance: 1e-6 })
  const run = options.steps
    ? { steps: options.steps, tolerance: 0 }
    : options.onBackward
      ? { onBackward: options.onBackward }
      : {}
  const g = tf.grad((x) => tf.sum(layer.solve({ a, x: x as tf.Tensor2D }, run).state))(tf.ones([3, 1]))
  return Array.from(g.dataSync(), (v, i) => v * (1 - MULTIPLIERS[i]!))
}
// One float32 product per step and at most 30 of them: 30 · 6e-8, times 1 / (1 − a) = 10, rounded up.
const CLOSE = 5e-5
const gap = (got: readonly number[], want: readonly number[]): number =>
  Math.max(...got.map((v, i) => Math.abs(v - want[i]!)))

describe('the bias of every mode is the one theory gives, for a scalar multiplier a', () => {
  test('implicit: 1', () =>
    tidy(() => {
      expect(gap(ratios(implicit({ solver: gmres() })), [1, 1, 1])).toBeLessThan(CLOSE)
      expect(gap(ratios(implicit({ solver: anderson() })), [1, 1, 1])).toBeLessThan(CLOSE)
      // 200 terms: 0.9²⁰⁰ = 7e-10
      expect(gap(ratios(implicit({ solver: neumann(), tolerance: 1e-6, maxSteps: 200 })), [1, 1, 1])).toBeLessThan(
        CLOSE,
      )
    }))
  test('Jacobian-free: 1 − a', () =>
    tidy(() =>
      expect(
        gap(
          ratios(jacobianFree()),
          MULTIPLIERS.map((a) => 1 - a),
        ),
      ).toBeLessThan(CLOSE),
    ))
  test('Neumann, k terms: 1 − aᵏ', () =>
    tidy(() => {
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      for (const k of [1, 2, 5, 20])
        expect(
          gap(
            ratios(implicit({ solver: neumann({ terms: k }), tolerance: 1e-9 })),
            MULTIPLIERS.map((a) => 1 - a ** k),
          ),
        ).toBeLessThan(CLOSE)
    }))
  test('phantom: 1 − (1 − τ + τ a)ᵏ', () =>
    tidy(() => {
      for (const [damping, steps] of [
        [0.5, 1],
        [0.5, 5],
        [0.8, 3],
        [1, 4],
      ] as const)
        expect(
          gap(
            ratios(phantom({ damping, steps })),
            MULTIPLIERS.map((a) => 1 - (1 - damping + damping * a) ** steps),
          ),
        ).toBeLessThan(CLOSE)
    }))
  test('unrolled, t Picard steps from 0: 1 − aᵗ, because ∂z_t/∂x = Σ_{i<t} aⁱ', () =>
    tidy(() => {
      for (const steps of [1, 3, 10])
        expect(
          gap(
            ratios(unrolled(), { steps }),
            MULTIPLIERS.map((a) => 1 - a ** steps),
          ),
        ).toBeLessThan(CLOSE)
    }))
  test('unrolled through Anderson, safeguard and all, differentiates', () =>
    tidy(() => {
      const layer = equilibrium(scalar, {
        solver: anderson({ memory: 2 }),
        gradient: unrolled(),
        maxSteps: 12,
        tolerance: 0,
      })
      const a = tf.tensor2d([[0.9]])
      const g = tf.grad((x) => tf.sum(layer.solve({ a, x: x as tf.Tensor2D }).state))(tf.ones([1, 1]))
      expect(Number.isFinite(g.dataSync()[0]!)).toBe(true)
    }))
})

describe('reports', () => {
  test('the exact mode converges per sample; the truncated ones say inexact, in the backward pass', () =>
    tidy(() => {
      const seen: BackwardStats[] = []
      ratios(implicit({ solver: gmres() }), { onBackward: (s) => seen.push(s) })
      ratios(jacobianFree(), { onBackward: (s) => seen.push(s) })
      expect(seen.map((s) => s.perSample.status)).toEqual([Array(3).fill('converged'), Array(3).fill('inexact')])
      expect(seen[0]!.residual).toBeLessThan(1e-5)
      expect(seen[1]!.residual).toBeNaN()
    }))
  test('a row whose cotangent is zero is converged, with a gradient of zero', () =>
    tidy(() => {
      const seen: BackwardStats[] = []
      const layer = equilibrium(scalar, { solver: anderson(), gradient: implicit({ solver: gmres() }) })
      const g = tf.grad((x) =>
        tf.sum(
          tf.slice(
            layer.solve({ a: tf.tensor2d([[0.5], [0.9]]), x: x as tf.Tensor2D }, { onBackward: (s) => seen.push(s) })
              .state,
            0,
            1,
          ),
        ),
      )(tf.ones([2, 1]))
      expect(gap(Array.from(g.dataSync()), [2, 0])).toBeLessThan(CLOSE)
      expect(seen[0]!.perSample.status).toEqual(['converged', 'converged'])
    }))
})

describe('adjoints that fail', () => {
  afterEach(() => void vi.restoreAllMocks())
  /** Row 0 is easy; row 1 is a rotation-like coupling that 3 products cannot solve. */
  const hard = defineOperator<tf.Tensor2D, { s: tf.Tensor2D; x: tf.Tensor2D }>({
    name: 'hard',
    initial: ({ x }) => tf.zerosLike(x),
    // z_i ← s z_{i−1} + x, a shift: nilpotent, so forward is exact in n steps, and GMRES needs n products.
    apply: (z, { s, x }) =>
      tf.add(tf.mul(tf.concat([tf.zeros([z.shape[0], 1]), tf.slice(z, [0, 0], [-1, 7])], 1), s), x),
  })
  const run = (onFailure: AdjointPolicy, seen: BackwardStats[] = [], maxSteps = 4) => {
    const layer = equilibrium(hard, {
      solver: picard(),
      gradient: implicit({ solver: gmres(), maxSteps, onFailure }),
      tolerance: 1e-6,
    })
    const s = tf.tensor2d([[0], [1]])
    return tf.grad((x) => tf.sum(layer.solve({ s, x: x as tf.Tensor2D }, { onBackward: (b) => seen.push(b) }).state))(
      tf.ones([2, 8]),
    )
  }
  test('warn: the best u there is, a warning with a remedy, and a status per sample', () =>
    tidy(() => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
      const seen: BackwardStats[] = []
      const g = run('warn', seen).dataSync()
      expect(gap(Array.from(g.slice(0, 8)), Array(8).fill(1))).toBeLessThan(CLOSE)
      expect(warn).toHaveBeenCalledOnce()
      expect(String(warn.mock.calls[0]![0])).toMatch(/1 of 2 samples failed .*Raise maxSteps/s)
      expect(seen[0]!.perSample.status).toEqual(['converged', 'max-steps'])
      expect([seen[0]!.converged, seen[0]!.fallback]).toEqual([false, undefined])
    }))
  test('fallback: the failed sample takes the Jacobian-free gradient, the other keeps its own', () =>
    tidy(() => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
      const seen: BackwardStats[] = []
      const g = run('fallback', seen).dataSync()
      expect(gap(Array.from(g), Array(16).fill(1))).toBeLessThan(CLOSE) // v itself
      expect(seen[0]!.fallback).toMatch(/Jacobian-free for 1 of 2/)
      expect(warn).not.toHaveBeenCalled()
    }))
  test('with enough products the same adjoint converges', () =>
    tidy(() => {
      const g = run('throw', [], 20).dataSync()
      expect(gap(Array.from(g.slice(8)), [8, 7, 6, 5, 4, 3, 2, 1])).toBeLessThan(CLOSE) // (I − Sᵀ)⁻¹ 1
    }))
  test('throw: a branded error, nothing leaks, and the next gradient works', () => {
    const before = tf.memory().numTensors
    for (let i = 0; i < 3; i++) {
      let caught: unknown
      try {
        run('throw')
      } catch (error) {
        caught = error
      }
      expect(EquilibriaError.is(caught) && caught.code).toBe('gradient')
    }
    // `s` of run() is made outside any scope: one per call.
    expect(tf.memory().numTensors - before).toBe(3 * 2) // s, and the input tf.ones
    expect(tf.engine().state.gradientDepth).toBe(0)
    tidy(() =>
      expect(
        gap(
          Array.from(
            tf
              .grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, 2]))
              .dataSync(),
          ),
          [2, 4],
        ),
      ).toBeLessThan(CLOSE),
    )
    tidy(() =>
      expect(gap(Array.from(run('throw', [], 20).dataSync().slice(8)), [8, 7, 6, 5, 4, 3, 2, 1])).toBeLessThan(CLOSE),
    )
  })
  test('an exception in G under a tape, in the search or in the recorded application, leaks nothing', () => {
    for (const gradient of [implicit({ solver: gmres() }), phantom(), unrolled()]) {
      const x = tf.tensor2d([[0.5, -1]])
      const before = tf.memory().numTensors
      for (const at of [1, 3, 7, 8, 9, 10]) {
        let calls = 0
        const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'boom',
          initial: (u) => tf.zerosLike(u),
          apply: (z, u) => {
            const next = tf.tanh(tf.add(tf.mul(z, 0.5), u))
            if (++calls === at) throw new Error('boom')
            return next
          },
        })
        // 7 steps and one measurement: the 9th call is the recorded application of the detached modes.
        const layer = equilibrium(operator, { solver: picard(), gradient, tolerance: 0, maxSteps: 7 })
        const slope = () => tf.dispose(tf.grad((u) => tf.sum(layer.solve(u as tf.Tensor2D).state))(x))
        try {
          slope()
        } catch (error) {
          expect((error as Error).message).toBe('boom')
        }
        expect({ mode: gradient.name, at, left: tf.memory().numTensors - before }).toEqual({
          mode: gradient.name,
          at,
          left: 0,
        })
      }
      x.dispose()
    }
  })
  test('a singular adjoint: a status, finite numbers, and no hang', () =>
    tidy(() => {
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      const seen: BackwardStats[] = []
      // a = 1 exactly: (1 − a) u = v has no solution. The state is given, the forward solve takes no step.
      const layer = equilibrium(scalar, { solver: picard(), gradient: implicit({ solver: gmres() }) })
      const g = tf.grad((x) =>
        tf.sum(
          layer.solve(
            { a: tf.tensor2d([[1], [0.5]]), x: x as tf.Tensor2D },
            { steps: 1, onBackward: (s) => seen.push(s) },
          ).state,
        ),
      )(tf.ones([2, 1]))
      expect(seen[0]!.perSample.status[0]).not.toBe('converged')
      expect(seen[0]!.perSample.status[1]).toBe('converged')
      expect(Number.isFinite(g.dataSync()[0]!)).toBe(true)
      expect(gap([g.dataSync()[1]!], [2])).toBeLessThan(CLOSE)
    }))
  test('a nearly singular adjoint is solved as far as float32 goes, and that is not called a failure', () =>
    tidy(() => {
      const seen: BackwardStats[] = []
      const layer = equilibrium(scalar, {
        solver: anderson(),
        gradient: implicit({ solver: gmres(), tolerance: 1e-7, onFailure: 'throw' }),
      })
      const a = 1 - 2 ** -9
      const g = tf.grad((x) =>
        tf.sum(layer.solve({ a: tf.tensor2d([[a]]), x: x as tf.Tensor2D }, { onBackward: (s) => seen.push(s) }).state),
      )(tf.ones([1, 1]))
      expect(seen[0]!.converged).toBe(true)
      expect(gap([g.dataSync()[0]! / 512], [1])).toBeLessThan(512 * 2 ** -22) // u / (1 − a), four roundings
    }))
  test('NaN in one sample of the cotangent touches no other', () =>
    tidy(() => {
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      for (const solver of [gmres(), neumann(), anderson(), picard()]) {
        const seen: BackwardStats[] = []
        const layer = equilibrium(scalar, { solver: anderson(), gradient: implicit({ solver, maxSteps: 200 }) })
        const weight = tf.tensor2d([[1], [Number.NaN], [1]])
        const g = tf
          .grad((x) =>
            tf.sum(
              tf.mul(
                weight,
                layer.solve(
                  { a: tf.tensor2d([[0.5], [0.5], [0.9]]), x: x as tf.Tensor2D },
                  { onBackward: (s) => seen.push(s) },
                ).state,
              ),
            ),
          )(tf.ones([3, 1]))
          .dataSync()
        expect(gap([g[0]! / 2, g[2]! / 10], [1, 1])).toBeLessThan(CLOSE)
        expect(seen[0]!.perSample.status[1]).toBe('non-finite')
      }
    }))
  test('options that make no sense are refused', () => {
    expect(() => implicit({ solver: gmres(), tolerance: -1 })).toThrow(/tolerance/)
    expect(() => implicit({ solver: gmres(), maxSteps: 0 })).toThrow(/maxSteps/)
    expect(() => implicit({ solver: gmres(), onFailure: 'ignore' as never })).toThrow(/policy/)
    expect(() => phantom({ damping: 0 })).toThrow(/damping/)
    expect(() => neumann({ terms: 0 })).toThrow(/terms/)
    expect(() => gmres({ restart: 1.5 })).toThrow(/restart/)
    expect(() => anderson({ cap: Number.NaN })).toThrow(/cap/)
    expect(() => anderson({ memory: 0 })).toThrow(/memory/)
    expect(() => picard({ damping: 2 })).toThrow(/damping/)
  })
})

describe('memory', () => {
  /** Live tensors at every step of a solve under a tape, and in the backward pass, with an encoder and a decoder around. */
  function sample(
    steps: number,
    solver = anderson(),
  ): { peak: number; backward: number; after: number; bytes: number } {
    const W = tf.tidy(() => tf.variable(tf.randomNormal([16, 16], 0, 0.1, 'float32', 1) as tf.Tensor2D))
    const x = tf.randomNormal([8, 16], 0, 1, 'float32', 2) as tf.Tensor2D
    const start = tf.memory().numTensors
    const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'tanh',
      initial: (u) => tf.zerosLike(u),
      apply: (z, u) => tf.tanh(tf.add(tf.matMul(z, W), u)),
    })
    const layer = equilibrium(operator, {
      solver,
      gradient: implicit({ solver: gmres() }),
      tolerance: 0,
      maxSteps: steps,
    })
    let [peak, backward, bytes, seen] = [0, 0, 0, 0]
    const { value, grads } = tf.variableGrads(
      () =>
        tf.mean(
          tf.square(
            layer.solve(tf.mul(tf.relu(x), 0.5) as tf.Tensor2D, {
              onProgress: () => {
                seen++
                peak = Math.max(peak, tf.memory().numTensors - start)
                bytes = Math.max(bytes, tf.memory().numBytes)
              },
              onBackward: () => (backward = tf.memory().numTensors - start),
            }).state,
          ),
        ) as tf.Scalar,
      [W],
    )
    expect(seen).toBe(steps)
    tf.dispose([value, ...Object.values(grads)])
    const after = tf.memory().numTensors - start
    tf.dispose([W, x])
    return { peak, backward, after, bytes }
  }
  for (const [name, make] of [
    ['picard', picard],
    ['anderson', anderson],
  ] as const)
    test(`live tensors of ${name} under training are the same at 10, 40 and 160 steps`, () => {
      const all = [10, 40, 160].map((steps) => sample(steps, make()))
      console.log(
        `[${tf.getBackend()}] ${name}: live tensors in the forward pass ${all.map((s) => s.peak)}, in the backward pass ${all.map((s) => s.backward)}, after ${all.map((s) => s.after)}`,
      )
      expect(new Set(all.map((s) => s.peak)).size).toBe(1)
      expect(new Set(all.map((s) => s.backward)).size).toBe(1)
      expect(all.map((s) => s.after)).toEqual([0, 0, 0])
    })
  test('while unrolling pays for every step, which the same measure shows', () => {
    const layer = (steps: number) =>
      equilibrium(scalar, { solver: picard(), gradient: unrolled(), tolerance: 0, maxSteps: steps })
    const live = [10, 40].map((steps) => {
      let peak = 0
      tidy(() => {
        tf.grad((x) =>
          tf.sum(
            layer(steps).solve(
              { a: tf.tensor2d([[0.5]]), x: x as tf.Tensor2D },
              { onProgress: () => (peak = tf.memory().numTensors) },
            ).state,
          ),
        )(tf.ones([1, 1]))
      })
      return peak
    })
    expect(live[1]!).toBeGreaterThan(live[0]! + 20)
  })
})

describe('adjoint systems that are not as usual', () => {
  const cycle = [
    [0, 0.9, 0],
    [0, 0, 0.9],
    [0.9, 0, 0],
  ]
  const solvers = [gmres(), neumann(), anderson(), picard()]

  test.each(solvers.map((s) => [s.name, s] as const))('coupled samples are one system: %s', (_, solver) =>
    tidy(() => {
      const ring = defineOperator({
        name: 'ring',
        traits: { rowwise: false },
        initial: (x: tf.Tensor2D) => tf.zerosLike(x),
        apply: (z, x) => tf.add(tf.matMul(tf.tensor2d(cycle), z), x),
      })
      const seen: BackwardStats[] = []
      const gradient = implicit({ solver, maxSteps: 200 })
      const layer = equilibrium(ring, { solver: picard(), maxSteps: 300, gradient })
      const loss = (x: tf.Tensor) => {
        const { state } = layer.solve(x as tf.Tensor2D, { onBackward: (stats) => seen.push(stats) })
        return tf.sum(tf.mul(state, tf.tensor2d([1, 0, 0, 0, 0, 2], [3, 2])))
      }
      const got = Array.from(
        tf
          .grad(loss)(tf.ones([3, 2]))
          .dataSync(),
      )
      // (I − 0.9 P)⁻¹ of a cyclic shift P, transposed: the powers of 0.9 over 1 − 0.9³.
      const want = [1, 2 * 0.9, 0.9, 2 * 0.81, 0.81, 2].map((v) => v / (1 - 0.9 ** 3))
      // The adjoint residual of 1e-5, relative to ‖v‖ = √5, times 1 / (1 − 0.9); 2e-4 is what picard() may leave.
      expect(gap(got, want)).toBeLessThan(3e-4)
      expect(seen[0]!.perSample.status).toEqual(['converged', 'converged', 'converged'])
      expect(seen[0]!.perSample.steps).toHaveLength(3)
    }),
  )

  test.each(solvers.map((s) => [s.name, s] as const))('a loss whose squares leave float32: %s', (_, solver) =>
    tidy(() => {
      const layer = equilibrium(scalar, { solver: anderson(), gradient: implicit({ solver }) })
      const a = tf.tensor2d([0.5, 0.5, 0.5, 0.5], [4, 1])
      const weights = [1e-25, 1e25, 0, 1]
      const loss = (x: tf.Tensor) =>
        tf.sum(tf.mul(layer.solve({ a, x: x as tf.Tensor2D }).state, tf.tensor2d(weights, [4, 1])))
      const got = tf
        .grad(loss)(tf.ones([4, 1]))
        .dataSync()
      // Relative: the adjoint tolerance of 1e-5 times 1 / (1 − 0.5).
      weights.forEach((w, i) => expect(Math.abs(got[i]! - 2 * w)).toBeLessThanOrEqual(2e-5 * w))
    }),
  )
})
