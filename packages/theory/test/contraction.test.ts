import * as tf from '@tensorflow/tfjs-core'
import { bindProblem, defineOperator, referenceKernels } from '@equilibria/core'
import { describe, expect, test } from 'vitest'
import {
  contraction,
  contractiveNorm,
  matrixOf,
  normal,
  spectralRadius,
  symmetricEnds,
  topSingular,
  uniform,
  weightedNorm,
  type ContractionDetail,
  type ContractionOptions,
} from '@equilibria/theory'
import type { Report } from '@equilibria/spec'
import { scoped } from '@equilibria/tensor'

type Row = tf.Tensor2D

/** `z ↦ σ(A z + x)` on rows, looked at its start or where Picard iteration ends. */
function analyze(
  a: number[][],
  options: { x?: number[][]; tanh?: boolean; contraction?: ContractionOptions } = {},
): Report<ContractionDetail> {
  const before = tf.memory().numTensors
  const report = scoped(() => {
    const at = tf.transpose(tf.tensor2d(a)) as Row
    const x = tf.tensor2d(options.x ?? [a.map(() => 1)])
    const operator = defineOperator({
      name: 'layer',
      initial: (input: Row): Row => tf.zerosLike(input),
      apply: (z, input) => {
        const sum = tf.add(tf.matMul(z, at), input)
        return options.tanh ? tf.tanh(sum) : sum
      },
    })
    const { problem, start } = bindProblem(operator, x, referenceKernels)
    let z = start
    if (options.tanh) for (let i = 0; i < 200; i++) z = problem.apply(z)
    return contraction(options.contraction).analyze(problem, z)
  })
  expect(tf.memory().numTensors).toBe(before)
  return report
}

/** All within 2 %, the promise; most are far closer. */
const off = (got: number, want: number): number => Math.abs(got / want - 1)

