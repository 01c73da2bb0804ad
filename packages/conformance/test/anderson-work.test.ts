import * as tf from '@tensorflow/tfjs-core'
import { afterAll, describe, expect, test } from 'vitest'
import type { Solver, StopRule } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import { anderson, broyden, picard } from '@equilibria/solvers'
import { published, type ZooProblem, zoo } from '@equilibria/conformance'
import { broydenInFull } from '../src/reference/broyden.ts'
import { andersonByQR } from '../src/reference/qr-anderson.ts'

/* Work is counted in evaluations of G, sample by sample: the residuals of one long run tell when each tolerance was met,
 * since a sample that is done does not move the others. */
const LONG = 6000
const SHORT = 600
/**
 * Below, a relative float32 residual says nothing: rounding `z` alone moves it by `‖I − J‖ u`, about `(1 + |λ|) u`; twice
 * that, and never less than four roundings.
 */
const floorOf = (problem: ZooProblem): number => Math.max(4, 2 * (1 + problem.radius)) * 2 ** -24
/**
 * Samples at whose answer the derivative of `G` vanishes: there Picard is Newton's method. After two evaluations nothing
 * tells such a map from an affine one of the same slope, and the secant step that is right for the one loses a factor in
 * the error on the other: one evaluation more is the price.
 */
const NEWTON_LIKE = new Set(['babylonian #0', 'babylonian #1', 'babylonian #2', 'babylonian #3', 'kepler #1'])

/** Relative residuals of each sample, evaluation after evaluation, until the floor or until nothing improves any more. */
function traces(problem: ZooProblem, solver: Solver, most: number): number[][] {
  const seen: number[][] = problem.answers.map(() => [])
  const record: StopRule = {
    kind: 'stop-rule',
    spec: 1,
    name: 'record',
    start:
      () =>
      ({ sample, residual, step, bestStep }) => {
        seen[sample]!.push(residual)
        if (!Number.isFinite(residual)) return 'non-finite'
        return residual <= floorOf(problem) ? 'converged' : step - bestStep > 150 ? 'stagnated' : undefined
      },
  }
  tf.tidy(() => {
    const layer = equilibrium(problem.operator(), { solver, stop: record, maxSteps: most, compaction: { every: 50 } })
    layer.solve(problem.input())
  })
  return seen
}

/** The same of a float64 reference, on the same float32 map, one sample; its start moved by `shift` roundings. */
function reference(method: typeof broydenInFull, problem: ZooProblem, sample: number, shift = 0): number[] {
  const seen: number[] = []
  tf.tidy(() => {
    const bound = problem.operator().bind(tf.slice(problem.input(), [sample, 0], [1, -1]))
    const G = (z: readonly number[]) =>
      Array.from(tf.tidy(() => bound.apply(tf.tensor2d([[...z]])) as tf.Tensor).dataSync())
    const start = Array.from(bound.initial().dataSync(), (v) => v + shift * 2 ** -23 * Math.max(1, Math.abs(v)))
    seen.push(...method(G, start, { tolerance: floorOf(problem), most: SHORT }, Math.fround))
  })
  return seen
}

const met = (trace: readonly number[], tolerance: number): number => {
  const at = trace.findIndex((r) => r <= tolerance)
  return at < 0 ? Number.POSITIVE_INFINITY : at + 1
}

describe('anderson() needs no more than Picard, nor 1.2 times the QR reference; broyden() what the full method does', () => {
  const all = [...Object.values(published), ...Object.values(zoo)].map((make) => make())
  const problems = all.filter((p, i) => all.findIndex((q) => q.name === p.name) === i)
  const lines: string[] = []
  afterAll(() =>
    console.log(`[${tf.getBackend()}] Picard, anderson, QR reference, broyden, Broyden in full\n${lines.join('\n')}`),
  )

  test.each(problems.map((p) => [p.name, p] as const))('%s', (_name, problem) => {
    const samples = problem.answers.map((_, i) => i)
    const p = problem.picard === 'fails' ? samples.map(() => []) : traces(problem, picard(), LONG)
    const a = traces(problem, anderson(), SHORT)
    const b = traces(problem, broyden(), SHORT)
    const q = samples.map((i) => reference(andersonByQR, problem, i))
    const f = samples.map((i) => reference(broydenInFull, problem, i))
    for (const tolerance of [1e-3, 1e-5, 0]) {
      const counts = samples.map((i) => {
        // Where float32 keeps Picard away from the floor, its best is the floor.
        const target = tolerance || Math.max(floorOf(problem), ...(p[i]!.length ? [2 * Math.min(...p[i]!)] : []))
        const count = [p, a, q, b, f].map((trace) => met(trace[i]!, target)) as [number, number, number, number, number]
        const name = `${problem.name} #${i}`
        // Without a restart (16 factors) broyden() does what the textbook does; restarts cost up to 1.6 times as much here.
        const more = count[4] <= 16 ? 1.2 : 2
        expect([name, target, count[3], count[3] <= Math.ceil(more * count[4])]).toEqual([name, target, count[3], true])
        const most = count[0] + (NEWTON_LIKE.has(name) ? 1 : 0)
        expect([name, target, count[1], count[1] <= most]).toEqual([name, target, count[1], true])
        // A count of evaluations is whole: 1.2 times, rounded up. Where the count is a matter of rounding, as on
        // indefinite problems, the reference has more than one: from starts a rounding away.
        let allowed = Math.ceil(1.2 * count[2])
        for (let shift = 1; shift <= 8 && count[1] > allowed; shift++)
          allowed = Math.max(allowed, Math.ceil(1.2 * met(reference(andersonByQR, problem, i, shift), target)))
        expect([name, target, count[1], count[1] <= allowed]).toEqual([name, target, count[1], true])
        return count
      })
      const worst = [0, 1, 2, 3, 4].map((k) => Math.max(...counts.map((c) => c[k]!)))
      lines.push(`${problem.name} ${tolerance || 'floor'}: ${worst.join(' ').replaceAll('Infinity', '–')}`)
    }
  })
})
