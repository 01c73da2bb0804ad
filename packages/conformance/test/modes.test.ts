import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BackwardStats, GradientMode, LinearSolver } from '@equilibria/spec'
import { defineOperator, EquilibriaError, equilibrium } from '@equilibria/core'
import { gradientChecks, runChecks } from '@equilibria/conformance'
import { anderson, picard } from '@equilibria/solvers'
import { bicgstab, direct, gmres } from '@equilibria/solvers/linear'
import {
  autoGradient,
  checkpointedUnrolled,
  implicit,
  jacobianFree,
  neumannGradient,
  phantom,
  truncatedUnrolled,
  unrolled,
} from '@equilibria/implicit-diff'

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => {
  vi.restoreAllMocks()
  expect(tf.memory().numTensors).toBe(before)
})
const quiet = () => vi.spyOn(console, 'warn').mockImplementation(() => {})
const tidy = (fn: () => void) => () => {
  tf.tidy(() => {
    fn()
  })
}
const values = (t: tf.Tensor): number[] => Array.from(t.dataSync())
const gap = (a: readonly number[], b: readonly number[]): number => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))
const norm = (a: readonly number[]): number => Math.hypot(...a)
const cosine = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((s, v, i) => s + v * b[i]!, 0) / (norm(a) * norm(b))

type Linear = { readonly x: tf.Tensor2D; readonly A: tf.Tensor2D }
/** `z = A z + x`, row by row: the gradient of `⟨v, z⟩` in `x` is the adjoint `u = (I − Aᵀ)⁻¹ v`. */
const affine = defineOperator<tf.Tensor2D, Linear>({
  name: 'affine',
  initial: ({ x }) => tf.zerosLike(x),
  apply: (z, { A, x }) => tf.add(tf.matMul(z, A, false, true), x),
})
interface Asked {
  readonly gradient: GradientMode
  readonly v: readonly (readonly number[])[]
  readonly solver?: ReturnType<typeof picard>
  readonly run?: object
  readonly seen?: BackwardStats[]
}
function adjoint(A: readonly (readonly number[])[], { gradient, v, solver, run = {}, seen }: Asked): number[] {
  return tf.tidy(() => {
    const matrix = tf.tensor2d(A as number[][])
    const layer = equilibrium(affine, { solver: solver ?? anderson(), gradient, tolerance: 1e-6 })
    const right = tf.tensor2d(v as number[][])
    const loss = (x: tf.Tensor) => {
      const onBackward = (s: BackwardStats) => seen?.push(s)
      return tf.sum(tf.mul(right, layer.solve({ A: matrix, x: x as tf.Tensor2D }, { onBackward, ...run }).state))
    }
    return values(tf.grad(loss)(tf.onesLike(right)))
  })
}

describe('contract', () => {
  runChecks(
    test,
    gradientChecks(() => autoGradient({ krylov: gmres() })),
  )
  runChecks(
    test,
    gradientChecks(() => autoGradient({ krylov: gmres(), backup: bicgstab(), direct: direct() })),
  )
  runChecks(
    test,
    gradientChecks(() => neumannGradient({ terms: 30 })),
  ) // 0.7³⁰ < 1e-4
  runChecks(
    test,
    gradientChecks(() => truncatedUnrolled({ steps: 30 })),
  )
  runChecks(
    test,
    gradientChecks(() => checkpointedUnrolled(), { exact: false }),
  )
})

