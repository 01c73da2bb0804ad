import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Solution, Solver, StopRule } from '@equilibria/spec'
import { defineOperator, equilibrium } from '@equilibria/core'
import { anderson, auto, bounded, levenbergMarquardt, newtonKrylov, picard } from '@equilibria/solvers'
import {
  monotone,
  nonlinearSolve23,
  published,
  rootResidual,
  runChecks,
  solverChecks,
  zoo,
  type ZooProblem,
  zooError,
} from '@equilibria/conformance'

describe('auto', () => runChecks(test, solverChecks(auto)))

/** Solves and hands over plain numbers; insists that no tensor is left. */
function run(
  problem: Pick<ZooProblem, 'operator' | 'input'>,
  solver: Solver,
  settings: { tolerance?: number; maxSteps?: number } = {},
): Pick<Solution, 'status' | 'stats'> & { readonly error: number; readonly values: number[] } {
  const before = tf.memory().numTensors
  const x = problem.input()
  const { state, status, stats } = equilibrium(problem.operator(), {
    solver,
    tolerance: 1e-6,
    maxSteps: 1000,
    ...settings,
  }).solve(x)
  const error = 'answers' in problem ? zooError(problem as ZooProblem, state) : 0
  const values = Array.from(state.dataSync())
  tf.dispose([x, state])
  expect(tf.memory().numTensors).toBe(before)
  return { status, stats, error, values }
}
const route = ({ stats }: Pick<Solution, 'stats'>): string[] =>
  stats.perSample.tried!.map((attempts) => attempts.map((a) => `${a.solver} ${a.status}`).join(', '))

describe('every problem with a known answer', () => {
  const lines: string[] = []
  for (const [name, make] of [...Object.entries(zoo), ...Object.entries(published)]) {
    // The flow problem takes seconds: it is in the slow lane, with the comparison of all methods.
    if (name === 'navierStokes') continue
    test(`auto × ${name}`, () => {
      const problem = make()
      const found = run(problem, auto())
      // Moving on pays, or does not happen: the samples that Anderson's method solves alone cost no more here.
      const alone = run(problem, anderson())
      if (['converged', 'floor'].includes(alone.status))
        expect(found.stats.evaluations).toBeLessThanOrEqual(alone.stats.evaluations)
      lines.push(
        `${problem.name}: ${found.stats.evaluations} evaluations; ${found.stats.notes.join('; ') || 'anderson'}`,
      )
      // `floor`: as exact as float32 gets, though 1e-6 was asked for.
      expect(['converged', 'floor']).toContain(found.status)
      expect(found.error).toBeLessThan(problem.tolerance)
    })
  }
  test('(their figures)', () => {
    console.log(`[${tf.getBackend()}]\n${lines.join('\n')}`)
    expect(lines.length).toBeGreaterThan(30)
  })
})

/** `z = x − z³`, and `x` large enough to throw Picard out. */
const cubic = {
  operator: () =>
    defineOperator({
      name: 'cubic',
      initial: (x: tf.Tensor2D) => tf.zerosLike(x),
      apply: (z, x) => tf.sub(x, tf.mul(z, tf.square(z))),
    }),
  input: () => tf.tensor2d([[0.1], [2], [30]]),
}

