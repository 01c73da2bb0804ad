/*
 * What a solver spends per step beside evaluations: G only hands out tensors made beforehand, and
 * a product with its Jacobian is one multiplication. `before` is twenty steps of the solver under the driver, `after` twenty of Picard; a twentieth of the
 * milliseconds is the overhead of one step, and `before / after` the ratio to Picard in the same run.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Problem, Solver, Vector } from '@equilibria/spec'
import { drive, referenceKernels, residualBelow } from '@equilibria/core'
import {
  aitken,
  anderson,
  andersonI,
  auto,
  broyden,
  chebyshev,
  davisYin,
  douglasRachford,
  forwardBackward,
  halpern,
  krasnoselskiiMann,
  levenbergMarquardt,
  minimalPolynomial,
  newtonKrylov,
  peacemanRachford,
  picard,
  pseudoTransient,
  reducedRank,
  vectorEpsilon,
} from '@equilibria/solvers'
import type { Bench } from '../src/compare.ts'

const STEPS = 20

const solvers: readonly [string, () => Solver][] = [
  ['picard', () => picard()],
  ['krasnoselskiiMann', () => krasnoselskiiMann()],
  ['halpern', () => halpern()],
  ['aitken', () => aitken()],
  ['chebyshev', () => chebyshev({ radius: 0.9 })],
  ['reducedRank', () => reducedRank()],
  ['minimalPolynomial', () => minimalPolynomial()],
  ['vectorEpsilon', () => vectorEpsilon()],
  ['anderson', () => anderson()],
  ['andersonI', () => andersonI()],
  ['broyden', () => broyden()],
  ['broyden, bad', () => broyden({ update: 'bad' })],
  ['pseudoTransient', () => pseudoTransient()],
  ['newtonKrylov', () => newtonKrylov()],
  ['levenbergMarquardt', () => levenbergMarquardt()],
  ['auto', () => auto()],
  ['forwardBackward', () => forwardBackward()],
  ['peacemanRachford', () => peacemanRachford()],
  ['douglasRachford', () => douglasRachford()],
  ['davisYin', () => davisYin()],
]

/** Values that close in on a target from changing directions, whatever state is asked about. */
function free(batch: number, size: number): { problem: () => Problem; start: Vector } {
  const draw = (seed: number, scale: number) => tf.randomNormal([batch, size], 0, scale, 'float32', seed) as Vector
  const values = Array.from({ length: STEPS + 1 }, (_, k) => draw(k + 1, 0.8 ** k))
  // J = I/2: Newton's linear systems end after a product or two, and what is timed is what is around them.
  const product = (v: Vector): Vector => tf.mul(v, 0.5)
  const problem = (): Problem => {
    let calls = 0
    // A clone shares its values: the driver owns, and frees, what it is handed.
    const apply = () => tf.clone(values[calls++ % values.length]!) as Vector
    return {
      batch,
      size,
      traits: {},
      kernels: referenceKernels,
      apply,
      linearize: () => ({ value: apply(), vjp: product, jvp: product, dispose: () => {} }),
      splitting: {
        monotonicity: 0.5,
        lipschitz: 2,
        resolventA: product,
        resolventB: product,
        applyA: product,
      },
    }
  }
  return { problem, start: tf.zeros([batch, size]) as Vector }
}

export function benches(): readonly Bench[] {
  return [
    [64, 128],
    [1, 16],
  ].flatMap(([batch, size]) => {
    const { problem, start } = free(batch!, size!)
    const run = (make: () => Solver) => () => {
      const { z } = drive(problem(), make(), start, {
        stop: residualBelow(0),
        maxSteps: STEPS,
        compaction: false,
        measureLast: false,
      })
      z.dispose()
    }
    return solvers.map(([name, make]): Bench => ({
      name: `${name}, [${batch}, ${size}], ${STEPS} steps`,
      before: run(make),
      after: run(() => picard()),
    }))
  })
}