describe('bias of the inexact modes', () => {
  const a = [0.05, 0.3, 0.5, 0.7, 0.9, -0.5]
  const diagonal = a.map((x, i) => a.map((_, j) => (i === j ? x : 0)))
  const v = [[1, -1, 2, 0.5, 1, 1]]
  const exact = v[0]!.map((x, i) => x / (1 - a[i]!))
  const steps = (t: number) => ({ steps: t, tolerance: 0 })
  const cases: readonly (readonly [GradientMode, (a: number) => number, object?])[] = [
    [jacobianFree(), (x) => 1 - x],
    [neumannGradient({ terms: 1 }), (x) => 1 - x],
    [neumannGradient({ terms: 2 }), (x) => 1 - x ** 2],
    [neumannGradient({ terms: 5 }), (x) => 1 - x ** 5],
    [neumannGradient({ terms: 10 }), (x) => 1 - x ** 10],
    [phantom({ steps: 5, damping: 0.5 }), (x) => 1 - (0.5 + 0.5 * x) ** 5],
    [phantom({ steps: 3, damping: 0.8 }), (x) => 1 - (0.2 + 0.8 * x) ** 3],
    [truncatedUnrolled({ steps: 8 }), (x) => 1 - x ** 8],
    [unrolled(), (x) => 1 - x ** 7, steps(7)],
    [checkpointedUnrolled({ every: 3 }), (x) => 1 - x ** 7, steps(7)],
    [implicit({ solver: gmres() }), () => 1],
    [autoGradient({ krylov: gmres() }), () => 1],
  ]
  test('is the ratio of theory, multiplier by multiplier', () => {
    const lines = [`mode${' '.repeat(34)}${a.map((x) => `a=${x}`.padStart(8)).join('')}   rel. error`]
    for (const [gradient, ratio, run] of cases) {
      const got = adjoint(diagonal, { gradient, v, ...(run ? { run, solver: picard() } : {}) })
      const ratios = got.map((g, i) => g / exact[i]!)
      const error = norm(got.map((g, i) => g - exact[i]!)) / norm(exact)
      lines.push(
        `${gradient.name.padEnd(38)}${ratios.map((r) => r.toFixed(4).padStart(8)).join('')}   ${error.toExponential(1)}`,
      )
      // Some 10 float32 operations, relative to an answer amplified by at most 1 / (1 − 0.9); gmres stops at 1e-5 of ‖v‖.
      expect(gap(ratios, a.map(ratio)), gradient.name).toBeLessThan(gradient.name.match(/gmres|auto/) ? 5e-5 : 1e-5)
    }
    console.log(`[${tf.getBackend()}] gradient as a share of the exact one\n${lines.join('\n')}`)
  })

  test('Jacobian-free may point uphill where the exact modes do not (jfb_non_descent)', () => {
    const J = [
      [0.9, -8],
      [0, 0.9],
    ]
    const v = [[0.024432178152653247, 0.9997014897811831]]
    const exact = [0.24432178152653253, -9.548727624310773]
    expect(cosine(adjoint(J, { gradient: jacobianFree(), v }), exact)).toBeCloseTo(-0.9987494671213931, 5)
    expect(cosine(adjoint(J, { gradient: neumannGradient({ terms: 5 }), v }), exact)).toBeLessThan(1)
    const seen: BackwardStats[] = []
    for (const solver of [gmres(), bicgstab(), direct()])
      expect(gap(adjoint(J, { gradient: implicit({ solver }), v, seen }), exact)).toBeLessThan(1e-3) // ‖(I−J)⁻¹‖ = 801, u = 2⁻²⁴
    const auto = adjoint(J, { gradient: autoGradient({ krylov: gmres() }), v, seen })
    expect(gap(auto, exact)).toBeLessThan(1e-3)
    expect(seen.every((s) => s.converged)).toBe(true)
  })
})

