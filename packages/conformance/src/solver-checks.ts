import * as tf from '@tensorflow/tfjs-core'
import type { Problem, Solver, Splitting, Vector } from '@equilibria/spec'
import { assertConverged, defineOperator, drive, equilibrium, referenceKernels, residualBelow } from '@equilibria/core'
import { linearize } from '@equilibria/tensor'
import { type Check, distance, expectThat, leakless, leaklessFailure, values } from './check.ts'

type Rows = { readonly a: tf.Tensor2D; readonly b: tf.Tensor2D }

/** `z = a z + b`, a modulus per row: answer `b / (1 − a)`. */
const plain = defineOperator<tf.Tensor2D, Rows>({
  name: 'affine',
  initial: ({ b }) => tf.zerosLike(b),
  apply: (z, { a, b }) => tf.add(tf.mul(z, a), b),
})
/** `z = a cos z + b`: nothing solves it in one step. */
const wave = defineOperator<tf.Tensor2D, Rows>({
  name: 'wave',
  initial: ({ b }) => tf.zerosLike(b),
  apply: (z, { a, b }) => tf.add(tf.mul(tf.cos(z), a), b),
})
/** The same with its monotone parts, for splitting methods: `A z = (1 − a) z − b`, no `B`. */
const affine: typeof plain = { ...plain, bind: (x) => ({ ...plain.bind(x), splitting: partsOf(x.a, x.b) }) }
const partsOf = (a: tf.Tensor2D | number, b: tf.Tensor2D | number): Splitting<Vector> => ({
  applyA: (v) => tf.sub(tf.mul(v, tf.sub(1, a)), b) as Vector,
  resolventA: (v, alpha) => tf.div(tf.add(v, tf.mul(b, alpha)), tf.add(tf.mul(tf.sub(1, a), alpha), 1)) as Vector,
  resolventB: (v) => v,
})
const rows = (a: number[], b: number[][]): Rows => ({ a: tf.tensor2d(a, [a.length, 1]), b: tf.tensor2d(b) })

/**
 * Checks on a fixed-point solver: it finds known answers, treats every row as if it were alone (NaN and compaction
 * included), says so when it does not get there, stops when asked, and owns no tensor afterwards, whatever happened.
 */
