import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Solver } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import { anderson, picard } from '@equilibria/solvers'
import { type ZooProblem, zoo } from '@equilibria/conformance'
import { allSolvers } from './all-solvers.ts'

const problems = Object.values(zoo).map((make) => make())
const within = <T>(fn: () => T): T => tf.tidy(fn as () => tf.TensorContainer) as T
const worst = (problem: ZooProblem, state: tf.Tensor) => {
  const want = problem.answers.flat()
  return Math.max(...Array.from(state.dataSync(), (v, i) => Math.abs(v - want[i]!)))
}
const solve = (problem: ZooProblem, solver: Solver, tolerance = 1e-6, maxSteps = 600) =>
  equilibrium(problem.operator(), { solver, tolerance, maxSteps }).solve(problem.input())

describe('solver × problem', () => {
  const solvers = allSolvers.map(({ name, make, able = () => true }) => [name, make, able] as const)
  for (const [name, make, able] of solvers)
    for (const problem of problems.filter(able))
      test(`${name} × ${problem.name}: the known answer, and no tensor left`, () => {
        const before = tf.memory().numTensors
        within(() => {
          const { state, status, stats } = solve(problem, make())
          expect({ status, residual: stats.residual }).toEqual({ status: 'converged', residual: stats.residual })
          expect(worst(problem, state)).toBeLessThan(problem.tolerance)
        })
        expect(tf.memory().numTensors).toBe(before)
      })
  // One entry or many, wide or narrow batches, divergence on the way: what may matter to who owns which tensor.
  const various = problems.filter((p) => ['kepler', 'jordan', 'implicit-euler', 'tanh-deq'].includes(p.name))
  for (const [name, make] of solvers)
    for (const problem of various) {
      test(`${name} × ${problem.name}: no tensor left after an abort or an exception at any of the first ten steps`, () => {
        const x = problem.input()
        const before = tf.memory().numTensors
        for (let at = 1; at <= 10; at++) {
          const stop = new AbortController()
          const layer = equilibrium(problem.operator(), { solver: make(), tolerance: 0, maxSteps: 12 })
          const aborted = layer.solve(x, {
            signal: stop.signal,
            onProgress: ({ step }) => {
              if (step === at) stop.abort()
            },
          })
          // Divergent maps overflow on the way; every other one stops exactly there.
          expect(['aborted', 'non-finite']).toContain(aborted.status)
          expect(aborted.stats.steps).toBe(at)
          aborted.state.dispose()
          let calls = 0
          const operator = problem.operator()
          const failing = equilibrium(
            {
              ...operator,
              bind: (input: tf.Tensor2D) => {
                const bound = operator.bind(input)
                return {
                  initial: bound.initial,
                  apply: (z: tf.Tensor2D) => {
                    const out = bound.apply(z)
                    if (++calls === at) throw new Error('boom')
                    return out
                  },
                }
              },
            },
            { solver: make(), tolerance: 0, maxSteps: 12 },
          )
          expect(() => failing.solve(x)).toThrow('boom')
          expect(tf.memory().numTensors).toBe(before)
        }
        x.dispose()
      })
    }
})

test('Picard says so where it cannot converge', () => {
  within(() => {
    const status = (p: ZooProblem) => solve(p, picard(), 1e-6, 300).status
    expect(status(zoo.expansive())).toBe('diverged')
    expect(status(zoo.implicitEuler())).toBe('diverged')
    expect(status(zoo.logisticCycling())).toBe('cycle')
  })
})

describe('evaluations', () => {
  const figures: string[] = []
  for (const tolerance of [1e-3, 1e-5])
    for (const problem of problems.filter((p) => p.picard === 'contractive'))
      test(`Anderson never takes more evaluations than Picard: ${problem.name} to ${tolerance}`, () => {
        within(() => {
          const [a, p] = [solve(problem, anderson(), tolerance), solve(problem, picard(), tolerance)]
          figures.push(`${problem.name} ${tolerance}: picard ${p.stats.evaluations}, anderson ${a.stats.evaluations}`)
          expect(a.status).toBe('converged')
          expect(a.stats.evaluations).toBeLessThanOrEqual(p.stats.evaluations)
          expect(a.stats.sampleEvaluations).toBeLessThanOrEqual(p.stats.sampleEvaluations)
        })
      })
  test('not more than the reference counts, which go to 1e-8 and below in float64', () => {
    within(() => {
      // [problem, sample, Anderson(5) of the reference to 1e-8 … 1e-12]: float32 ends at 1e-6, so fewer steps are due.
      const reference: [ZooProblem, number, number][] = [
        [zoo.dottie(), 0, 9],
        [zoo.kepler(), 3, 15],
        [zoo.logisticCycling(), 0, 10],
        [zoo.jordan(), 0, 5],
        [zoo.expansive(), 0, 5],
        [zoo.bellman(), 0, 9],
      ]
      for (const [problem, sample, most] of reference) {
        const taken = solve(problem, anderson()).stats.perSample.steps[sample]!
        figures.push(`${problem.name}: ${taken} (reference ${most})`)
        expect({ [problem.name]: taken <= Math.ceil(most * 1.25) }).toEqual({ [problem.name]: true })
      }
    })
    console.log(`[${tf.getBackend()}] ${figures.join('\n')}`)
  })
})