describe('contraction()', () => {
  test('rotation by 60° times .95: growth .95, where a Rayleigh quotient says .475', () => {
    const [c, s] = [0.95 * Math.cos(Math.PI / 3), 0.95 * Math.sin(Math.PI / 3)]
    const { detail, verdict, statement, evidence } = analyze([
      [c, -s],
      [s, c],
    ])
    expect(off(detail.spectralRadius[0]!, 0.95)).toBeLessThan(0.02)
    expect(off(detail.norm[0]!, 0.95)).toBeLessThan(0.02)
    expect([verdict, evidence]).toEqual(['holds', 'estimate'])
    expect(statement).toBe(
      'A contraction around this point in the 2-norm (‖J‖₂ = 0.95, ρ(J) = 0.95, μ₂(J) = 0.475, worst of 1 sample).',
    )
  })

  test('a rotation that grows in one axis and shrinks in the other has no dominant direction', () => {
    // Similar to .9 times a rotation by 70°, in the basis diag(1, 3): ρ = .9, ‖A‖₂ = 2.6….
    const [c, s] = [0.9 * Math.cos((7 * Math.PI) / 18), 0.9 * Math.sin((7 * Math.PI) / 18)]
    const { detail, verdict } = analyze([
      [c, -3 * s],
      [s / 3, c],
    ])
    expect(off(detail.spectralRadius[0]!, 0.9)).toBeLessThan(0.02)
    const [p, q] = [2 * c * c + (9 + 1 / 9) * s * s, 0.81 ** 2] // ‖A‖_F² and det²
    expect(off(detail.norm[0]!, Math.sqrt((p + Math.sqrt(p * p - 4 * q)) / 2))).toBeLessThan(0.02)
    // In the basis it is a rotation of, D = diag(1, 3) makes the norm equal to ρ: nothing stays above (1 + ρ)/2.
    expect([verdict, detail.kind]).toEqual(['holds', 'weighted'])
    expect(detail.weighted[0]!.modulus).toBeLessThanOrEqual(0.95)
  })

  test('a Jordan block: ρ = .9 though the norm is 10.08', () => {
    const jordan = [
      [0.9, 10],
      [0, 0.9],
    ]
    const { detail, verdict, value } = analyze(jordan)
    expect(off(detail.spectralRadius[0]!, 0.9)).toBeLessThan(0.02)
    expect(off(detail.norm[0]!, 10.080354318352216)).toBeLessThan(0.02)
    expect(value).toBe(detail.norm[0])
    expect(verdict).toBe('holds')
    const weighted = detail.weighted[0]!
    if (weighted.kind !== 'diagonal') throw new Error('a triangular 2 × 2 matrix needs diagonal weights only')
    expect(weighted.modulus).toBeLessThan(1)
    expect(weightedNorm(matrixOf(jordan), weighted.weights)).toBeCloseTo(weighted.modulus, 6) // float32 entries
    expect(weightedNorm(matrixOf(jordan), [1, 200])).toBeCloseTo(0.9253471552684553, 12)
    // Beyond `dense` entries there are no weights, and the verdict says that they were not looked for.
    const large = analyze(jordan, { contraction: { dense: 0 } })
    expect([large.verdict, large.detail.weighted]).toEqual(['unknown', [null]])
    expect(off(large.detail.spectralRadius[0]!, 0.9)).toBeLessThan(0.02)
    expect(off(large.detail.norm[0]!, 10.080354318352216)).toBeLessThan(1e-5)
  })

  test('a symmetric matrix with eigenvalues .95, .5, −.3, −.9', () => {
    const u = [1, 2, -1, 3]
    const eigenvalues = [0.95, 0.5, -0.3, -0.9]
    const h = u.map((a, i) => u.map((b, j) => (i === j ? 1 : 0) - (2 * a * b) / 15))
    const matrix = h.map((row) =>
      h.map((other) => row.reduce((sum, _, k) => sum + row[k]! * eigenvalues[k]! * other[k]!, 0)),
    )
    const { detail } = analyze(matrix)
    expect(off(detail.spectralRadius[0]!, 0.95)).toBeLessThan(0.02)
    expect(off(detail.norm[0]!, 0.95)).toBeLessThan(0.02)
  })

  test('a tanh layer at its equilibrium, per sample, against float64 on the host', () => {
    const n = 12
    const draw = normal(7)
    const a = Array.from({ length: n }, () => Array.from({ length: n }, () => (0.75 / Math.sqrt(n)) * draw()))
    const x = Array.from({ length: 3 }, () => Array.from({ length: n }, () => 0.5 * draw()))
    const { detail } = analyze(a, { x, tanh: true })
    x.forEach((row, b) => {
      let z = row.map(() => 0)
      for (let i = 0; i < 500; i++) z = times(a, z).map((value, k) => Math.tanh(value + row[k]!))
      const j = a.map((line, i) => line.map((value) => (1 - z[i]! ** 2) * value))
      expect(off(detail.norm[b]!, Math.sqrt(growth((v) => times(transpose(j), times(j, v)), n, 3000)))).toBeLessThan(
        0.02,
      )
      expect(
        off(
          detail.spectralRadius[b]!,
          growth((v) => times(j, v), n, 3000),
        ),
      ).toBeLessThan(0.02)
    })
  })

  test('an expanding map fails, a nilpotent one has radius 0, a non-finite one decides nothing', () => {
    expect(analyze([[1.2]]).verdict).toBe('fails')
    expect(
      analyze([
        [0, 0.5],
        [0, 0],
      ]).detail.spectralRadius[0],
    ).toBe(0)
    const broken = analyze([[Number.NaN]])
    expect(broken.verdict).toBe('unknown')
  })
})

const times = (a: number[][], v: number[]): number[] => a.map((row) => row.reduce((s, x, i) => s + x * v[i]!, 0))
const transpose = (a: number[][]): number[][] => a[0]!.map((_, j) => a.map((row) => row[j]!))
function growth(map: (v: number[]) => number[], n: number, steps: number): number {
  let v = Array.from({ length: n }, (_, i) => Math.sin(1 + 3 * i))
  let sum = 0
  for (let k = 0; k < steps; k++) {
    v = map(v)
    const norm = Math.hypot(...v)
    v = v.map((value) => value / norm)
    if (k >= steps / 2) sum += Math.log(norm)
  }
  return Math.exp(sum / (steps - Math.ceil(steps / 2)))
}

test('settings that cannot give a number are refused, not answered with NaN', () => {
  for (const settings of [
    { radius: { steps: 0 } },
    { radius: { burnIn: -1 } },
    { radius: { ritz: 0 } },
    { norm: { iterations: 0 } },
    { norm: { tolerance: -1 } },
    { margin: -1 },
    { dense: -1 },
    { shells: [-1] },
  ])
    expect(() => analyze([[0.5]], { contraction: settings })).toThrow(/is (0|-1)\./)
})

