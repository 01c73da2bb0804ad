import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Problem, Solver, Vector } from '@equilibria/spec'
import { defineOperator, equilibrium, referenceKernels } from '@equilibria/core'
import { linearize } from '@equilibria/tensor'
import {
  aitken,
  chebyshev,
  halpern,
  krasnoselskiiMann,
  minimalPolynomial,
  picard,
  pseudoTransient,
  reducedRank,
  vectorEpsilon,
} from '@equilibria/solvers'

/* Closed forms of the data pack, and theorems, against what the classical methods do in float32. */

interface TruthCase {
  readonly id: string
  readonly params: Readonly<Record<string, unknown>>
  readonly truth: Readonly<Record<string, unknown>>
}
const root = path.resolve(import.meta.dirname, '../../..')
const file = path.join(process.env['EQUILIBRIA_DATA'] ?? path.resolve(root, '../shared/data'), 'truth/truth_cases.json')
const there = existsSync(file)
if (!there) console.log(`skipped: no ${file} (set EQUILIBRIA_DATA to the data pack)`)
const cases = there ? (JSON.parse(readFileSync(file, 'utf8')) as { cases: TruthCase[] }).cases : []
const truth = (id: string): TruthCase => cases.find((one) => one.id === id)!
const numbers = (value: unknown): number[] => (value as unknown[]).flat() as number[]
const matrix = (value: unknown): number[][] => value as number[][]

type Map = (z: Vector) => tf.Tensor
/** One row of the states a solver visits: `states[k]` after `k` evaluations. */
function walk(
  solver: Solver | ReturnType<typeof picard>,
  map: Map,
  start: readonly number[],
  steps: number,
): number[][] {
  return tf.tidy(() => {
    const apply = (z: Vector): Vector => map(z) as Vector
    const problem: Problem = {
      batch: 1,
      size: start.length,
      traits: {},
      kernels: referenceKernels,
      apply,
      linearize: (z) => linearize(apply, z),
    }
    const method = solver as Solver
    let z: Vector = tf.tensor2d([[...start]])
    let memory = method.init(problem, z)
    const states = [[...start]]
    for (let k = 0; k < steps; k++) {
      const step = method.step(problem, z, memory)
      z = step.next
      memory = step.memory
      states.push(Array.from(z.dataSync()))
    }
    return states as never
  }) as number[][]
}
const solve = (
  solver: Solver | ReturnType<typeof picard>,
  map: Map,
  start: readonly number[],
  tolerance = 1e-6,
  maxSteps = 1000,
) =>
  tf.tidy(() => {
    const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'case',
      initial: (x) => tf.clone(x),
      apply: map as never,
    })
    const layer = equilibrium(operator, { solver: solver as Solver, tolerance, maxSteps })
    const { state, status, stats } = layer.solve(tf.tensor2d([[...start]]))
    return { z: Array.from(state.dataSync()), status, steps: stats.steps, evaluations: stats.evaluations } as never
  }) as { z: number[]; status: string; steps: number; evaluations: number }
const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((v, i) => v - b[i]!))
/** Mean contraction of the error per step between two points of a way. */
const rate = (states: readonly number[][], answer: readonly number[], from: number, to: number) =>
  (distance(states[to]!, answer) / distance(states[from]!, answer)) ** (1 / (to - from))
const affine =
  (A: readonly (readonly number[])[], b: readonly number[]): Map =>
  (z) =>
    tf.add(tf.matMul(z, tf.tensor2d(A.map((row) => [...row])), false, true), tf.tensor2d([[...b]])) // rows: z Aᵀ
const turn = (theta: number, c: readonly number[]): Map => {
  const [cos, sin] = [Math.cos(theta), Math.sin(theta)]
  return (z) =>
    tf.add(
      tf.matMul(tf.sub(z, tf.tensor2d([[...c]])), [
        [cos, sin],
        [-sin, cos],
      ]),
      tf.tensor2d([[...c]]),
    )
}