describe('where the gradient is taken', () => {
  test(
    'at an inexact state the error is g′(z) dz, not more (inexact_gradient_dottie)',
    tidy(() => {
      const cosine = defineOperator<tf.Tensor2D, { x: tf.Tensor2D; z: tf.Tensor2D }>({
        name: 'dottie',
        initial: ({ z }) => z,
        apply: (z, { x }) => tf.cos(tf.mul(x, z)),
      })
      const layer = equilibrium(cosine, { solver: picard(), gradient: implicit({ solver: gmres() }) })
      const rows = [0.1, 0.01, 0.001, 0.0001]
      const z = tf.tensor2d(rows.map((dz) => [0.7390851332151607 + dz]))
      const slope = tf.grad((x: tf.Tensor) => tf.sum(layer.solve({ x: x as tf.Tensor2D, z }, { steps: 0 }).state))
      const want = [-0.35796721108220514, -0.30345817703958844, -0.29807194027477507, -0.2975340934029666]
      expect(gap(values(slope(tf.onesLike(z))), want)).toBeLessThan(1e-6)
      expect((want[3]! + 0.29747434150983226) / 1e-4).toBeCloseTo(-0.5975100456753034, 2) // the slope of theory
    }),
  )

  test(
    'on both sides of a kink, and one of the one-sided values on it (relu_kink_gradient)',
    tidy(() => {
      const kink = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'kink',
        initial: (x) => tf.zerosLike(x),
        apply: (z, x) => tf.relu(tf.add(tf.mul(z, 0.5), x)),
      })
      for (const gradient of [implicit({ solver: gmres() }), autoGradient({ krylov: gmres() })]) {
        const layer = equilibrium(kink, { solver: picard(), gradient, tolerance: 1e-6 })
        const [right, left, on] = values(
          tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D).state))(tf.tensor2d([[1], [-1], [0]])),
        ) as [number, number, number]
        expect(gap([right, left], [2, 0])).toBeLessThan(1e-5)
        expect(on >= 0 && on <= 2).toBe(true) // the Clarke derivative
      }
    }),
  )

  test('a sample without an equilibrium is said to have none, and adds nothing under fallback', () => {
    const warn = quiet()
    const logistic = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'explode',
      initial: (x) => tf.onesLike(x),
      apply: (z, x) => tf.mul(x, tf.square(z)), // x = 0.5: to 0; x = 3: to infinity
    })
    const run = (onFailure: 'warn' | 'fallback' | 'throw') => {
      const seen: BackwardStats[] = []
      const w = tf.tidy(() => tf.variable(tf.scalar(1)))
      const gradient = implicit({ solver: gmres(), onFailure })
      const layer = equilibrium(logistic, { solver: picard(), gradient, tolerance: 1e-6 })
      try {
        const found = tf.tidy(() => {
          const { grads } = tf.variableGrads(() => {
            const x = tf.mul(tf.tensor2d([[0.5], [3]]), w) as tf.Tensor2D
            return tf.sum(tf.add(layer.solve(x, { onBackward: (s) => seen.push(s) }).state, tf.mul(w, 2))) as tf.Scalar
          }, [w])
          return values(grads[w.name]!)[0]!
        })
        return { found, seen: seen[0]! }
      } finally {
        w.dispose()
      }
    }
    const { found, seen } = run('fallback')
    expect(seen.perSample.status).toEqual(['converged', 'unsolved'])
    expect(seen.fallback).toBe('nothing from 1 of 2 samples without an equilibrium')
    expect(seen.notes![0]).toMatch(/did not reach an equilibrium for all 2 samples: 1 (non-finite|diverged)/)
    expect(found).toBeCloseTo(4, 5) // the 2 w of both rows; z = 0 adds z² = 0, and the lost row nothing
    expect(warn).not.toHaveBeenCalled()
    expect(Math.abs(run('warn').found - 4)).not.toBeLessThan(100) // an enormous number, or NaN
    expect(String(warn.mock.calls[0]![0])).toMatch(/1 of 2 samples means nothing/)
    expect(() => run('throw')).toThrow(EquilibriaError)
  })

  test('a state that steps ran out on: solved as it is, and a note', () => {
    const seen: BackwardStats[] = []
    adjoint([[0.9]], {
      gradient: implicit({ solver: gmres(), onFailure: 'throw' }),
      v: [[1]],
      seen,
      run: { steps: 2, tolerance: 0 },
    })
    expect(seen[0]!.perSample.status).toEqual(['converged'])
    expect(seen[0]!.notes).toEqual(['the forward solve did not reach an equilibrium for all 1 samples: 1 max-steps'])
  })
})