/** A random orthogonal matrix times a block triangular one: `ρ` is known by construction, the norm is far above it. */
function nonNormal(n: number, seed: number): { readonly a: number[][]; readonly rho: number } {
  const [draw, uni] = [normal(seed), uniform(seed + 1)]
  const t = Array.from({ length: n }, (_, i) =>
    Array.from({ length: n }, (_, j) => (j > i ? (1.5 * draw()) / Math.sqrt(n) : 0)),
  )
  let rho = 0
  for (let i = 0; i < n; i++) {
    const modulus = 0.2 + 0.78 * uni()
    rho = Math.max(rho, modulus)
    if (i + 1 < n && uni() < 0.6) {
      const angle = Math.PI * uni()
      t[i]![i] = t[i + 1]![i + 1] = modulus * Math.cos(angle)
      t[i]![i + 1] = -modulus * Math.sin(angle)
      t[i + 1]![i] = modulus * Math.sin(angle)
      i++
    } else t[i]![i] = modulus * (uni() < 0.5 ? -1 : 1)
  }
  let a = t
  // Householder reflections keep the spectrum: A ← H A H.
  for (let k = 0; k < 3; k++) {
    const u = Array.from({ length: n }, () => draw())
    const uu = u.reduce((s, x) => s + x * x, 0)
    const reflect = (m: number[][]): number[][] => {
      const um = m[0]!.map((_, j) => m.reduce((s, row, i) => s + u[i]! * row[j]!, 0))
      return m.map((row, i) => row.map((x, j) => x - (2 * u[i]! * um[j]!) / uu))
    }
    a = transpose(reflect(transpose(reflect(a))))
  }
  return { a, rho }
}

const linearMap = (a: number[][]) => {
  const m = tf.tensor2d(a)
  return {
    jvp: (v: Row): Row => tf.matMul(v, m, false, true),
    vjp: (u: Row): Row => tf.matMul(u, m),
  }
}

describe('products only, no whole Jacobian', () => {
  test('ρ within 2 % on 200 random non-normal matrices, complex pairs among them', () => {
    const errors = Array.from({ length: 200 }, (_, k) => {
      // Up to the Krylov space (24) Ritz values are eigenvalues; beyond, they are what the power steps leave.
      const { a, rho } = nonNormal(2 + (k % 47), 10 * k)
      return scoped(() => off(spectralRadius(linearMap(a), tf.zeros([1, a.length])).values[0]!, rho))
    })
    expect(Math.max(...errors)).toBeLessThan(0.02)
  })

  test('Jordan blocks of size 2 to 5 and rotations: within 2 %', () => {
    for (let n = 2; n <= 5; n++) {
      const block = Array.from({ length: n }, (_, i) =>
        Array.from({ length: n }, (_, j) => (i === j ? 0.9 : j === i + 1 ? 0.5 : 0)),
      )
      // A defective eigenvalue moves by the n-th root of the rounding of one product, (0.5ⁿ⁻¹ 2⁻²⁴)^{1/n}: .9 % for n = 5 …
      const { values } = scoped(() => spectralRadius(linearMap(block), tf.zeros([1, n])))
      expect(off(values[0]!, 0.9)).toBeLessThan(0.02)
    }
    for (const angle of [0.1, 1, Math.PI / 3, 3]) {
      const [c, s] = [0.95 * Math.cos(angle), 0.95 * Math.sin(angle)]
      const turn = [
        [c, -s],
        [s, c],
      ]
      scoped(() => {
        const { growth, ritz } = spectralRadius(linearMap(turn), tf.zeros([1, 2]))
        expect(off(growth[0]!, 0.95)).toBeLessThan(1e-5)
        expect(off(ritz[0]!, 0.95)).toBeLessThan(1e-5)
      })
    }
  })

  test('‖J‖₂ and the ends of ½(J + Jᵀ) against float64, from below; rows do not touch each other', () => {
    for (const [n, seed] of [
      [5, 1],
      [40, 2],
    ] as const) {
      const { a } = nonNormal(n, seed)
      const gram = (v: number[]) => times(transpose(a), times(a, v))
      const norm = Math.sqrt(growth(gram, n, 4000))
      const half = a.map((row, i) => row.map((x, j) => (x + a[j]![i]!) / 2))
      const shift = 2 * norm
      const top = growth((v) => times(half, v).map((x, i) => x + shift * v[i]!), n, 8000) - shift
      scoped(() => {
        const like = tf.zeros<tf.Rank.R2>([1, n])
        const { values, change } = topSingular(linearMap(a), like, { iterations: 40 })
        expect(off(values[0]!, norm)).toBeLessThan(1e-4)
        expect(values[0]! / norm).toBeLessThan(1 + 1e-6) // a Ritz value: above the truth only by float32 rounding
        expect(change).toBeLessThan(1e-3)
        const ends = symmetricEnds(linearMap(a), like, { iterations: 40 })
        expect(Math.abs(ends.largest[0]! - top)).toBeLessThan(1e-3 * norm)
        expect(ends.smallest[0]!).toBeLessThan(ends.largest[0]!)
        const broken = tf.tensor2d([[1], [Number.NaN]])
        const pair = {
          jvp: (v: Row): Row => tf.mul(linearMap(a).jvp(v), broken),
          vjp: (u: Row): Row => tf.mul(linearMap(a).vjp(u), broken),
        }
        const both = topSingular(pair, tf.zeros([2, n]), { iterations: 40 }).values
        expect(both[0]).toBe(values[0])
        expect(both[1]).toBeNaN()
        expect(spectralRadius(pair, tf.zeros([2, n])).values[1]).toBeNaN()
      })
    }
  })

  test('the cost is the cost stated', () => {
    scoped(() => {
      const counts = { jvp: 0, vjp: 0 }
      const { a } = nonNormal(70, 3)
      const map = linearMap(a)
      const counted = {
        jvp: (v: Row): Row => (counts.jvp++, map.jvp(v)),
        vjp: (u: Row): Row => (counts.vjp++, map.vjp(u)),
      }
      spectralRadius(counted, tf.zeros([1, 70]))
      expect(counts).toEqual({ jvp: 0, vjp: 30 + 30 + 24 })
      const { steps } = topSingular(counted, tf.zeros([1, 70]))
      expect(counts).toEqual({ jvp: steps, vjp: 84 + steps })
      expect(steps).toBeLessThanOrEqual(30)
    })
  })
})

