/*
 * What a linear solver spends per product beside the products: `A` is a diagonal, one multiplication, with a spectrum that
 * no method exhausts. `before` is sixteen products of the solver, `after` sixteen of a Neumann series, which does next to
 * nothing else. `direct()` is missing: it writes matrices out and has no steps.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { LinearSolver, Vector } from '@equilibria/spec'
import { bicgstab, cg, gmres, minres, neumann } from '@equilibria/solvers/linear'
import type { Bench } from '../src/compare.ts'

const PRODUCTS = 16

const solvers: readonly [string, LinearSolver][] = [
  ['gmres', gmres({ fallback: 'none' })],
  ['bicgstab', bicgstab()],
  ['cg', cg()],
  ['minres', minres()],
]

export function benches(): readonly Bench[] {
  return [
    [64, 128],
    [1, 64],
  ].flatMap(([batch, size]) => {
    // Eigenvalues in (−1, 1), all different: I − A is positive definite, and 16 products solve nothing.
    const spectrum = tf.tensor1d(Array.from({ length: size! }, (_, i) => Math.cos((Math.PI * (i + 0.5)) / size!)))
    const v = tf.randomNormal([batch!, size!], 0, 1, 'float32', 7) as Vector
    const run = (solver: LinearSolver) => () => {
      const { u, steps } = solver.solve((w) => tf.mul(w, spectrum), v, { tolerance: 0, maxSteps: PRODUCTS })
      u.dispose()
      if (steps !== PRODUCTS) throw new Error(`${solver.name} took ${steps} products, not ${PRODUCTS}.`)
    }
    const series = run(neumann())
    return solvers.map(([name, solver]): Bench => ({
      name: `${name}, [${batch}, ${size}], ${PRODUCTS} products`,
      before: run(solver),
      after: series,
    }))
  })
}
