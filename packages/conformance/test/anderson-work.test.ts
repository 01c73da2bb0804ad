import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Solver, StopRule } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import { anderson, broyden, picard } from '@equilibria/solvers'
import { published, type ZooProblem, zoo } from '@equilibria/conformance'
import { andersonByQR } from '../src/reference/qr-anderson.ts'

/* Work is counted in evaluations of G, sample by sample: the residual trace of one long run tells when each tolerance was
 * met, since a sample that is done does not move the others. */
const LONG = 6000
/** Four units in the last place of the state: below, a relative float32 residual says nothing. */
const FLOOR = 4 * 2 ** -24

/** Relative residuals of each sample, evaluation after evaluation, until `FLOOR` or until nothing improves any more. */
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
        return residual <= FLOOR ? 'converged' : step - bestStep > 150 ? 'stagnated' : undefined
      },
  }
  tf.tidy(() => {
    equilibrium(problem.operator(), { solver, stop: record, maxSteps: most, compaction: { every: 50 } }).solve(
      problem.input(),
    )
  })
  return seen
}
function reference(problem: ZooProblem, sample: number, most: number): number[] {
  const seen: number[] = []
  tf.tidy(() => {
    const bound = problem.operator().bind(tf.slice(problem.input(), [sample, 0], [1, -1]))
    const G = (z: readonly number[]) =>
      Array.from(tf.tidy(() => (bound.apply(tf.tensor2d([[...z]])) as tf.Tensor).dataSync()))
    const start = Array.from(bound.initial().dataSync())
    seen.push(...andersonByQR(G, start, { tolerance: FLOOR, most }, Math.fround))
  })
  return seen
}
const met = (trace: readonly number[], tolerance: number): number => {
  const at = trace.findIndex((r) => r <= tolerance)
  return at < 0 ? Number.POSITIVE_INFINITY : at + 1
}

describe('evaluations', () => {
  const lines: string[] = []
  const problems = [...Object.values(published), ...Object.values(zoo)]
    .map((make) => make())
    .filter((p, i, all) => all.findIndex((q) => q.name === p.name) === i)
  for (const problem of problems)
    test(problem.name, () => {
      const t0 = performance.now()
      const p = problem.picard === 'fails' ? problem.answers.map(() => [] as number[]) : traces(problem, picard(), LONG)
      const t1 = performance.now()
      const a = traces(problem, anderson(), 600)
      const t2 = performance.now()
      const b = traces(problem, broyden(), 600)
      const t3 = performance.now()
      const q = problem.answers.map((_, i) => reference(problem, i, 600))
      const t4 = performance.now()
      const floors = p.map((trace, i) => Math.max(FLOOR, 2 * Math.min(...(trace.length ? trace : a[i]!))))
      for (const t of [1e-3, 1e-5, 0]) {
        const row = problem.answers.map((_, i) => [p, a, q, b].map((all) => met(all[i]!, t || floors[i]!)))
        for (const [i, [pp, aa, qq]] of row.entries())
          if (aa! > pp! || aa! > 1.2 * qq!)
            lines.push(`!! ${problem.name} #${i} ${t || floors[i]} picard ${pp} anderson ${aa} qr ${qq}`)
        lines.push(`${problem.name} ${t}: ${[0, 1, 2, 3].map((k) => Math.max(...row.map((r) => r[k]!))).join(' ')}`)
      }
      lines.push(
        `${problem.name} ms picard ${(t1 - t0).toFixed()} anderson ${(t2 - t1).toFixed()} broyden ${(t3 - t2).toFixed()} qr ${(t4 - t3).toFixed()}`,
      )
    })
  test('table', () => {
    console.log(lines.join('\n'))
    expect(1).toBe(1)
  })
})