describe('weighted norms', () => {
  test('every stable matrix gets a norm in which it shrinks, and the norm is what it says', () => {
    const kinds = new Set<string>()
    for (let k = 0; k < 40; k++) {
      const { a, rho } = nonNormal(2 + (k % 8), 1000 + k)
      const m = matrixOf(a)
      const found = contractiveNorm(m)!
      kinds.add(found.kind)
      expect(found.modulus).toBeLessThan(1)
      if (found.kind === 'diagonal') expect(weightedNorm(m, found.weights)).toBeCloseTo(found.modulus, 10)
      else {
        // ‖Av‖_P ≤ modulus ‖v‖_P on random v: P = I + γ⁻²AᵀPA.
        const draw = normal(k)
        const p = (v: number[]) =>
          v.reduce((s, x, i) => s + x * v.reduce((t, y, j) => t + found.metric.data[i * v.length + j]! * y, 0), 0)
        for (let trial = 0; trial < 20; trial++) {
          const v = a.map(() => draw())
          expect(Math.sqrt(p(times(a, v)) / p(v))).toBeLessThanOrEqual(found.modulus * (1 + 1e-9))
        }
        expect(found.modulus).toBeGreaterThanOrEqual(rho)
      }
    }
    expect(kinds).toEqual(new Set(['diagonal', 'quadratic']))
    expect(contractiveNorm(matrixOf([[1.01]]))).toBeUndefined()
  })

  test('ρ ≥ 1 with μ₂ < 1 is monotone: Picard fails, damping is advised', () => {
    const expansive = [
      [-0.76, -1.68],
      [-1.68, -1.74],
    ]
    const { verdict, detail, statement } = analyze(expansive)
    expect([verdict, detail.kind]).toEqual(['fails', 'monotone'])
    expect(detail.logNorm[0]!).toBeCloseTo(0.5, 5)
    expect(statement).toContain('damped iteration')
  })

  test('shells find what the point does not show', () => {
    // tanh(2z) at ±.9575: slope .166; at 0, slope 2. Some shell direction in 1-D points inwards for a seed.
    const x = [[0]]
    const seen = [0, 1, 2, 3].map((seed) => analyze([[2]], { x, tanh: true, contraction: { shells: [0.5], seed } }))
    expect(seen.every(({ detail }) => detail.shells.length === 1)).toBe(true)
  })
})