describe('singular in a direction that cannot move (markov_stationary)', () => {
  const Q = [
    [0.9, 0.1, 0],
    [0.2, 0.7, 0.1],
    [0.1, 0.3, 0.6],
  ]
  const chain = defineOperator<tf.Tensor2D, { Q: tf.Tensor2D }>({
    name: 'chain',
    initial: () => tf.fill([1, 3], 1 / 3),
    apply: (p, { Q }) => tf.matMul(p, Q),
  })
  /** `dℓ/dQ` along `D`, a direction that keeps rows stochastic; `ℓ = ⟨c, p⟩`. */
  const along = (gradient: GradientMode, seen: BackwardStats[]): number =>
    tf.tidy(() => {
      const layer = equilibrium(chain, { solver: picard(), gradient, tolerance: 1e-7, maxSteps: 100 })
      const c = tf.tensor2d([[1, 2, 4]])
      const slope = tf.grad((Q: tf.Tensor) =>
        tf.sum(tf.mul(c, layer.solve({ Q: Q as tf.Tensor2D }, { onBackward: (s) => seen.push(s) }).state)),
      )(tf.tensor2d(Q))
      return values(tf.sum(tf.mul(slope, tf.tensor2d(D))))[0]!
    })
  const D = [
    [-0.1, 0.1, 0],
    [0.2, -0.2, 0],
    [0, -0.1, 0.1],
  ]
  /** The stationary distribution in float64, by squaring. */
  const loss = (h: number): number => {
    let P = Q.map((row, i) => row.map((q, j) => q + h * D[i]![j]!))
    for (let k = 0; k < 12; k++) P = P.map((row) => P.map((_, j) => row.reduce((s, q, m) => s + q * P[m]![j]!, 0)))
    return P[0]![0]! + 2 * P[0]![1]! + 4 * P[0]![2]!
  }
  const want = (loss(1e-5) - loss(-1e-5)) / 2e-5

  test('without a projection: a clear status, nothing thrown, nothing infinite', () => {
    quiet()
    for (const solver of [gmres(), bicgstab(), direct(), anderson()]) {
      const seen: BackwardStats[] = []
      expect(Number.isNaN(along(implicit({ solver }), seen))).toBe(false)
      expect(seen[0]!.converged).toBe(false)
      expect(seen[0]!.perSample.status[0]).toMatch(/stagnated|max-steps|diverged/)
    }
  })
  test('in the tangent space of the simplex: exact', () => {
    for (const solver of [gmres(), bicgstab(), direct(), picard()]) {
      const seen: BackwardStats[] = []
      const tangent = (u: tf.Tensor2D) => tf.sub(u, tf.mean(u, 1, true)) as tf.Tensor2D
      expect(Math.abs(along(implicit({ solver, tangent, onFailure: 'throw' }), seen) - want)).toBeLessThan(1e-4)
      expect(seen[0]!.converged).toBe(true)
    }
  })
})

