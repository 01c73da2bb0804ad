import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Memory, Problem, Solver, Vector } from '@equilibria/spec'
import { referenceKernels } from '@equilibria/core'
import { linearize, takeRows } from '@equilibria/tensor'
import { runChecks, solverChecks } from '@equilibria/conformance'
import { allSolvers } from './all-solvers.ts'

/*
 * What must hold of every fixed-point method. The map is `z ↦ tanh(a (z/2 + 0.3 rev z) + x)`, one `a` and one `x` per row:
 * coupled, nonlinear, symmetric, and made of element-wise operations, so that a row's arithmetic is the same to the bit
 * in any batch, on any backend. Its modulus is at most `0.8 a`.
 */
/** Evenly spread: `fc.double` is even over the bit patterns, which are nearly all of tiny numbers. */
const real = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 10_000 }).map((i) => min + ((max - min) * i) / 10_000)
const N = 3
const STEPS = 16
interface Sample {
  readonly a: number
  readonly x: readonly number[]
}
const sample: fc.Arbitrary<Sample> = fc.record({
  a: real(0.2, 1.15),
  x: fc.array(real(-2, 2), { minLength: N, maxLength: N }),
})
const batches = fc.array(sample, { minLength: 2, maxLength: 5 })
const settings = { numRuns: 2, seed: 20261124 }

/** `z ↦ s G((z − t)/s) + t`: the same problem in other units, with another origin. */
interface Units {
  readonly s: number
  readonly t: number
}
const plain: Units = { s: 1, t: 0 }
function problemOf(samples: readonly Sample[], { s, t }: Units): Problem {
  const a = tf.tensor2d(samples.map((one) => [one.a]))
  const x = tf.tensor2d(samples.map((one) => [...one.x]))
  const apply = (z: Vector): Vector => {
    const u = tf.div(tf.sub(z, t), s)
    const mixed = tf.add(tf.mul(u, 0.5), tf.mul(tf.reverse(u, 1), 0.3))
    return tf.add(tf.mul(tf.tanh(tf.add(tf.mul(mixed, a), x)), s), t)
  }
  return {
    batch: samples.length,
    size: N,
    traits: {},
    kernels: referenceKernels,
    apply,
    linearize: (z) => linearize(apply, z),
  }
}

/** The states a solver visits, step by step, row by row, and the residual norms there. */
type Way = readonly { readonly z: readonly number[]; readonly r: number }[][]
const rowsOf = (values: ArrayLike<number>, batch: number) =>
  Array.from({ length: batch }, (_, b) => Array.from(values).slice(b * N, (b + 1) * N))

/** From 0 (in those units). `leave`: after 5 steps only these rows go on, as in a compacted solve. */
function walk(make: () => Solver, samples: readonly Sample[], units = plain, leave?: readonly number[]): Way {
  return tf.tidy(() => {
    const solver = make()
    let problem = problemOf(samples, units)
    let z: Vector = tf.fill([samples.length, N], units.t)
    let memory: Memory = solver.init(problem, z)
    let way = samples.map((): { z: number[]; r: number }[] => [])
    for (let k = 0; k < STEPS; k++) {
      if (k === 5 && leave) {
        z = takeRows(z, leave)
        memory = takeRows(memory, leave)
        problem = problemOf(
          leave.map((b) => samples[b]!),
          units,
        )
        way = leave.map((b) => way[b]!)
      }
      const step = solver.step(problem, z, memory)
      const [states, residuals] = [rowsOf(z.dataSync(), way.length), rowsOf(step.residual.dataSync(), way.length)]
      way.forEach((points, b) => points.push({ z: states[b]!, r: Math.hypot(...residuals[b]!) }))
      z = step.next
      memory = step.memory
    }
    return way as never
  }) as Way
}
const worst = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))
/** Equal to the bit, `NaN` included. */
const same = (a: Way[number], b: Way[number]) =>
  a.length === b.length && a.every(({ z }, k) => z.every((v, i) => Object.is(v, b[k]!.z[i]) || v === b[k]!.z[i]))
const leakless = (run: () => void) => {
  const before = tf.memory().numTensors
  run()
  expect(tf.memory().numTensors).toBe(before)
}

describe.each(allSolvers)('$name', ({ make }) => {
  test('other units: a power of two times the problem gives as many times the states, to the bit', () => {
    leakless(() =>
      fc.assert(
        fc.property(batches, fc.constantFrom(0.125, 0.5, 4, 64), (samples, s) => {
          const [one, scaled] = [walk(make, samples), walk(make, samples, { s, t: 0 })]
          // Until it is there: at the rounding floor, guards against division by noise may decide otherwise.
          return one.every((points, b) =>
            points.every(
              ({ z, r }, k) =>
                r < 1e-5 ||
                worst(
                  z,
                  scaled[b]![k]!.z.map((v) => v / s),
                ) === 0,
            ),
          )
        }),
        settings,
      ),
    )
  })
  test('another origin: a translated problem has translated states', () => {
    leakless(() =>
      fc.assert(
        fc.property(batches, real(-3, 3), (samples, t) => {
          const [one, moved] = [walk(make, samples), walk(make, samples, { s: 1, t: Math.fround(t) })]
          // Rounding differs by about 4 · 2⁻²⁴ · |t| ≤ 1e-6 in z and r. It enters coefficients divided by differences of
          // residuals, which are no smaller than a hundredth of residuals here, and is carried from step to step: a
          // factor of 1e3 over all while residuals are above 1e-2.
          return one.every((points, b) => {
            const end = points.findIndex(({ r }) => r < 1e-2)
            return points.slice(0, end < 0 ? undefined : end).every(
              ({ z }, k) =>
                worst(
                  z,
                  moved[b]![k]!.z.map((v) => v - Math.fround(t)),
                ) < 1e-3,
            )
          })
        }),
        settings,
      ),
    )
  })
  test('permuting, splitting and compacting a batch changes no bit of a row', () => {
    leakless(() =>
      fc.assert(
        fc.property(batches, fc.nat(), (samples, seed) => {
          const together = walk(make, samples)
          const order = samples.map((_, i) => i).sort((i, j) => ((i * 7919 + seed) % 31) - ((j * 7919 + seed) % 31))
          const shuffled = walk(
            make,
            order.map((i) => samples[i]!),
          )
          const cut = 1 + (seed % (samples.length - 1))
          const split = [...walk(make, samples.slice(0, cut)), ...walk(make, samples.slice(cut))]
          const left = order.slice(0, 1 + (seed % samples.length))
          const compacted = walk(make, samples, plain, left)
          return (
            order.every((i, at) => same(together[i]!, shuffled[at]!)) &&
            split.every((way, i) => same(together[i]!, way)) &&
            left.every((i, at) => same(together[i]!, compacted[at]!))
          )
        }),
        settings,
      ),
    )
  })
  test('NaN in one row touches no other, not by a bit', () => {
    leakless(() =>
      fc.assert(
        fc.property(batches, fc.nat(), fc.nat(N - 1), (samples, which, entry) => {
          const at = which % samples.length
          const spoilt = samples.map((one, i) =>
            i === at ? { ...one, x: one.x.map((v, j) => (j === entry ? Number.NaN : v)) } : one,
          )
          const [good, bad] = [walk(make, samples), walk(make, spoilt)]
          return good.every((way, i) => i === at || same(way, bad[i]!)) && bad[at]!.some(({ r }) => Number.isNaN(r))
        }),
        settings,
      ),
    )
  })
  describe('conformance', () => runChecks(test, solverChecks(make)))
})
