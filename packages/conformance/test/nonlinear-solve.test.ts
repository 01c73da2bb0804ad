import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { auto } from '@equilibria/solvers'
import { nonlinearSolve23, rootResidual } from '@equilibria/conformance'

const systems = nonlinearSolve23()

test('there are 23, in their published order', () => {
  expect(systems.map((s) => s.number)).toEqual(Array.from({ length: 23 }, (_, i) => i + 1))
  expect(new Set(systems.map((s) => s.name)).size).toBe(23)
})

describe('definitions', () => {
  for (const system of systems) {
    test(`${system.name}: the known roots are roots, to float64`, () => {
      for (const root of system.roots) {
        // 1e-15 of the largest |J| |z| of the set, 2.4e3, is 2.4e-12
        expect(Math.hypot(...system.host(root))).toBeLessThan(2.4e-12)
      }
    })
    test(`${system.name}: the operator is z − f(z), f as written down in float64`, () => {
      // At the start and on both sides of it: no entry is special there (but for the zeros of the starts).
      const points = [0, 0.37, -0.21].map((shift) => system.start.map((v, i) => Math.fround(v + shift * (1 + (i % 3)))))
      const got = tf.tidy(() => {
        const z = tf.tensor2d(points)
        return tf.sub(z, system.operator().bind(z).apply(z) as tf.Tensor).dataSync()
      })
      points.forEach((z, b) => {
        const want = system.host(z)
        // Terms of f are at most some hundred times its largest entry or 1, and rounded some tens of times.
        const size = Math.max(1, ...want.map(Math.abs), ...z.map(Math.abs))
        want.forEach((w, i) => expect(Math.abs(got[b * system.size + i]! - w)).toBeLessThan(300 * 2 ** -24 * size))
      })
    })
  }
})

test('auto() solves 23 of 23', () => {
  const table = systems.map((system) => {
    const before = tf.memory().numTensors
    const x = system.input()
    const { state, status, stats } = equilibrium(system.operator(), {
      solver: auto(),
      tolerance: system.attainable,
      maxSteps: 1000,
    }).solve(x)
    const { residual, allowed } = rootResidual(system, state.dataSync(), system.attainable)
    tf.dispose([x, state])
    expect(tf.memory().numTensors).toBe(before)
    const tried = stats.perSample.tried![0]!
    return { system, status, residual, allowed, evaluations: stats.evaluations, tried }
  })
  const line = ({ system, status, residual, evaluations, tried }: (typeof table)[number]) =>
    `${system.number}. ${system.name}: ${status} by ${tried.at(-1)!.solver}, ${evaluations} evaluations, ‖f‖ = ${residual.toExponential(1)} (asked ${system.attainable.toExponential(1)})`
  console.log(`[${tf.getBackend()}]\n${table.map(line).join('\n')}`)
  expect(table.filter(({ status }) => status !== 'converged').map(line)).toEqual([])
  expect(table.filter(({ residual, allowed }) => !(residual <= allowed)).map(line)).toEqual([])
  // What NonlinearSolve.jl's own tests of this set ask for.
  expect(table.filter(({ residual }) => !(residual <= 1e-4)).map(line)).toEqual([])
})