describe('what was tried', () => {
  test('each row goes its own way, and says so', () => {
    const found = run(cubic, auto({ methods: [{ solver: picard(), patience: 5 }, newtonKrylov()] }))
    expect(found.status).toBe('converged')
    expect(route(found)).toEqual([
      'picard converged',
      expect.stringMatching(/^picard (cycle|diverged|stagnated), newton-krylov converged$/),
      expect.stringMatching(/^picard (diverged|non-finite|stagnated), newton-krylov converged$/),
    ])
    expect(found.stats.notes.join()).toMatch(/picard: 3 samples, 2 went on/)
    expect(found.stats.solver).toBe('auto')
    // z³ + z = 30 and 2, and 0.1
    expect(found.values[1]).toBeCloseTo(1, 5)
    expect(found.values[2]! ** 3 + found.values[2]!).toBeCloseTo(30, 3)
  })
  test('the first method alone where it works, at its cost', () => {
    const [alone, chain] = [run(published.tanhLayer09(), anderson()), run(published.tanhLayer09(), auto())]
    expect(chain.stats.evaluations).toBe(alone.stats.evaluations)
    expect(chain.values).toEqual(alone.values)
    expect(new Set(route(chain))).toEqual(new Set(['anderson converged']))
  })
  test('growth by 38.7 is no alarm: Picard is let through on the non-normal map', () => {
    const jordan = zoo.jordan()
    const found = run(jordan, auto({ methods: [{ solver: picard(), patience: 80 }, anderson()] }))
    expect(new Set(route(found))).toEqual(new Set(['picard converged']))
    expect(found.error).toBeLessThan(jordan.tolerance)
  })
  test('what no method solves ends with the best state, and the statuses of all', () => {
    // z = z + 1 + z²: no fixed point; the smallest residual is 1, at 0.
    const none = {
      operator: () =>
        defineOperator({
          name: 'none',
          initial: (x: tf.Tensor2D) => tf.clone(x),
          apply: (z) => tf.add(tf.add(z, 1), tf.square(z)),
        }),
      input: () => tf.tensor2d([[3], [0.5]]),
    }
    const found = run(none, auto())
    // Given up by all of them, the last included: of 1000 steps most are not taken.
    expect(['stagnated', 'cycle', 'diverged']).toContain(found.status)
    expect(found.stats.steps).toBeLessThan(300)
    for (const attempts of found.stats.perSample.tried!) expect(attempts).toHaveLength(7)
    for (const [b, z] of found.values.entries()) {
      const own = (1 + z ** 2) / Math.max(Math.abs(z), 1)
      expect(found.stats.perSample.residual[b]!).toBeCloseTo(own, 4)
      expect(own).toBeLessThan(1.05)
    }
  })
  test('operators without second gradients are solved, by differences', () => {
    const wood = nonlinearSolve23().find(({ name }) => name === 'wood')!
    const kernel = (): tf.Tensor5D => tf.ones([1, 1, 1, 1, 1])
    /** The identity, by an op whose gradient tfjs cannot differentiate. */
    const same = (z: tf.Tensor2D): tf.Tensor2D =>
      tf.reshape(
        tf.conv3d(tf.reshape(z, [z.shape[0], z.shape[1], 1, 1, 1]) as tf.Tensor5D, kernel(), 1, 'same'),
        z.shape,
      )
    const hidden = {
      input: wood.input,
      operator: () =>
        defineOperator({
          name: 'hidden-wood',
          initial: (x: tf.Tensor2D) => tf.clone(x),
          apply: (z, x) => wood.operator().bind(x).apply(same(z)),
        }),
    }
    expect(() => run(hidden, newtonKrylov())).toThrow(/no gradient/)
    const found = run(hidden, auto(), { tolerance: wood.attainable })
    expect(found.status).toBe('converged')
    expect(route(found)[0]).toMatch(/newton-krylov converged|levenberg-marquardt converged/)
    const { residual, allowed } = rootResidual(wood, found.values, wood.attainable)
    expect(residual).toBeLessThan(allowed)
  })
})

const halving = defineOperator({
  name: 'halving',
  initial: (x: tf.Tensor2D) => tf.zerosLike(x),
  apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
})
const afterThree: StopRule = {
  kind: 'stop-rule',
  spec: 1,
  name: 'after three',
  start:
    () =>
    ({ step }) =>
      step >= 3 ? 'stagnated' : undefined,
}

