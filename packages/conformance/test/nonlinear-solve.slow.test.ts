import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import type { Solver } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import { anderson, auto, broyden, levenbergMarquardt, newtonKrylov, picard, pseudoTransient } from '@equilibria/solvers'
import {
  nonlinearSolve23,
  type NonlinearSystem,
  published,
  rootResidual,
  zoo,
  type ZooProblem,
  zooError,
} from '@equilibria/conformance'

/** What one problem asks of a state. */
interface Case {
  readonly name: string
  readonly problem: NonlinearSystem | ZooProblem
  readonly tolerance: number
  solved(state: tf.Tensor): boolean
}
const systems = nonlinearSolve23().map((system): Case => ({
  name: `${system.number}. ${system.name}`,
  problem: system,
  tolerance: system.attainable,
  solved: (state) => {
    const { residual, allowed } = rootResidual(system, state.dataSync(), system.attainable)
    return residual <= allowed
  },
}))
const known = [...Object.values(zoo), ...Object.values(published)].map((make): Case => {
  const problem = make()
  return {
    name: problem.name,
    problem,
    tolerance: 1e-6,
    solved: (state) => zooError(problem, state) < problem.tolerance,
  }
})

const single: readonly (readonly [string, () => Solver])[] = [
  ['picard', () => picard()],
  ['anderson', () => anderson()],
  ['anderson β=.5', () => anderson({ mixing: 0.5, memory: 10 })],
  ['broyden', () => broyden()],
  ['broyden, line search', () => broyden({ lineSearch: 'li-fukushima' })],
  ['newton-krylov', () => newtonKrylov()],
  ['newton-krylov, gmres', () => newtonKrylov({ direct: 0 })],
  ['newton-krylov, full', () => newtonKrylov({ lineSearch: 0 })],
  ['levenberg-marquardt', () => levenbergMarquardt()],
  ['pseudo-transient', () => pseudoTransient()],
]

function run({ problem, tolerance, solved }: Case, solver: Solver, maxSteps: number): { ok: boolean; cell: string } {
  return tf.tidy(() => {
    const { state, status, stats } = equilibrium(problem.operator(), { solver, tolerance, maxSteps }).solve(
      problem.input(),
    )
    // A state counts, not a word: what ends `floor` or `max-steps` at an answer has solved the problem.
    const ok = solved(state)
    return { ok, cell: `${ok ? '' : `${status} `}${stats.evaluations}` } as never
  }) as { ok: boolean; cell: string }
}

test('auto() solves every problem that any single method solves', () => {
  const missed: string[] = []
  const totals = new Map<string, number>()
  const lines = [...systems, ...known].map((one) => {
    const cells = single.map(([name, make]) => {
      const { ok, cell } = run(one, make(), 200)
      if (ok && systems.includes(one)) totals.set(name, (totals.get(name) ?? 0) + 1)
      return { name, ok, cell }
    })
    const own = run(one, auto(), 1000)
    if (own.ok && systems.includes(one)) totals.set('auto', (totals.get('auto') ?? 0) + 1)
    if (!own.ok && cells.some(({ ok }) => ok)) missed.push(one.name)
    return `| ${one.name} | ${own.cell} | ${cells.map(({ cell }) => cell).join(' | ')} |`
  })
  const head = `| problem | auto | ${single.map(([name]) => name).join(' | ')} |`
  const solved = `| of the 23 | ${['auto', ...single.map(([name]) => name)].map((n) => totals.get(n) ?? 0).join(' | ')} |`
  console.log(
    `[${tf.getBackend()}] evaluations, products with J included; a status where the method failed\n${[head, ...lines, solved].join('\n')}`,
  )
  expect(missed).toEqual([])
  expect(totals.get('auto')).toBe(23)
})

test('auto() from nine starts around the published ones', () => {
  let seed = 7
  const noise = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 1073741824 - 1
  const lines = nonlinearSolve23().map((system) => {
    const near = () => system.start.map((v) => v * (1 + 0.5 * noise()) + 0.2 * noise())
    const starts = [[...system.start], ...Array.from({ length: 8 }, near)]
    const solved = tf.tidy(() => {
      const { state } = equilibrium(system.operator(), {
        solver: auto(),
        tolerance: system.attainable,
        maxSteps: 600,
      }).solve(tf.tensor2d(starts))
      const values = state.dataSync()
      const ends = starts.map((_, b) => values.slice(b * system.size, (b + 1) * system.size))
      return ends.map((end) => rootResidual(system, end, system.attainable)).filter((r) => r.residual <= r.allowed)
        .length as never
    }) as number
    return { system, solved }
  })
  console.log(`[${tf.getBackend()}] ${lines.map(({ system, solved }) => `${system.name} ${solved}`).join(', ')}`)
  // 206 of 207 when this was written. Some paths are chaotic, and another rounding may lose or win a few.
  expect(lines.reduce((sum, { solved }) => sum + solved, 0)).toBeGreaterThanOrEqual(202)
})