describe('expansive maps: the hypergradient of ridge regression by a step that is too long', () => {
  // w ← w − s (H w − Xᵀy), H = XᵀX + λI with eigenvalues 0.9645 and 91.435; s makes the multiplier of the second −5.66.
  const s = 6.66 / 91.43549491273419
  const ridge = defineOperator<tf.Tensor2D, { lambda: tf.Tensor2D }>({
    name: 'ridge',
    initial: () => tf.zeros([1, 2]),
    apply: (w, { lambda }) => {
      const gram = tf.tensor2d([
        [35, 44],
        [44, 56],
      ])
      const gradient = tf.sub(tf.add(tf.matMul(w, gram), tf.mul(lambda, w)), tf.tensor2d([[27, 34]]))
      return tf.sub(w, tf.mul(gradient, s))
    },
  })
  const hyper = (gradient: GradientMode, seen: BackwardStats[]): number =>
    tf.tidy(() => {
      const layer = equilibrium(ridge, { solver: anderson(), gradient, tolerance: 1e-7, maxSteps: 60 })
      const loss = (lambda: tf.Tensor) => {
        const { state } = layer.solve({ lambda: lambda as tf.Tensor2D }, { onBackward: (b) => seen.push(b) })
        const error = tf.sub(
          tf.matMul(
            state,
            tf.tensor2d([
              [1, 1],
              [0, 1],
            ]),
          ),
          tf.tensor2d([[1, 2]]),
        )
        return tf.mul(tf.sum(tf.square(error)), 0.5)
      }
      return values(tf.grad(loss)(tf.tensor2d([[0.7]])))[0]!
    })
  const want = 0.10418228678230027
  // A gradient made of w, of size 0.5, through (I − J)⁻¹ of norm 1 / (s · 0.9645) = 14, in float32, times ‖H‖ s = 6.7.
  const close = 2e-4

  test.each([
    ['gmres', gmres()],
    ['bicgstab', bicgstab()],
    ['direct', direct()],
    ['anderson', anderson()],
  ] as const)('implicit(%s) is exact', (_, solver) => {
    const seen: BackwardStats[] = []
    expect(Math.abs(hyper(implicit({ solver, onFailure: 'throw' }), seen) - want)).toBeLessThan(close)
  })
  test('chosen by itself, with its reason', () => {
    const seen: BackwardStats[] = []
    expect(Math.abs(hyper(autoGradient({ krylov: gmres(), onFailure: 'throw' }), seen) - want)).toBeLessThan(close)
    expect(
      Math.abs(hyper(autoGradient({ krylov: gmres(), direct: direct(), onFailure: 'throw' }), seen) - want),
    ).toBeLessThan(close)
    expect(seen.map(({ mode }) => mode)).toEqual(['auto(gmres)', 'auto(direct)'])
    expect(seen[0]!.notes![0]).toMatch(/^gmres for 1 of 1 rows: growth 5\./)
    expect(seen[1]!.notes![0]).toMatch(/2 equations/)
  })
  test('picard diverges there, and says so', () => {
    quiet()
    const seen: BackwardStats[] = []
    hyper(implicit({ solver: picard() }), seen)
    expect(seen[0]!.perSample.status[0]).toMatch(/diverged|non-finite/)
  })
})