describe.skipIf(!there)('closed forms', () => {
  test('isometry_km: Picard orbits, averaging contracts by cos(θ/2)', () => {
    const { params, truth: t } = truth('isometry_km')
    const c = numbers(params['c'])
    numbers(params['theta']).forEach((theta, i) => {
      const map = turn(theta, c)
      const orbit = walk(picard(), map, [0, 0], 200)
      // An isometry keeps the distance √5; rounding of size 2⁻²⁴ per step and entry.
      expect(Math.abs(distance(orbit[200]!, c) - Math.sqrt(5))).toBeLessThan(200 * 2 ** -23)
      for (const solver of [picard({ damping: 0.5 }), krasnoselskiiMann({ damping: 0.5 })]) {
        const states = walk(solver, map, [0, 0], 20)
        // Over 20 steps the error falls to no less than √5 · 0.707²⁰ = 2e-3, known to 2e-7: the rate to 1e-4 / 20.
        expect(Math.abs(rate(states, c, 0, 20) - numbers(t['km_rate_beta_half'])[i]!)).toBeLessThan(1e-5)
      }
      for (const solver of [krasnoselskiiMann(), halpern(), reducedRank({ modes: 2 }), aitken()]) {
        const found = solve(solver, map, [0, 0], 1e-5)
        expect([solver.name, found.status]).toEqual([solver.name, 'converged'])
        // ‖z − z*‖ = r / |1 − e^{iθ}| ≤ 1e-5 · √5 / (2 sin(θ/2)), and 2 sin(θ/2) ≥ 0.95 for these.
        expect(distance(found.z, c)).toBeLessThan(3e-5)
      }
    })
  })
  test('affine_expansive: damping 4/9 contracts by 7/9, 1/2 stands still, more diverges; adaptive finds its way', () => {
    const { params, truth: t } = truth('affine_expansive')
    const map = affine(matrix(params['A']), numbers(params['b']))
    const answer = numbers(t['fixed_point'])
    const best = walk(picard({ damping: t['damped_beta_opt'] as number }), map, [0, 0], 30)
    // Both modes contract by exactly 7/9 in absolute value: no transient; the error is still 1e-3 of the first.
    expect(Math.abs(rate(best, answer, 0, 30) - (t['damped_rate_opt'] as number))).toBeLessThan(1e-4)
    const limit = t['damped_beta_max'] as number
    const at = walk(picard({ damping: limit }), map, [0, 0], 200)
    expect(distance(at[200]!, answer)).toBeGreaterThan(0.5 * distance(at[100]!, answer)) // multiplier −1
    expect(solve(picard({ damping: limit + 0.02 }), map, [0, 0], 1e-5, 200).status).not.toBe('converged')
    expect(solve(picard({ damping: limit - 0.02 }), map, [0, 0], 1e-5, 200).status).toBe('converged')
    expect(solve(picard(), map, [0, 0]).status).toBe('diverged')
    for (const solver of [
      krasnoselskiiMann(),
      aitken(),
      pseudoTransient(),
      reducedRank(),
      chebyshev({ interval: [-3, 0.5] }),
    ]) {
      const found = solve(solver, map, [0, 0])
      expect([solver.name, found.status]).toEqual([solver.name, 'converged'])
      expect(distance(found.z, answer)).toBeLessThan(4e-6) // r ‖(I − A)⁻¹‖ = 1e-6 · 2, twice
    }
  })
  test('affine_symmetric_4: residuals of Picard; Chebyshev within its bound; extrapolation done after 5 evaluations', () => {
    const { params, truth: t } = truth('affine_symmetric_4')
    const [A, b, answer] = [matrix(params['A']), numbers(params['b']), numbers(t['fixed_point'])]
    const map = affine(A, b)
    const states = walk(picard(), map, [0, 0, 0, 0], 13)
    numbers(t['picard_residual_norms']).forEach((r, k) =>
      // Rounding of entries up to 8: 12 · 8 · 2⁻²⁴.
      expect(Math.abs(distance(states[k + 1]!, states[k]!) - r)).toBeLessThan(6e-6),
    )
    const [a, z] = [-0.9, 0.95]
    const rho = (z - a) / (2 - a - z)
    const way = walk(chebyshev({ interval: [a, z] }), map, [0, 0, 0, 0], 60)
    way.forEach((state, k) => {
      const bound = 1 / Math.cosh(k * Math.acosh(1 / rho)) // 1 / T_k(1/ρ)
      // Float32: a few roundings of ‖z*‖ = 8.4, amplified by 1/(1 − 0.95).
      expect(distance(state, answer)).toBeLessThan(bound * distance(way[0]!, answer) + 20 * 8.4 * 2 ** -23)
    })
    for (const solver of [reducedRank({ modes: 4 }), minimalPolynomial({ modes: 4 })])
      // Exact but for rounding, which least squares on modes 0.95, 0.5, −0.3, −0.9 amplify.
      expect(distance(walk(solver, map, [0, 0, 0, 0], 5)[5]!, answer)).toBeLessThan(2e-4)
    const epsilon = walk(vectorEpsilon({ modes: 4 }), map, [0, 0, 0, 0], 8)
    expect(distance(epsilon[8]!, answer)).toBeLessThan(2e-3)
  })
  test('aitken_geometric: one mode is solved by Δ², two by the fourth column, three by MPE and RRE', () => {
    const { params, truth: t } = truth('aitken_geometric')
    const [answer, c, q] = [params['zstar'] as number, params['c'] as number, params['q'] as number]
    const geometric: Map = (z) => tf.add(tf.mul(z, q), (1 - q) * answer)
    const sequence = numbers(params['sequence'])
    walk(picard(), geometric, [answer + c], 5).forEach(([s], k) => expect(s).toBeCloseTo(sequence[k]!, 5))
    // Differences of 0.6 and 0.12 of entries near 5, rounded at 2⁻²²: 1e-6 relative, times the step of 2.4.
    for (const solver of [aitken(), aitken({ by: 'component' }), reducedRank({ modes: 1 }), minimalPolynomial({ modes: 1 }), vectorEpsilon({ modes: 1 })]) // prettier-ignore
      expect([solver.name, Math.abs(walk(solver, geometric, [answer + c], 2)[2]![0]! - answer) < 2e-5]).toEqual([solver.name, true]) // prettier-ignore
    // s_k = 1 + 2·0.9^k − 1.5·(−0.7)^k, as the sum of two modes that a map can have.
    const modes: Map = (z) => tf.add(tf.mul(z, tf.tensor2d([[0.9, -0.7]])), tf.tensor2d([[0.1 * 0.5, 1.7 * 0.5]]))
    const states = walk(picard(), modes, [0.5 + 2, 0.5 - 1.5], 7)
    numbers(params['sequence2']).forEach((s, k) => expect(states[k]![0]! + states[k]![1]!).toBeCloseTo(s, 5))
    const fourth = walk(vectorEpsilon({ modes: 2 }), modes, [2.5, -1], 4)[4]!
    expect(Math.abs(fourth[0]! + fourth[1]! - (t['wynn_eps4'] as number))).toBeLessThan(1e-4)
    const { params: linear } = truth('anderson_gmres_equivalence')
    const map = affine(matrix(linear['A']), numbers(linear['b']))
    for (const solver of [minimalPolynomial({ modes: 3 }), reducedRank({ modes: 3 })])
      expect(distance(walk(solver, map, [0, 0, 0], 4)[4]!, numbers(t['mpe_k3']))).toBeLessThan(1e-4)
  })
  test('chebyshev_semiiteration: the error is 1/T_k(1/ρ), 45 steps where Picard takes 270', () => {
    const { params, truth: t } = truth('chebyshev_semiiteration')
    const rho = params['rho'] as number
    const map: Map = (z) => tf.mul(z, rho) // the error lies in the extreme mode, and z* = 0: no rounding floor
    const states = walk(chebyshev({ radius: rho }), map, [1], 40)
    const relative = numbers(params['k']).map((k, i) => states[k]![0]! / numbers(t['inv_T_k'])[i]! - 1)
    // 40 steps of three roundings, relative to entries that were 1/0.72 larger one step before.
    expect(Math.max(...relative.map(Math.abs))).toBeLessThan(1e-4)
    const count = (solver: Solver | ReturnType<typeof picard>) =>
      walk(solver, map, [1], 300).findIndex(([z]) => Math.abs(z!) <= 1e-6)
    expect([count(picard()), count(chebyshev({ radius: rho }))]).toEqual([t['picard_iters_1e6'], t['cheb_iters_1e6']])
  })
  test('sublinear_cubic: Picard goes as in float64; no rate, so a residual of 1e-4 is an error of 5e-2', () => {
    const { params, truth: t } = truth('sublinear_cubic')
    const map: Map = (z) => tf.sub(z, tf.mul(z, tf.square(z)))
    const states = walk(picard(), map, [params['z0'] as number], 100)
    for (const { k, z } of (t['rows'] as { k: number; z: number }[]).filter((row) => row.k <= 100))
      expect(Math.abs(states[k]![0]! / z - 1)).toBeLessThan(1e-4) // k roundings of 6e-8
    for (const solver of [picard(), krasnoselskiiMann(), aitken(), vectorEpsilon({ modes: 1 }), pseudoTransient()]) {
      const { z, status } = solve(solver, map, [0.5], 1e-4, 400) // Picard: 1 / (2 · 0.0464²) steps
      expect([solver.name, status]).toEqual([solver.name, 'converged'])
      expect(Math.abs(z[0]!)).toBeLessThan(4.65e-2) // |z|³ ≤ 1e-4
    }
  })
  test('cournot_best_response: four firms cycle away, damping brings them back at the rate of theory', () => {
    const { params, truth: t } = truth('cournot_best_response')
    const gap = (params['a'] as number) - (params['c'] as number)
    for (const row of t['rows'] as {
      n: number
      q: number
      beta_opt: number
      rate_opt: number
      damped_beta_max: number
    }[]) {
      const map: Map = (q) => tf.mul(tf.sub(gap, tf.sub(tf.sum(q, 1, true), q)), 0.5)
      const start = Array.from({ length: row.n }, (_, i) => 0.1 * i)
      const answer = start.map(() => row.q)
      const plain = solve(picard(), map, start).status
      expect([row.n, plain]).toEqual([row.n, row.n === 2 ? 'converged' : row.n === 3 ? 'cycle' : 'diverged'])
      const states = walk(picard({ damping: row.beta_opt }), map, start, 12)
      // Both modes contract by rate_opt in absolute value.
      expect(Math.abs(rate(states, answer, 0, 12) - row.rate_opt)).toBeLessThan(1e-3)
      if (row.damped_beta_max < 1)
        expect(solve(picard({ damping: row.damped_beta_max + 0.02 }), map, start).status).toBe('diverged')
      for (const solver of [krasnoselskiiMann(), aitken(), reducedRank({ modes: 2 }), pseudoTransient()]) {
        const found = solve(solver, map, start)
        expect([row.n, solver.name, found.status]).toEqual([row.n, solver.name, 'converged'])
        expect(distance(found.z, answer)).toBeLessThan(4e-6 * row.q * Math.sqrt(row.n)) // ‖(I − J)⁻¹‖ = 2, twice
      }
    }
  })
  test('implicit_euler_stiff: damping 1/6 is right at once, Aitken after a look, Newton’s limit in a few', () => {
    const { params, truth: t } = truth('implicit_euler_stiff')
    const y0 = params['y0'] as number
    const map: Map = (z) => tf.sub(y0, tf.mul(z, 5))
    const answer = t['fixed_point'] as number
    expect(walk(picard({ damping: t['beta_opt'] as number }), map, [0], 1)[1]![0]).toBeCloseTo(answer, 6)
    expect(walk(aitken(), map, [0], 2)[2]![0]).toBeCloseTo(answer, 5)
    expect(solve(picard(), map, [0]).status).toBe('diverged')
    for (const [solver, most] of [
      [aitken(), 4],
      [pseudoTransient(), 8],
      [krasnoselskiiMann(), 20],
    ] as const) {
      const found = solve(solver, map, [0])
      expect(found.z[0]).toBeCloseTo(answer, 5)
      expect(found.steps).toBeLessThanOrEqual(most)
    }
  })
  test('two_lines_projection: alternating projections cos²θ, Douglas–Rachford cos θ, and faster ways', () => {
    const { params, truth: t } = truth('two_lines_projection')
    numbers(params['theta']).forEach((theta, i) => {
      const project = (angle: number): Map => {
        const [c, s] = [Math.cos(angle), Math.sin(angle)]
        return (z) =>
          tf.matMul(z as tf.Tensor2D, [
            [c * c, c * s],
            [c * s, s * s],
          ])
      }
      const [first, second] = [project(0), project(theta)]
      const alternating: Map = (z) => first(second(z) as Vector)
      const reflect =
        (p: Map): Map =>
        (z) =>
          tf.sub(tf.mul(p(z), 2), z)
      const douglasRachford: Map = (z) => tf.mul(tf.add(z, reflect(second)(reflect(first)(z) as Vector) as Vector), 0.5)
      // After one step the state lies on the first line: the rate is exact from there.
      expect(
        Math.abs(rate(walk(picard(), alternating, [1, 2], 11), [0, 0], 1, 11) - numbers(t['ap_rate'])[i]!),
      ).toBeLessThan(1e-5)
      expect(
        Math.abs(rate(walk(picard(), douglasRachford, [1, 2], 10), [0, 0], 0, 10) - numbers(t['dr_rate'])[i]!),
      ).toBeLessThan(1e-5)
      for (const solver of [aitken(), reducedRank({ modes: 2 })])
        for (const map of [alternating, douglasRachford])
          expect(solve(solver, map, [1, 2], 1e-6).steps).toBeLessThanOrEqual(solve(picard(), map, [1, 2], 1e-6).steps)
    })
  })
})