describe('what a method is for', () => {
  test('strongly monotone operators with a splitting go on to Peaceman–Rachford, unless a box is put around them', () => {
    const problem = monotone.relu()
    const found = run(problem, auto())
    expect(found.status).toBe('converged')
    expect(found.error).toBeLessThan(problem.tolerance)
    expect(new Set(route(found))).toEqual(
      new Set(['anderson converged', 'anderson stagnated, peaceman-rachford converged']),
    )
    const boxed = run(problem, bounded(auto(), { lower: 0 }))
    for (const line of route(boxed)) expect(line).not.toMatch(/peaceman/)
  })
  test('a method that does not suit is passed over, also at the head; the last one runs anyway', () => {
    const never = (solver: Solver): Solver => ({ ...solver, suits: () => false })
    const found = run(cubic, auto({ methods: [never(picard()), newtonKrylov(), never(picard())] }))
    expect(new Set(route(found))).toEqual(new Set(['newton-krylov converged']))
    expect(run(published.kepler(), auto({ methods: [never(picard()), never(anderson())] })).status).toBe('converged')
  })
  test('what is passed over has no say in where the next one starts; a chain that closes ends', () => {
    const x = tf.tensor2d([[1]])
    const passed: Solver = { ...picard(), suits: () => false }
    // z ↦ z/2 + x: three Picard steps from 0 leave the state at 1.75, from where one more has a residual of 0.25/1.75.
    const first: Solver = {
      ...picard(),
      after: { solver: { ...passed, after: { solver: picard(), from: 'best' } }, from: 'start', leave: afterThree },
    }
    const half = { operator: () => halving, input: () => tf.clone(x) }
    const found = run(half, first, { maxSteps: 4 })
    expect(found.stats.perSample.tried![0]![1]!.residual).toBeLessThan(0.2)
    const round: Solver = { ...passed }
    Object.assign(round, { after: { solver: round } })
    expect(run(half, round, { maxSteps: 4 }).status).toBe('max-steps')
    x.dispose()
  })
  test('what runs away is left long before patience ends', () => {
    // z = 2z − 1e-6 x: Picard moves away from 1e-6 x, at first by 1e-6.
    const away = {
      operator: () =>
        defineOperator({
          name: 'away',
          initial: (x: tf.Tensor2D) => tf.zerosLike(x),
          apply: (z, x) => tf.sub(tf.mul(z, 2), tf.mul(x, 1e-6)),
        }),
      input: () => tf.tensor2d([[1]]),
    }
    const found = run(away, auto({ methods: [{ solver: picard(), patience: 1000 }, newtonKrylov()] }), {
      tolerance: 1e-9,
    })
    expect(route(found)).toEqual(['picard diverged, newton-krylov converged'])
    // 2ᵏ exceeds 1e4 at k = 14; a few to spare.
    expect(found.stats.perSample.tried![0]![0]!.steps).toBeLessThan(20)
  })
  test('without maxSteps it gets 500 steps, and a layer or a solve may say otherwise', () => {
    tf.tidy(() => {
      // Picard cannot do it, and is not given up.
      const slow = auto({ methods: [{ solver: picard(), patience: 10_000 }] })
      const layer = (maxSteps?: number, solver: Solver = slow) =>
        equilibrium(
          defineOperator({
            name: 'slow',
            initial: (x: tf.Tensor2D) => tf.zerosLike(x),
            apply: (z, x) => tf.add(tf.mul(z, 0.9999), x),
          }),
          { solver, tolerance: 1e-6, ...(maxSteps === undefined ? {} : { maxSteps }) },
        )
      const x = tf.tensor2d([[1]])
      expect(layer().solve(x).stats.steps).toBe(500)
      expect(layer(7).solve(x).stats.steps).toBe(7)
      expect(layer().solve(x, { maxSteps: 9 }).stats.steps).toBe(9)
      expect(layer(undefined, bounded(slow, { lower: 0 })).solve(x).stats.steps).toBe(500)
      expect(layer(undefined, picard()).solve(x).stats.steps).toBe(50)
    })
  })
})

test('rows are to the bit what they are alone, through several methods', () => {
  const solve = (rows: number[][]) =>
    run({ ...cubic, input: () => tf.tensor2d(rows) }, auto({ methods: [picard(), levenbergMarquardt()] }))
  const together = solve([[0.1], [Number.NaN], [2], [30]])
  expect(together.stats.perSample.status[1]).toBe('non-finite')
  for (const [b, x] of [0.1, undefined, 2, 30].entries())
    if (x !== undefined) expect(together.values[b]).toBe(solve([[x]]).values[0])
})

test('options that are not usable are refused', () => {
  for (const make of [
    () => auto({ methods: [] }),
    () => auto({ methods: [auto()] }),
    () => auto({ methods: [{ solver: picard(), patience: 0 }] }),
    () => auto({ methods: [{ solver: picard(), ratio: 1 }] }),
  ])
    expect(make).toThrow(/auto\(/)
})
