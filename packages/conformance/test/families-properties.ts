import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { bindProblem, equilibrium, referenceKernels } from '@equilibria/core'
import type { Certificate, CertifiedOperator } from '@equilibria/operators'
import {
  distances,
  drawValues,
  matrixOf,
  norm2,
  normal,
  pick,
  type Random,
  redraw,
  TAME,
  U,
  uniform,
  WILD,
} from './families-support.ts'
import { type Entry, inputShape } from './families-table.ts'

type Family = CertifiedOperator<tf.Tensor, tf.Tensor>
const PAIRS = 4

/** Random states: of any sign and size, or positive ones where distances are those of logarithms. */
function states(random: Random, shape: readonly number[], thompson: boolean): { a: tf.Tensor; b: tf.Tensor } {
  const size = shape.reduce((x, y) => x * y, 1)
  const scale = pick(random, [0.01, 1, 100])
  const gap = thompson ? pick(random, [1e-3, 1, 10]) : scale * pick(random, [1e-3, 1, 100])
  const a = Float32Array.from({ length: size }, () =>
    thompson ? Math.exp(3 * normal(random)) : scale * normal(random),
  )
  const b = a.map((v) => (thompson ? v * Math.exp(gap * Math.tanh(normal(random))) : v + gap * normal(random)))
  return { a: tf.tensor(a, [...shape]), b: tf.tensor(b, [...shape]) }
}

/** What float32 may be off in one evaluation of `G`, in the norm of the certificate, one number per row. */
function roundings(entry: Entry, family: Family, x: tf.Tensor, z: tf.Tensor, gz: tf.Tensor): number[] {
  const { certificate, variables } = family
  const { input, bias } = variables
  const flat = tf.reshape(tf.abs(x), [-1, x.shape.at(-1)!])
  const injected = tf.matMul(flat as tf.Tensor2D, tf.abs(input!) as tf.Tensor2D)
  const injection = tf.reshape(bias ? tf.add(injected, tf.abs(bias)) : injected, [x.shape[0]!, -1])
  const length = (t: tf.Tensor) => distances(certificate, t, tf.zerosLike(t))
  const [ofZ, ofG, ofInjection, ofOnes] = [z, gz, injection, tf.onesLike(z)].map(length) as [
    number[],
    number[],
    number[],
    number[],
  ]
  const size = z.size / z.shape[0]!
  // a sum of `terms` products, and what an activation is off: an ulp or two of its value, or (softplus) of 1
  return ofZ.map(
    (norm, k) =>
      U * (entry.terms + 8) * (entry.absolute(size) * norm + ofInjection[k]!) + 8 * U * (ofG[k]! + ofOnes[k]!),
  )
}

/** One random member, four pairs: `G` (or the step of its solver) shrinks every distance as the certificate says. */
export function checkPairs(entry: Entry, random: Random): void {
  const family = entry.make(random)
  try {
    redraw(family, random, entry.wild)
    checkPairsOf(entry, family, random)
  } finally {
    family.dispose()
  }
}