/** Evenly spread: `fc.double` is even over the bit patterns, which are nearly all of tiny numbers. */
const real = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 10_000 }).map((i) => min + ((max - min) * i) / 10_000)

describe('rates of nonexpansive maps', () => {
  /** Rotations in two planes, projections on a half-space or a ball: products of nonexpansive maps that keep 0. */
  const pieces = fc.array(
    fc.oneof(
      fc.record({
        kind: fc.constant('turn' as const),
        a: real(-3, 3),
        b: real(-3, 3),
      }),
      fc.record({
        kind: fc.constant('half-space' as const),
        a: real(-3, 3),
        b: real(-3, 3),
      }),
      fc.record({
        kind: fc.constant('ball' as const),
        a: real(0.1, 2),
        b: fc.constant(0),
      }),
    ),
    { minLength: 1, maxLength: 3 },
  )
  type Piece = { readonly kind: 'turn' | 'half-space' | 'ball'; readonly a: number; readonly b: number }
  const map =
    (all: readonly Piece[]): Map =>
    (z) =>
      all.reduce<tf.Tensor>((at, { kind, a, b }) => {
        if (kind === 'ball') {
          const length = tf.norm(at, 2, 1, true)
          return tf.mul(at, tf.div(a, tf.maximum(length, a)))
        }
        if (kind === 'half-space') {
          const n = tf.tensor2d([[Math.cos(a), Math.sin(a) * Math.cos(b), Math.sin(a) * Math.sin(b), 0]]) // unit length
          return tf.sub(at, tf.mul(n, tf.relu(tf.sum(tf.mul(at, n), 1, true))))
        }
        const [c, s, d, t] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)]
        return tf.matMul(at as Vector, [
          [c, s, 0, 0],
          [-s, c, 0, 0],
          [0, 0, d, t],
          [0, 0, -t, d],
        ])
      }, z)
  const start = fc.array(real(-2, 2), { minLength: 4, maxLength: 4 })
  /** `‖G(z_k) − z_k‖` on the way. */
  const residuals = (solver: Solver | ReturnType<typeof picard>, g: Map, z0: readonly number[], steps: number) =>
    walk(solver, g, z0, steps).map((z) =>
      tf.tidy(() => tf.norm(tf.sub(g(tf.tensor2d([z])), tf.tensor2d([z]))).dataSync()[0]!),
    )
  const settings = { numRuns: 20, seed: 3 }
  const rounding = 1e-5 // 30 steps of a few roundings of entries up to 4

  test("Halpern, not restarted: ‖r_k‖ ≤ 2 ‖z₀ − z*‖ / (k + 1), Lieder's bound, k = 0 … 30", () => {
    fc.assert(
      fc.property(pieces, start, (all, z0) =>
        residuals(halpern({ restart: false }), map(all), z0, 30).every(
          (r, k) => r <= (2 * Math.hypot(...z0)) / (k + 1) + rounding,
        ),
      ),
      settings,
    )
  })
  test('Krasnoselskii–Mann: residuals never grow, and ‖r_k‖ ≤ ‖z₀ − z*‖ / √((k + 1) β (1 − β))', () => {
    fc.assert(
      fc.property(pieces, start, real(0.1, 0.9), (all, z0, beta) =>
        residuals(krasnoselskiiMann({ damping: beta }), map(all), z0, 30).every(
          (r, k, way) =>
            (k === 0 || r <= way[k - 1]! + rounding) &&
            r <= Math.hypot(...z0) / Math.sqrt((k + 1) * beta * (1 - beta)) + rounding,
        ),
      ),
      settings,
    )
  })
  test('the bound of Halpern is not idle: it is met within a factor of 4 by slow rotations', () => {
    // A small angle: the residual after k steps is about θ ‖z_k‖, and z_k has hardly moved by then.
    const [theta, k] = [0.1, 30]
    const r = residuals(halpern({ restart: false }), turn(theta, [0, 0]), [1, 0], k)[k]!
    expect(r).toBeGreaterThan(2 / (k + 1) / 4)
  })
  test('restarts make it linear on a rotation, where without them it is not', () => {
    const g = turn(1, [1, -2])
    const [restarted, not] = [
      solve(halpern(), g, [0, 0], 1e-5),
      solve(halpern({ restart: false }), g, [0, 0], 1e-5, 300),
    ]
    expect([restarted.status, not.status]).toEqual(['converged', 'max-steps'])
    expect(restarted.steps).toBeLessThan(100)
  })
})
