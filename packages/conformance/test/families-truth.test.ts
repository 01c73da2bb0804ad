import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import {
  certifiedDistance,
  type CertifiedOperator,
  circularBound,
  logNorm,
  perron,
  positiveConcave,
  regularLift,
  rowSum,
  spectral,
  stateDecay,
  subhomogeneous,
} from '@equilibria/operators'
import { norm2 } from './families-support.ts'
import { truthCases } from './families-truth-cases.ts'

/* The closed forms of the data pack. Its matrices act on columns, ours on rows: they are transposed on the way in. */
const of = truthCases()!
type Matrix = readonly (readonly number[])[]
const transposed = (m: Matrix): number[][] => m[0]!.map((_, j) => m.map((row) => row[j]!))
const set = (family: CertifiedOperator<tf.Tensor2D, tf.Tensor2D>, values: Record<string, number[] | number[][]>) =>
  tf.tidy(() => Object.entries(values).forEach(([name, v]) => family.variables[name]!.assign(tf.tensor(v))))
/** `softplus⁻¹`, of numbers above 0. */
const before = (y: number): number => Math.log(Math.expm1(y))
const solved = (
  family: CertifiedOperator<tf.Tensor2D, tf.Tensor2D>,
  x: readonly (readonly number[])[],
  initial?: readonly (readonly number[])[],
): number[] =>
  tf.tidy(() =>
    Array.from(
      equilibrium(family, { solver: family.solver(), tolerance: 1e-6, maxSteps: 500 })
        .solve(tf.tensor2d(x as number[][]), initial ? { initial: tf.tensor2d(initial as number[][]) } : {})
        .state.dataSync(),
    ),
  )
/** Stopped at 1e-6 relative, contracting by 0.9 or better, in float32. */
const near = (got: readonly number[], want: readonly number[]) =>
  got.forEach((v, i) => expect(Math.abs(v - want[i]!)).toBeLessThan(2e-5 * Math.max(1, Math.abs(want[i]!))))

test.skipIf(!of)('elghaoui_pf: the Perron root certifies it, the 2-norm and the row sums do not', () => {
  const { params, truth } = of('elghaoui_pf')
  const weights = {
    weight: transposed(params.matrix('A')),
    input: [
      [1, 0],
      [0, 1],
    ],
    bias: [0, 0],
  }
  const options = { size: 2, inputs: 2, activation: 'relu', modulus: 0.9 } as const
  const family = perron(options)
  set(family, weights)
  // the perturbation that keeps the vector positive is 5e-5 of the largest entry
  expect(family.certificate.modulusNow!()).toBeGreaterThanOrEqual(truth.number('lambda_pf') - 1e-7)
  expect(family.certificate.modulusNow!()).toBeLessThan(truth.number('lambda_pf') + 1e-3)
  const [a, b] = family.certificate.weights!() as unknown as [number, number]
  const [v0, v1] = truth.vector('pf_vector') as [number, number]
  expect(Math.abs(b / a - v0 / v1)).toBeLessThan(2e-3 * (v0 / v1))
  near(solved(family, [params.vector('b')]), truth.vector('fixed_point'))
  family.dispose()
  // The other two families cannot hold this A: what they use is another operator, of smaller norm.
  for (const other of [spectral(options), rowSum(options)]) {
    set(other, weights)
    const used = tf.tidy(() => (other.bind(tf.zeros([2, 2])).apply(tf.eye(2)) as tf.Tensor).dataSync())
    expect(Math.max(...used)).toBeLessThan(0.95)
    other.dispose()
  }
})