/** Four random pairs of this member. */
export function checkPairsOf(entry: Entry, family: Family, random: Random): void {
  const { certificate } = family
  tf.tidy(() => {
    const shape = inputShape(entry, family)
    const x = drawValues(random, [PAIRS, ...shape], TAME)
    const { problem, start } = bindProblem(family, x, referenceKernels)
    const thompson = certificate.norm === 'thompson'
    const { a, b } = states(random, start.shape, thompson) as { a: tf.Tensor2D; b: tf.Tensor2D }
    const [ga, gb] = [problem.apply(a), problem.apply(b)]
    const before = distances(certificate, a, b)
    if (thompson) {
      const after = distances(certificate, ga, gb)
      const at = certificate.modulusAt?.(x)
      after.forEach((d, k) => {
        const modulus = at ? Math.min(at[k]!, certificate.modulus) : certificate.modulus
        expect(d).toBeLessThanOrEqual(modulus * before[k]! + 4 * U * (entry.terms + 8))
      })
      return
    }
    const slack = roundings(entry, family, x, a, ga)
    roundings(entry, family, x, b, gb).forEach((d, k) => (slack[k]! += d))
    if (certificate.property === 'one-sided') {
      const solver = family.solver()
      const step = (z: tf.Tensor2D) => solver.step(problem, z, solver.init(problem, z)).next
      const rate = certificate.rateNow!()
      expect(rate).toBeLessThan(1)
      // One step is off by `α` times what `G` is off, `α ‖|A|‖ ≤ 2 + 3 |γ|`, and by the roundings of its own sum.
      const own = [a, b].map((z) => distances(certificate, z, tf.zerosLike(z)))
      distances(certificate, step(a), step(b)).forEach((d, k) => {
        const more = U * (entry.terms + 16) * 8 * (own[0]![k]! + own[1]![k]!)
        expect(d).toBeLessThanOrEqual(rate * before[k]! + slack[k]! + more)
      })
      return
    }
    const after = distances(certificate, ga, gb)
    if (certificate.property === 'averaged') {
      const rest = distances(certificate, tf.sub(a, ga), tf.sub(b, gb))
      after.forEach((d, k) => expect(Math.hypot(d, rest[k]!)).toBeLessThanOrEqual(before[k]! + 2 * slack[k]!))
      return
    }
    expect(certificate.property).toBe('contraction')
    expect(certificate.modulus).toBeLessThan(1)
    const now = certificate.modulusNow!()
    expect(now).toBeLessThanOrEqual(certificate.modulus)
    after.forEach((d, k) => expect(d).toBeLessThanOrEqual(now * before[k]! + slack[k]!))
  })
}

/** The matrix that is used, read off exactly: its norm, computed by other means, is at most what is certified. */
export function checkMatrix(entry: Entry, random: Random): void {
  const family = entry.make(random, 'identity')
  try {
    redraw(family, random, { ...entry.wild, weight: WILD, kernel: WILD })
    checkMatrixOf(entry, family)
  } finally {
    family.dispose()
  }
}

/** The same of this member, which has the activation `identity`. Its bias becomes zero. */
export function checkMatrixOf(entry: Entry, family: Family): void {
  const { certificate } = family
  const w = matrixOf(family, inputShape(entry, family))
  const now = certificate.modulusNow!()
  const exact = exactModulus(certificate, w)
  // float64 rounding of the reference itself, relative to the size of what is summed
  const size = certificate.property === 'one-sided' ? Math.max(...w.map((row, i) => Math.abs(row[i]!)), 1) : 1
  expect(exact).toBeLessThanOrEqual(now + 1e-13 * size)
  expect(now).toBeLessThanOrEqual(certificate.modulus)
}

function exactModulus({ property, norm, weights }: Certificate<tf.Tensor>, w: readonly (readonly number[])[]): number {
  if (norm === '2') return norm2(w)
  const scale = weights?.() ?? new Float64Array(w.length).fill(1)
  const into = (i: number) =>
    w.reduce((sum, row, j) => {
      const size = property === 'one-sided' && i === j ? row[i]! : Math.abs(row[i]!)
      return sum + (size * scale[i]!) / scale[j]!
    }, 0)
  return Math.max(...w.map((_, i) => into(i)))
}

/** One random member of a size that float32 can iterate: its solver converges from random starts. */
export function checkSolver(entry: Entry, random: Random): void {
  const family = entry.make(random)
  const before = tf.memory().numTensors
  try {
    redraw(family, random, entry.tame)
    const shape = inputShape(entry, family)
    const thompson = family.certificate.norm === 'thompson'
    const x = drawValues(random, [PAIRS, ...shape], TAME)
    const initial = tf.tidy(() => {
      const own = family.bind(x).initial() as tf.Tensor
      const { a } = states(random, own.shape, thompson)
      // far below a large equilibrium the residual grows at first, which the default rule calls divergence
      return entry.name === 'subhomogeneous' ? tf.mul(a, own) : a
    })
    const layer = equilibrium(family, { solver: family.solver(), tolerance: 1e-4, maxSteps: 4000 })
    const solution = layer.solve(x, { initial })
    solution.stats.perSample.status.forEach((status) => expect(['converged', 'floor']).toContain(status))
    tf.dispose([initial, x, solution.state])
    expect(tf.memory().numTensors).toBe(before)
  } finally {
    family.dispose()
  }
}

export const seeded = (name: string, draw: number): Random =>
  uniform([...name].reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 16777619), 2166136261) + 7919 * draw)
