import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { anderson, picard } from '@equilibria/solvers'
import { zoo } from '@equilibria/conformance'

const depths = [0, 1, 2, 5, 9]
test.each([
  ['picard', () => picard()],
  ['anderson', () => anderson({ memory: 3 })],
] as const)(
  'trajectory of %s: the states and residuals of as many separate solves, and no tensor left',
  (_name, make) => {
    for (const problem of [zoo.kepler(), zoo.tanhDeq(), zoo.jordan()]) {
      const x = problem.input()
      const before = tf.memory().numTensors
      tf.tidy(() => {
        const layer = equilibrium(problem.operator(), { solver: make() })
        const points = layer.trajectory(x, depths)
        expect(points.map((p) => p.steps)).toEqual(depths)
        for (const point of points) {
          const { state, stats } = layer.solve(x, { steps: point.steps, tolerance: 0 })
          expect(Array.from(point.state.dataSync())).toEqual(Array.from(state.dataSync())) // the same operations: to the bit
          expect([...point.residual]).toEqual([...stats.perSample.residual])
        }
      })
      expect(tf.memory().numTensors).toBe(before)
      x.dispose()
    }
  },
)

test('a trajectory whose operator throws half way leaves nothing behind', () => {
  const problem = zoo.kepler()
  const x = problem.input()
  const before = tf.memory().numTensors
  for (let at = 1; at <= 6; at++) {
    let calls = 0
    const operator = problem.operator()
    const failing = {
      ...operator,
      bind: (input: tf.Tensor2D) => {
        const bound = operator.bind(input)
        return {
          initial: bound.initial,
          apply: (z: tf.Tensor2D) => {
            if (++calls === at) throw new Error('boom')
            return bound.apply(z)
          },
        }
      },
    }
    expect(() => equilibrium(failing, { solver: anderson() }).trajectory(x, [1, 3, 8])).toThrow('boom')
    expect(tf.memory().numTensors).toBe(before)
  }
  x.dispose()
})

test('asynchronously: the same answer, progress on the way, and an abort in the middle of several starts', async () => {
  const problem = zoo.kepler()
  const x = problem.input()
  const before = tf.memory().numTensors
  const layer = equilibrium(problem.operator(), { solver: picard(), tolerance: 1e-6, maxSteps: 500 })
  const [sync, later] = [layer.solve(x), await layer.solveAsync(x)]
  expect(Array.from(later.state.dataSync())).toEqual(Array.from(sync.state.dataSync()))
  const stop = new AbortController()
  let seen = 0
  const aborted = await layer.solveAsync(x, {
    breadth: { starts: 3, seed: 4 },
    signal: stop.signal,
    onProgress: () => {
      if (++seen === 20) stop.abort()
    },
  })
  expect(aborted.status).toBe('aborted')
  expect(seen).toBe(20)
  tf.dispose([sync.state, later.state, aborted.state])
  expect(tf.memory().numTensors).toBe(before)
  x.dispose()
})

test('several starts keep the better state per sample, and agree with one start where there is one answer', () => {
  tf.tidy(() => {
    const problem = zoo.kepler()
    const x = problem.input()
    const layer = equilibrium(problem.operator(), { solver: anderson(), tolerance: 1e-6, maxSteps: 300 })
    const [one, many] = [layer.solve(x), layer.solve(x, { breadth: { starts: 4, noise: 0.5 } })]
    many.stats.perSample.residual.forEach((r, b) => expect(r).toBeLessThanOrEqual(one.stats.perSample.residual[b]!))
    const want = problem.answers.flat()
    const worst = Math.max(...Array.from(many.state.dataSync(), (v, i) => Math.abs(v - want[i]!)))
    expect(worst).toBeLessThan(problem.tolerance)
  })
})