export function solverChecks(make: () => Solver): Check[] {
  const name = make().name
  const solve = (x: Rows, maxSteps = 100, compaction: false | { every: number; below: number } = false) =>
    equilibrium(affine, { solver: make(), maxSteps, tolerance: 1e-5, compaction }).solve(x)
  return [
    {
      name: `${name}: solves z = z/2 + b`,
      run: () =>
        leakless(name, () => {
          const s = assertConverged(
            solve(
              rows(
                [0.5, 0.5],
                [
                  [1, 2],
                  [3, -4],
                ],
              ),
            ),
          )
          // error ≤ residual / (1 − a) = 1e-5 · 10 / 0.5, times 5
          expectThat(distance(values(s.state), [2, 4, 6, -8]) < 1e-3, `Got ${values(s.state)}.`)
        }),
    },
    {
      name: `${name}: each row is solved as if alone`,
      run: () =>
        leakless(name, () => {
          const [together, alone] = [
            solve(
              rows(
                [0.9, 0.9],
                [
                  [1, 2],
                  [1e-3, 5],
                ],
              ),
            ),
            solve(rows([0.9], [[1, 2]])),
          ]
          const gap = distance(values(together.state).slice(0, 2), values(alone.state))
          expectThat(gap < 1e-5, `Row 0 moved by ${gap.toExponential(1)} when it got company.`)
        }),
    },
    {
      name: `${name}: NaN in one row touches no other`,
      run: () =>
        leakless(name, () => {
          const [whole, spoilt] = [
            solve(rows([0.5, 0.6, 0.7], [[1], [2], [3]])),
            solve(rows([0.5, 0.6, 0.7], [[1], [Number.NaN], [3]])),
          ]
          const [a, b] = [values(whole.state), values(spoilt.state)]
          expectThat(
            distance([a[0]!, a[2]!], [b[0]!, b[2]!]) < 1e-5 && spoilt.stats.perSample.status[0] === 'converged',
            `A NaN in row 1 turned [${a}] into [${b}].`,
          )
        }),
    },
    {
      name: `${name}: the same answer when finished rows leave the batch`,
      run: () =>
        leakless(name, () => {
          const x = rows(
            [0.1, 0.8, 0.3, 0.6],
            [
              [1, 0],
              [2, 1],
              [3, -1],
              [4, 2],
            ],
          )
          const [whole, parts] = [solve(x), solve(x, 100, { every: 1, below: 1 })]
          const gap = distance(values(whole.state), values(parts.state))
          expectThat(
            gap < 1e-5,
            `The answer moved by ${gap.toExponential(1)}: is every tensor of the memory [batch, …]?`,
          )
        }),
    },
    {
      name: `${name}: reports the residual of the iterate it was given`,
      run: () =>
        leakless(name, () => {
          const x = rows([0.5], [[1, 2]])
          const [z, r] = measured(make(), x)
          // For this map the residual is b − z/2, in float32.
          const gap = distance(r, [1 - z[0]! / 2, 2 - z[1]! / 2])
          expectThat(gap < 1e-6, `The reported residual is off by ${gap.toExponential(1)}.`)
        }),
    },
    {
      name: `${name}: says so when it does not converge`,
      run: () =>
        leakless(name, () => {
          const x = rows([0.9], [[1, 1]])
          const once = (operator: typeof plain) =>
            equilibrium(operator, { solver: make(), maxSteps: 1, tolerance: 1e-5 }).solve(x).status
          const status = once(affine)
          if (status === 'converged') expectThat(once(wave) === 'max-steps', 'Expected "max-steps" of a curved map.')
          else expectThat(status === 'max-steps', `Expected "max-steps", got "${status}".`)
        }),
    },
    {
      name: `${name}: says so on NaN`,
      run: () =>
        leakless(name, () => {
          expectThat(solve(rows([0.5], [[Number.NaN, 1]])).status === 'non-finite', 'Expected "non-finite".')
        }),
    },
    {
      name: `${name}: stops when asked`,
      run: () =>
        leakless(name, () => {
          const stop = new AbortController()
          const s = equilibrium(affine, { solver: make(), maxSteps: 100, tolerance: 1e-9 }).solve(
            rows([0.999], [[1, 2]]),
            {
              signal: stop.signal,
              onProgress: ({ step }) => {
                if (step === 2) stop.abort()
              },
            },
          )
          expectThat(s.status === 'aborted' || s.status === 'converged', `Expected "aborted", got "${s.status}".`)
          expectThat(s.stats.steps <= 3, `Ran ${s.stats.steps} steps after being stopped at 2.`)
        }),
    },
    {
      name: `${name}: owns no tensor after an exception in f`,
      run: () => {
        for (let at = 1; at <= 8; at++) failAt(name, make, at)
      },
    },
  ]
}

/** The iterate that a third step is given, and the residual it reports. */
function measured(solver: Solver, { a, b }: Rows): [number[], number[]] {
  const apply = (z: Vector): Vector => tf.add(tf.mul(z, a), b)
  const problem: Problem = {
    batch: 1,
    size: 2,
    traits: {},
    kernels: referenceKernels,
    apply,
    splitting: partsOf(a, b),
    linearize: (z) => linearize(apply, z),
  }
  let z: Vector = tf.zeros([1, 2])
  let memory = solver.init(problem, z)
  for (let k = 0; k < 2; k++) {
    const step = solver.step(problem, z, memory)
    z = step.next
    memory = step.memory
  }
  return [values(z), values(solver.step(problem, z, memory).residual)]
}

function failAt(name: string, make: () => Solver, at: number): void {
  const z0: Vector = tf.zeros([1, 1])
  try {
    leaklessFailure(name, () => {
      let calls = 0
      const apply = (z: Vector): Vector => {
        if (++calls >= at) throw new Error('boom')
        return tf.add(tf.mul(z, 0.9), 1)
      }
      const problem: Problem = {
        batch: 1,
        size: 1,
        traits: {},
        kernels: referenceKernels,
        apply,
        splitting: partsOf(0.9, 1),
        linearize: (z) => linearize(apply, z),
      }
      drive(problem, make(), z0, { stop: residualBelow(0), maxSteps: 50 }).z.dispose()
      // A solver that got there before the failure has nothing to show here.
      if (calls < at) throw new Error('boom')
    })
  } finally {
    z0.dispose()
  }
}