test.skipIf(!of)('nemon_lognorm: spectral radius 3.4, one equilibrium, the averaged step and its factor', () => {
  const { params, truth } = of('nemon_lognorm')
  const A = params.matrix('A')
  // T with T_ij off the diagonal as in A, and T_ii − Σⱼ|Tᵢⱼ| + γ = A_ii; γ is the log-norm itself.
  const gamma = truth.number('mu_inf')
  const T = A.map((row, i) =>
    row.map((v, j) => (i === j ? (v - gamma + row.reduce((s, w, k) => (k === i ? s : s + Math.abs(w)), 0)) / 2 : v)),
  )
  const family = logNorm({ size: 2, inputs: 2, activation: 'relu', modulus: gamma })
  set(family, {
    weight: transposed(T),
    input: [
      [1, 0],
      [0, 1],
    ],
    bias: [0, 0],
    scale: [0, 0],
  })
  const used = tf.tidy(() => {
    const bound = family.bind(
      tf.tensor2d([
        [1e3, 1e3],
        [1e3, 1e3],
      ]),
    )
    // in the linear region of relu
    const [at, from] = [bound.apply(tf.eye(2)), bound.apply(tf.zeros([2, 2]))] as [tf.Tensor, tf.Tensor]
    return Array.from(tf.sub(at, from).dataSync())
  })
  // differences of numbers near 1e3
  transposed(A)
    .flat()
    .forEach((v, k) => expect(Math.abs(used[k]! - v)).toBeLessThan(1e3 * 2 ** -21))
  expect(family.certificate.modulusNow!()).toBeLessThanOrEqual(gamma)
  expect(family.certificate.modulusNow!()).toBeGreaterThan(gamma - 1e-4)
  expect(family.certificate.rateNow!()).toBeCloseTo(truth.number('contraction_factor'), 4)
  expect(family.certificate.solutionLipschitz!()).toBeCloseTo(truth.number('sup_norm_lipschitz_in_b_upper'), 4)
  near(solved(family, [params.vector('b')]), truth.vector('fixed_point'))
  family.dispose()
})

test.skipIf(!of)('pcdeq_tanh: a matrix of norm 3.6, and the same positive equilibrium from every start', () => {
  const { params, truth } = of('pcdeq_tanh')
  const b = params.matrix('b').flat()
  const family = positiveConcave({ size: 2, inputs: 1, floor: 0.05 })
  const W = transposed(params.matrix('W')).map((row) => row.map(before))
  // u = floor + softplus(5 raw) / 5
  set(family, { weight: W, input: [[0, 0]], bias: b.map((u) => before(5 * (u - 0.05)) / 5) })
  const starts = [
    [0, 0],
    [1, 1],
    [100, 1e-3],
    [-5, 3],
  ]
  const got = solved(
    family,
    starts.map(() => [0]),
    starts,
  )
  near(
    got,
    starts.flatMap(() => truth.vector('fixed_point')),
  )
  // the 2-norm certifies nothing here
  expect(norm2(params.matrix('W'))).toBeCloseTo(truth.number('rho_W'), 12)
  family.dispose()
})

test.skipIf(!of)('subhomogeneous_sqrt: the Thompson distance to the equilibrium halves at every step', () => {
  const { params, truth } = of('subhomogeneous_sqrt')
  const family = subhomogeneous({ size: 2, inputs: 1, floor: 0 })
  // softplus(−200) is 0 in float32: nothing is added
  set(family, {
    weight: transposed(params.matrix('A')).map((row) => row.map(before)),
    input: [[0, 0]],
    bias: [-200, -200],
  })
  const target = truth.vector('fixed_point')
  near(solved(family, [[0]]), target)
  tf.tidy(() => {
    const bound = family.bind(tf.zeros([1, 1]))
    let z = tf.tensor2d([[1e-3, 50]])
    const first = certifiedDistance(family.certificate, z.dataSync(), target)
    for (let k = 1; k <= 30; k++) {
      z = bound.apply(z) as tf.Tensor2D
      const d = certifiedDistance(family.certificate, z.dataSync(), target)
      // each step rounds its logarithms by some 2⁻²², halved by the next
      expect(d).toBeLessThanOrEqual(first * 2 ** -k + 2 ** -20)
    }
  })
  expect(family.certificate.modulus).toBe(truth.number('thompson_contraction'))
  family.dispose()
})

test.skipIf(!of)('parcae_diagonal: decays and equilibrium', () => {
  const { params, truth } = of('parcae_diagonal')
  const family = stateDecay({ size: 3, inputs: 1 })
  set(family, { rate: params.vector('A_log'), step: params.vector('dt_bias'), input: [[1, 1, 1]] })
  const decay = tf.tidy(() =>
    Array.from((family.bind(tf.zeros([1, 1])).apply(tf.ones([1, 3])) as tf.Tensor).dataSync()),
  )
  near(decay, truth.vector('decay'))
  expect(family.certificate.modulusNow!()).toBeCloseTo(truth.number('rho'), 6)
  near(solved(family, [[1]]), truth.vector('fixed_point_for_unit_input'))
  family.dispose()
})