describe('autoGradient', () => {
  const scalars = (a: readonly number[], gradient: GradientMode, seen: BackwardStats[]): number[] =>
    tf.tidy(() => {
      // z = R(a) z + x: a scaled rotation by 40° per sample, 12 times over, so that nothing is a number in disguise.
      const turn = defineOperator<tf.Tensor2D, { a: tf.Tensor2D; x: tf.Tensor2D }>({
        name: 'turn',
        initial: ({ x }) => tf.zerosLike(x),
        apply: (z, { a, x }) => {
          const [p, q] = tf.split(z, 2, 1) as [tf.Tensor2D, tf.Tensor2D]
          const [c, d] = [Math.cos(0.7), Math.sin(0.7)]
          const turned = tf.concat([tf.sub(tf.mul(p, c), tf.mul(q, d)), tf.add(tf.mul(p, d), tf.mul(q, c))], 1)
          return tf.add(tf.mul(turned, a), x)
        },
      })
      const layer = equilibrium(turn, { solver: anderson(), gradient, tolerance: 1e-6 })
      const A = tf.tensor2d(a.map((x) => [x]))
      const loss = (x: tf.Tensor) =>
        tf.sum(layer.solve({ a: A, x: x as tf.Tensor2D }, { onBackward: (s) => seen.push(s) }).state)
      return values(tf.grad(loss)(tf.ones([a.length, 24])))
    })
  /** `(I − a Rᵀ)⁻¹ 1` for the first and the second half of the state. */
  const exact = (a: number): [number, number] => {
    const [c, d] = [1 - a * Math.cos(0.7), a * Math.sin(0.7)]
    return [(c + d) / (c * c + d * d), (c - d) / (c * c + d * d)]
  }
  test('a series for strong contractions, Krylov for the rest, row by row and alone or together', () => {
    const a = [0.02, 0.2, 0.6, 0.95, 4]
    const seen: BackwardStats[] = []
    const got = scalars(a, autoGradient({ krylov: gmres(), onFailure: 'throw' }), seen)
    a.forEach((x, i) => {
      const rows = got.slice(24 * i, 24 * i + 24)
      expect(gap([rows[0]!, rows[23]!], exact(x))).toBeLessThan(5e-5 * Math.max(1, ...exact(x).map(Math.abs)))
      const alone = scalars([x], autoGradient({ krylov: gmres(), onFailure: 'throw' }), seen)
      expect(gap(rows, alone)).toBeLessThan(5e-6 * Math.max(1, ...exact(x).map(Math.abs)))
    })
    console.log(
      `[${tf.getBackend()}] auto: ${seen.map(({ mode, steps, notes }) => `${mode}, ${steps} products: ${notes!.join('; ')}`).join('\n  ')}`,
    )
    expect(seen.map(({ mode }) => mode)).toEqual([
      'auto(series, gmres)',
      'auto(series)',
      'auto(series)',
      'auto(gmres)',
      'auto(gmres)',
      'auto(gmres)',
    ])
    expect(seen[1]!.steps).toBeLessThanOrEqual(4) // 0.02³ < 1e-5
  })
  test('what krylov leaves, backup takes', () => {
    const tired: LinearSolver = {
      ...gmres(),
      name: 'tired',
      solve: (apply, v, options) => gmres().solve(apply, v, { ...options, maxSteps: 2 }),
    }
    const seen: BackwardStats[] = []
    const got = scalars([0.95, 0.02], autoGradient({ krylov: tired, backup: bicgstab(), onFailure: 'throw' }), seen)
    expect(gap([got[0]!, got[23]!], exact(0.95))).toBeLessThan(1e-4)
    expect(seen[0]!.mode).toBe('auto(series, tired, bicgstab)')
    expect(seen[0]!.notes!.at(-1)).toMatch(/^bicgstab for 1 of 2 rows: tired left a residual of/)
  })
  test('NaN in one row of the cotangent touches no other', () => {
    quiet()
    const seen: BackwardStats[] = []
    const got = adjoint(
      [
        [0.2, 0.1],
        [0, 0.9],
      ],
      {
        gradient: autoGradient({ krylov: gmres() }),
        v: [
          [1, 1],
          [Number.NaN, 1],
          [1, 0],
        ],
        seen,
      },
    )
    expect(seen[0]!.perSample.status).toEqual(['converged', 'non-finite', 'converged'])
    expect(gap([...got.slice(0, 2), ...got.slice(4)], [1.25, 11.25, 1.25, 1.25])).toBeLessThan(2e-4)
  })
  test(
    'second derivatives through it are those of the equilibrium',
    tidy(() => {
      const cube = defineOperator<tf.Tensor2D, tf.Tensor2D>({
        name: 'half cosine',
        initial: (x) => tf.zerosLike(x),
        apply: (z, x) => tf.mul(tf.cos(tf.add(z, x)), 0.5),
      })
      const second = (gradient: GradientMode) => {
        const layer = equilibrium(cube, { solver: anderson(), gradient, tolerance: 1e-7 })
        const first = tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D).state))
        return values(tf.grad((x: tf.Tensor) => tf.sum(first(x)))(tf.tensor2d([[0.3], [1]])))
      }
      const [auto, plain] = [second(autoGradient({ krylov: gmres() })), second(implicit({ solver: gmres() }))]
      expect(gap(auto, plain)).toBeLessThan(1e-5)
      expect(Math.abs(plain[0]!)).toBeGreaterThan(0.05)
    }),
  )
})

