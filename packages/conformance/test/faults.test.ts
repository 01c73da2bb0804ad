import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { LinearSolver, Model, Solver, StopRule, Task } from '@equilibria/spec'
import { defineOperator, residualBelow } from '@equilibria/core'
import { anderson, picard } from '@equilibria/solvers'
import { gmres, neumann } from '@equilibria/solvers/linear'
import {
  type Check,
  linearSolverChecks,
  runChecks,
  sampleChecks,
  solverChecks,
  stopRuleChecks,
  taskChecks,
  zoo,
} from '@equilibria/conformance'
import { toyTask } from './toy-task.ts'

/** What each failing check says. */
const failing = async (checks: readonly Check[]): Promise<string[]> => {
  const out: string[] = []
  for (const check of checks)
    try {
      await check.run()
    } catch (error) {
      out.push(`${check.name} — ${(error as Error).message.split('\n')[0]}`)
    }
  return out
}
const said = async (checks: readonly Check[]): Promise<string> => (await failing(checks)).join('\n')

describe('what is right passes', () => {
  runChecks(test, taskChecks('toy', toyTask))
  for (const make of [() => gmres(), () => gmres({ restart: 2 }), () => neumann()])
    runChecks(test, linearSolverChecks(make))
  for (const make of [() => picard({ damping: 0.7 }), () => anderson({ memory: 1 })])
    runChecks(test, solverChecks(make))
  runChecks(
    test,
    stopRuleChecks(() => residualBelow(1e-3)),
  )
  for (const make of [zoo.affine, zoo.kepler, zoo.dottie, zoo.tanhDeq, zoo.relu, zoo.expansive])
    runChecks(test, sampleChecks(`zoo/${make().name}`, make() as never))
})

describe('operators', () => {
  const sample = zoo.affine()
  const withApply = (apply: (z: tf.Tensor2D, x: tf.Tensor2D) => tf.Tensor, traits = {}) =>
    sampleChecks('bad', {
      ...sample,
      expected: undefined as never,
      operator: () =>
        defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'bad',
          traits,
          initial: (x) => tf.zeros([x.shape[0], 2]),
          apply,
        }),
    } as never)
  const mean = (z: tf.Tensor2D) => tf.add(tf.mul(z, 0.4), tf.add(tf.mul(tf.mean(z, 0, true), 0.1), 1))
  test('rows that touch each other', async () => {
    expect(await said(withApply(mean))).toMatch(/rows do not touch.*Row 0 of f moved by/)
  })
  test('rows that are declared to touch each other are not blamed', async () => {
    expect(await said(withApply(mean, { rowwise: false }))).not.toMatch(/moved by/)
  })
  test('compaction that changes the answer', async () => {
    // The map depends on how many samples there are: alone it leads elsewhere.
    const bad = withApply((z, x) => tf.add(tf.mul(tf.sin(z), tf.slice(x, [0, 0], [-1, 1])), z.shape[0]))
    expect(await said(bad)).toMatch(/compaction changes nothing — The answer moved by/)
  })
  test('a sample that says it is not differentiable is not differentiated', async () => {
    const kinked = { ...sample, differentiable: false, operator: () => ({ ...sample.operator() }) }
    expect(await failing(sampleChecks('ok', kinked as never))).toEqual([])
  })
})

describe('solvers', () => {
  const bad = (step: (s: Solver<null>) => Solver['step']) => () =>
    ({ ...picard(), name: 'bad', step: step(picard()) }) as Solver
  test('one that reports another residual', async () => {
    const make = bad((p) => (problem, z) => {
      const s = p.step(problem, z, null)
      return { ...s, residual: tf.mul(s.residual, 0.1) }
    })
    expect(await said(solverChecks(make))).toMatch(/reports the residual of the iterate/)
  })
  test('one that spreads NaN', async () => {
    const make = bad((p) => (problem, z) => {
      const s = p.step(problem, z, null)
      return { ...s, next: tf.add(s.next, tf.mul(tf.sum(s.residual), 0)) }
    })
    expect(await said(solverChecks(make))).toMatch(/NaN in one row touches no other/)
  })
  test('one whose memory is not one row per sample', async () => {
    const make = () =>
      ({
        ...picard(),
        name: 'bad',
        init: () => tf.zeros([2]),
        step: (p, z, m) => ({ ...picard().step(p, z, null), memory: m }),
      }) as Solver
    expect(await said(solverChecks(make))).toMatch(/remembers a tensor \(2\)/)
  })
})

