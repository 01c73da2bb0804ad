import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { defineOperator, EquilibriaError, equilibrium } from '@equilibria/core'
import { autoGradient, equilibriumJvp, implicit } from '@equilibria/implicit-diff'
import { anderson, chebyshev } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'

const refusal = (fn: () => unknown): string => {
  try {
    fn()
  } catch (error) {
    if (EquilibriaError.is(error) && error.code === 'option') return error.message
    throw error
  }
  return ''
}
// Plain JavaScript has no types to stop it.
const js = (value: unknown) => value as never

test('a solver left out, not made, or of the wrong kind is named where it is passed', () => {
  const half = defineOperator({
    name: 'half',
    initial: (x: tf.Tensor2D) => tf.zerosLike(x),
    apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
  })
  const before = tf.memory().numTensors
  const x = tf.ones<tf.Rank.R2>([1, 2])
  expect(refusal(() => implicit(js({})))).toMatch(
    /implicit\(\{ solver \}\) is undefined, where a linear-solver or a solver/,
  )
  expect(refusal(() => implicit(js(undefined)))).toMatch(/is undefined/)
  expect(refusal(() => implicit(js({ solver: gmres })))).toMatch(/is a function.*\n.*Call it: gmres\(\)/)
  expect(refusal(() => autoGradient(js({})))).toMatch(/autoGradient\(\{ krylov \}\) is undefined/)
  expect(refusal(() => autoGradient({ krylov: js(anderson()) }))).toMatch(
    /is a solver, where a linear-solver is needed/,
  )
  expect(refusal(() => equilibrium(half, { solver: js(gmres()) }))).toMatch(/is a linear-solver, where a solver/)
  const layer = equilibrium(half, { solver: anderson() })
  expect(refusal(() => equilibriumJvp(layer, x, x, js({})))).toMatch(/equilibriumJvp\(\{ solver \}\) is undefined/)
  x.dispose()
  expect(tf.memory().numTensors).toBe(before)
})

test('what chebyshev() was told is said back', () => {
  expect(refusal(() => chebyshev({}))).toMatch(/got nothing, which is no spectrum/)
  expect(refusal(() => chebyshev({ radius: 2 }))).toMatch(/got the radius 2, which/)
  expect(refusal(() => chebyshev({ radius: 0.5, interval: [0, 0.5] }))).toMatch(
    /the radius 0.5 and the interval \[0, 0.5\]/,
  )
})
