import * as tf from '@tensorflow/tfjs-core'
import { bindProblem, defineOperator, referenceKernels } from '@equilibria/core'
import { describe, expect, test } from 'vitest'
import { contraction, normal, type ContractionDetail, type ContractionOptions } from '@equilibria/theory'
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
      'A contraction around this point in the 2-norm (‖J‖₂ = 0.95, ρ(J) = 0.95, worst of 1 sample).',
    )
  })

  test('a rotation that grows in one axis and shrinks in the other has no dominant direction', () => {
    // Similar to .9 times a rotation by 70°, in the basis diag(1, 3): ρ = .9, ‖A‖₂ = 2.6….
    const [c, s] = [0.9 * Math.cos((7 * Math.PI) / 18), 0.9 * Math.sin((7 * Math.PI) / 18)]
    const { detail, verdict } = analyze([
      [c, -3 * s],
      [s / 3, c],
    ])
    // Growth over k = 150 steps may be off by the condition of the basis: 9^(1/150) = 1.5 %.
    expect(off(detail.spectralRadius[0]!, 0.9)).toBeLessThan(0.02)
    const [p, q] = [2 * c * c + (9 + 1 / 9) * s * s, 0.81 ** 2] // ‖A‖_F² and det²
    expect(off(detail.norm[0]!, Math.sqrt((p + Math.sqrt(p * p - 4 * q)) / 2))).toBeLessThan(0.02)
    expect(verdict).toBe('unknown')
  })

  test('a Jordan block: ρ = .9 though the norm is 10.08', () => {
    const { detail, verdict, value } = analyze([
      [0.9, 10],
      [0, 0.9],
    ])
    expect(off(detail.spectralRadius[0]!, 0.9)).toBeLessThan(0.02)
    expect(off(detail.norm[0]!, 10.080354318352216)).toBeLessThan(0.02)
    expect(value).toBe(detail.norm[0])
    expect(verdict).toBe('unknown')
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
    { growth: { steps: 0 } },
    { growth: { burnIn: -1 } },
    { norm: { iterations: 0 } },
    { norm: { tolerance: -1 } },
    { norm: { difference: 0 } },
  ])
    expect(() => analyze([[0.5]], { contraction: settings })).toThrow(/is (0|-1)\./)
})