describe('fallbacks', () => {
  test('phantom in place of Jacobian-free, for the rows that failed', () => {
    const seen: BackwardStats[] = []
    const A = [
      [0.9, 0, 0],
      [0, 0.5, 0],
      [0, 0, -0.5],
    ]
    const gradient = implicit({ solver: gmres(), maxSteps: 2, onFailure: 'fallback', fallback: 'phantom' })
    const got = adjoint(A, {
      gradient,
      v: [
        [1, 1, 1],
        [1, 0, 0],
      ],
      seen,
    })
    const want = [0.9, 0.5, -0.5].map((a) => (1 - (0.5 + 0.5 * a) ** 5) / (1 - a))
    expect(gap(got, [...want, 10, 0, 0])).toBeLessThan(1e-4) // the second row is an eigenvector: 1 product solves it
    expect(seen[0]!.fallback).toBe('phantom for 1 of 2 samples')
  })
  test('names that are none are refused', () => {
    expect(() => implicit({ solver: gmres(), fallback: 'hope' as never })).toThrow(/fallback/)
    expect(() => neumannGradient({ terms: 0 })).toThrow(/terms/)
    expect(() => truncatedUnrolled({ steps: 1.5 })).toThrow(/steps/)
    expect(() => checkpointedUnrolled({ every: 0 })).toThrow(/every/)
    expect(() => autoGradient({ krylov: gmres(), tolerance: -1 })).toThrow(/tolerance/)
  })
})

describe('float64 gradients of the data pack', () => {
  const file = path.join(
    process.env['EQUILIBRIA_DATA'] ?? path.resolve(import.meta.dirname, '../../../../shared/data'),
    'implicit',
    'implicit_f64.json',
  )
  interface Case {
    readonly name: string
    readonly activation: string
    readonly [key: string]: unknown
  }
  const cases = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly Case[] }).cases : []
  // A suite without a test would fail: one that is skipped stands for those of the pack.
  const named = cases.length > 0 ? cases.map((c) => [c.name, c] as const) : [['no data pack', {} as Case] as const]
  test.skipIf(cases.length === 0).each(named)('%s: adjoint and all gradients, by every exact mode', (_, one) => {
    const modes = [
      autoGradient({
        krylov: gmres({ restart: 60 }),
        backup: bicgstab(),
        tolerance: 1e-6,
        maxSteps: 200,
        onFailure: 'fallback',
      }),
      implicit({ solver: bicgstab(), tolerance: 1e-6, maxSteps: 400, onFailure: 'fallback' }),
      implicit({ solver: direct(), tolerance: 1e-6, maxSteps: 200, onFailure: 'fallback' }),
    ]
    const matrix = (key: string) => one[key] as number[][]
    const condition = Math.max(...(one['diagnostics'] as { condition_I_minus_J: number[] }).condition_I_minus_J)
    for (const gradient of modes)
      tf.tidy(() => {
        const [W, U, x, t] = ['W', 'U', 'x', 't'].map((k) => tf.tensor2d(matrix(k))) as tf.Tensor2D[]
        const z = tf.tensor2d(matrix('z_star'))
        const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: one.name,
          initial: () => z, // the solution of the file: what is judged here is the backward pass
          apply: (z) => {
            const a = tf.add(tf.add(tf.matMul(z, W!, false, true), tf.matMul(x!, U!, false, true)), b)
            return one.activation === 'tanh' ? tf.tanh(a) : a
          },
        })
        const b = tf.tensor1d(one['b'] as number[])
        const layer = equilibrium(operator, { solver: picard(), gradient })
        const loss = () => tf.mul(tf.sum(tf.squaredDifference(layer.solve(x!, { steps: 0 }).state, t!)), 0.5)
        const found = tf.grads(loss as (...a: tf.Tensor[]) => tf.Tensor)([W!, U!, b, x!])
        const keys = ['dL_dW', 'dL_dU', 'dL_db', 'dL_dx']
        found.forEach((g, i) => {
          const want = (one[keys[i]!] as number[][]).flat()
          const scale = Math.max(...want.map(Math.abs))
          // As the fixtures of this data: 50 roundings, amplified by the condition of I − J.
          expect(gap(values(g), want) / scale, `${gradient.name}: ${keys[i]}`).toBeLessThan(
            Math.max(1e-5, 50 * 2 ** -24 * condition),
          )
        })
      })
  })
})