test.skipIf(!of)('conv_fft_spectral: the exact norm, which the reshaped kernel misses', () => {
  const { truth } = of('conv_fft_spectral')
  for (const row of truth.list<{ n: number; smooth_sigma_max: number; lap_sigma_max: number }>('rows')) {
    const smooth = circularBound([0.25, 0.5, 0.25], [3, 1, 1], [row.n])
    const laplace = circularBound([-1, 2, -1], [3, 1, 1], [row.n])
    for (const [{ bound }, exact] of [
      [smooth, row.smooth_sigma_max],
      [laplace, row.lap_sigma_max],
    ] as const) {
      expect(bound).toBeGreaterThanOrEqual(exact * (1 - 1e-15))
      // both singular values of the real form are equal: 2^{1/2¹⁸}
      expect(bound).toBeLessThan(exact * (1 + 4e-6))
    }
    expect(laplace.bound).toBeGreaterThan(truth.number('reshape_norm_lap'))
  }
  // padded with zeros: the circular norm on a grid longer by two is an upper bound
  const { n, sigma_max } = truth.object<{ n: number; sigma_max: number }>('zero_pad_lap_n')
  expect(circularBound([-1, 2, -1], [3, 1, 1], [n + 2]).bound).toBeGreaterThanOrEqual(sigma_max)
})

const radius = (x: tf.Tensor2D): tf.Tensor =>
  tf.div(tf.sub(tf.add(tf.mul(x, 2), 1), tf.sqrt(tf.add(tf.mul(x, 4), 1))), 2)

test.skipIf(!of)('recip_generic_construction: radii, moduli, constants, and 1/x', () => {
  const { params, truth } = of('recip_generic_construction')
  const lift = regularLift((x) => tf.reciprocal(x), radius, { c: params.number('c') })
  const points = params.vector('x').map((v) => [v])
  const constants = truth.object<{ L0: number; L1: number }>('lipschitz_bound')
  expect(lift.regularity).toMatchObject(constants)
  tf.tidy(() => {
    const x = tf.tensor2d(points)
    const rho = truth.vector('rho')
    // 2x + 1 − √(4x + 1) cancels: float32 leaves 2⁻²² of 1
    radius(x)
      .dataSync()
      .forEach((r, k) => expect(Math.abs(r - rho[k]!)).toBeLessThan(2 ** -22))
    lift.regularity.modulus(x).forEach((m, k) => expect(m).toBeCloseTo(truth.vector('mu')[k]!, 6))
    // F(x) is a fixed point to the last bit, and G contracts towards it by μ(x)
    const bound = lift.bind(x)
    const target = tf.reciprocal(x)
    expect(Array.from((bound.apply(target) as tf.Tensor).dataSync())).toEqual(Array.from(target.dataSync()))
    // where it is fast enough: x = 1 and ½
    const { state } = equilibrium(lift, { solver: lift.solver(), tolerance: 1e-7, maxSteps: 5000 }).solve(
      tf.slice(x, 0, 2),
    )
    const want = truth.vector('fixed_point')
    // the residual is ε times the error
    state.dataSync().forEach((y, k) => expect(Math.abs(y - want[k]!)).toBeLessThan(2e-4 * want[k]!))
    // Lip G(y, ·) ≤ L0 + L1 |y|, on pairs over all of (0, 1]
    const grid = Array.from({ length: 400 }, (_, k) => [(k + 1) / 400])
    for (const y of [0, 1, -3, 30]) {
      const image = lift
        .bind(tf.tensor2d(grid))
        .apply(tf.fill([400, 1], y))
        .dataSync()
      for (let k = 1; k < 400; k++) {
        // float32: y and ε F, each rounded
        const rounding = 2 ** -22 * (Math.abs(y) + 1)
        const change = Math.abs(image[k]! - image[k - 1]!)
        expect(change).toBeLessThanOrEqual((constants.L0 + constants.L1 * Math.abs(y)) / 400 + rounding)
      }
    }
  })
})