describe('linear solvers', () => {
  const bad =
    (change: (found: ReturnType<LinearSolver['solve']>) => Partial<ReturnType<LinearSolver['solve']>>) =>
    (): LinearSolver => ({
      ...gmres(),
      name: 'bad',
      solve: (apply, v, options) => {
        const found = gmres().solve(apply, v, options)
        return { ...found, ...change(found) }
      },
    })
  test('one that flatters itself', async () => {
    expect(await said(linearSolverChecks(bad((f) => ({ residual: f.residual.map((r) => r / 2) }))))).toMatch(
      /residual it reports/,
    )
  })
  test('one that is wrong', async () => {
    expect(await said(linearSolverChecks(bad((f) => ({ u: tf.mul(f.u, 1.001) }))))).toMatch(/Off by/)
  })
  test('one that keeps a tensor', async () => {
    expect(await said(linearSolverChecks(bad((f) => ({ u: tf.keep(tf.clone(f.u)) }))))).toMatch(/leaked/)
  })
})

test('a stop rule that remembers the last solve, and one that mixes samples', async () => {
  let count = 0
  const forgetful: StopRule = {
    ...residualBelow(1e-3),
    name: 'remembers',
    start: () => () => (++count > 100 ? 'converged' : undefined),
  }
  expect(await said(stopRuleChecks(() => forgetful))).toMatch(/ended otherwise/)
  const mixed: StopRule = {
    ...residualBelow(1e-3),
    name: 'mixes',
    start: () => {
      let calls = 0
      return () => (++calls > 50 ? 'stagnated' : undefined)
    },
  }
  expect(await said(stopRuleChecks(() => mixed))).toMatch(/judged otherwise in company/)
  expect(await said(stopRuleChecks(() => ({ ...mixed, start: () => () => 'done' as never })))).toMatch(
    /answered "done"/,
  )
})

describe('tasks', () => {
  type Toy = ReturnType<typeof toyTask>
  const bad = (change: (task: Toy) => Partial<Toy>) =>
    said(taskChecks('bad', () => ({ ...toyTask(), ...change(toyTask()) })))
  const implicit = (
    task: Toy,
    change: (model: Model<tf.Tensor2D, tf.Tensor2D>) => Partial<Model<tf.Tensor2D, tf.Tensor2D>>,
  ) => ({
    models: {
      ...task.models,
      implicit: (o?: object) => {
        const model = task.models['implicit']!(o)
        return { ...model, ...change(model) }
      },
    },
  })
  test('data that ignores its seed by using the clock', async () => {
    let calls = 0
    const data: Task<tf.Tensor2D, tf.Tensor2D>['data'] = (o) => toyTask().data({ ...o, seed: ++calls })
    expect(await bad(() => ({ data }))).toMatch(/same seed gave other data/)
  })
  test('a missing baseline', async () => {
    expect(await bad((t) => ({ models: { implicit: t.models['implicit']! } }))).toMatch(/no model "explicit"/)
  })
  test('a wrong parameter count', async () => {
    expect(await bad((t) => implicit(t, () => ({ parameterCount: 8 })))).toMatch(/says it has 8 parameters.*hold 9/)
  })
  test('a loss that is no scalar, or NaN, or reaches nothing', async () => {
    expect(await bad(() => ({ loss: (p, y) => tf.squaredDifference(p, y) as never }))).toMatch(/loss/)
    expect(await bad(() => ({ loss: (p) => tf.mean(tf.mul(p, Number.NaN)) }))).toMatch(/loss is NaN/)
    expect(await bad(() => ({ loss: (p) => tf.mean(tf.mul(p, 0)) }))).toMatch(/exactly 0/)
  })
  test('a metric of the wrong length', async () => {
    expect(await bad((t) => ({ metrics: [{ ...t.metrics[0]!, measure: () => new Float32Array(2) }] }))).toMatch(
      /gave 2 numbers for 3 samples/,
    )
  })
  test('a trajectory at other depths, and one that hides its evaluations', async () => {
    expect(
      await bad((t) =>
        implicit(t, (m) => ({
          trajectory: (x, s) =>
            m.trajectory(
              x,
              s.map((k) => k + 1),
            ),
        })),
      ),
    ).toMatch(/asked for depths 1,2,4 and answered at 2,3,5/)
    expect(
      await bad((t) =>
        implicit(t, (m) => ({ trajectory: (x, s) => m.trajectory(x, s).map((p) => ({ ...p, evaluations: 1 })) })),
      ),
    ).toMatch(/Evaluations do not grow/)
  })
  test('a perturbation of another radius', async () => {
    expect(
      await bad((t) => ({
        perturbations: [
          { name: 'far', apply: (x, o) => t.perturbations[0]!.apply(x, { ...o, radius: 1.1 * o.radius }) },
        ],
      })),
    ).toMatch(/moved sample 0 by 1\.1/)
  })
  test('a model that keeps tensors', async () => {
    const kept: tf.Tensor[] = []
    expect(
      await bad((t) =>
        implicit(t, (m) => ({
          predict: (x, c) => {
            kept.push(tf.keep(tf.clone(x)))
            return m.predict(x, c)
          },
        })),
      ),
    ).toMatch(/leaked|left/)
    tf.dispose(kept)
  })
})
