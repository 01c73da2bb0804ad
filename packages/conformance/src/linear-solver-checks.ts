import * as tf from '@tensorflow/tfjs-core'
import type { LinearSolver, Vector } from '@equilibria/spec'
import { type Check, distance, expectThat, leakless, leaklessFailure, values } from './check.ts'

/* A non-normal contraction: ‖A‖₂ ≈ 0.6, so that a Neumann series gets there too. Rows are samples: u ↦ u M. */
const M = [
  [0.3, 0.4, 0],
  [0, 0.2, -0.3],
  [0.1, 0, 0.4],
]
/* For methods that need it: symmetric, spectrum in (−0.2, 0.7), so that I − A is positive definite. */
const SYMMETRIC = [
  [0.3, 0.2, 0],
  [0.2, 0.1, -0.3],
  [0, -0.3, 0.4],
]
const right = [
  [1, -2, 0.5],
  [0.1, 3, -1],
]

/** `u (I − M) = v` by Cramer's rule, float64. */
function exactly(M: readonly (readonly number[])[], v: readonly number[]): number[] {
  const a = M.map((row, i) => row.map((m, j) => Number(i === j) - m)) // u a = v, so aᵀ uᵀ = vᵀ
  const det = (m: readonly (readonly number[])[]) =>
    m[0]![0]! * (m[1]![1]! * m[2]![2]! - m[1]![2]! * m[2]![1]!) -
    m[0]![1]! * (m[1]![0]! * m[2]![2]! - m[1]![2]! * m[2]![0]!) +
    m[0]![2]! * (m[1]![0]! * m[2]![1]! - m[1]![1]! * m[2]![0]!)
  return [0, 1, 2].map((i) => det(a.map((row, k) => (k === i ? [...v] : row))) / det(a))
}

/**
 * Checks on a linear solver for `u − A u = v`: the known answer, an honest residual, rows that do not touch each other,
 * a budget that is kept, a warm start that helps, options that are checked, and no tensor left, on success and on an
 * exception. `symmetric`: ask for nothing but symmetric positive definite systems.
 */
export function linearSolverChecks(
  make: () => LinearSolver,
  { symmetric = false }: { readonly symmetric?: boolean } = {},
): Check[] {
  const matrix = symmetric ? SYMMETRIC : M
  const exact = (v: readonly number[]) => exactly(matrix, v)
  const name = make().name
  const options = { tolerance: 1e-6, maxSteps: 100 }
  const apply = (u: Vector): Vector => tf.matMul(u, tf.tensor2d(matrix))
  const solve = (v: number[][], more: Partial<typeof options> & { initial?: Vector } = {}) =>
    make().solve(apply, tf.tensor2d(v), { ...options, ...more })
  return [
    {
      name: `${name}: solves a 3 × 3 system per row`,
      run: () =>
        leakless(name, () => {
          const { u, residual, steps } = solve(right)
          const gap = distance(values(u), right.flatMap(exact))
          // error ≤ ‖(I − A)⁻¹‖ · 1e-6 · ‖v‖ ≤ 2.5 · 1e-6 · 3.2
          expectThat(gap <= 1e-5, `Off by ${gap.toExponential(1)} after ${steps} products.`)
          expectThat(
            residual.every((r) => r <= 1e-6),
            `Reported residuals ${residual}.`,
          )
        }),
    },
    {
      name: `${name}: the residual it reports is the residual it has`,
      run: () =>
        leakless(name, () => {
          for (const maxSteps of [2, 3, 5]) {
            const { u, residual, steps } = solve(right, { maxSteps, tolerance: 0 })
            const v = tf.tensor2d(right)
            const true1 = values(tf.div(tf.norm(tf.sub(v, tf.sub(u, apply(u))), 2, 1), tf.norm(v, 2, 1)))
            const gap = distance(Array.from(residual), true1)
            expectThat(gap <= 1e-6, `Reported ${residual}, but it is ${true1}.`)
            expectThat(steps <= maxSteps, `Took ${steps} products of ${maxSteps} allowed.`)
          }
        }),
    },
    {
      name: `${name}: each row is solved as if alone`,
      run: () =>
        leakless(name, () => {
          const [together, alone] = [solve(right), solve([right[1]!])]
          const gap = distance(values(together.u).slice(3), values(alone.u))
          expectThat(gap <= 1e-5, `Row 1 moved by ${gap.toExponential(1)} when it got company.`)
        }),
    },
    {
      name: `${name}: NaN in one row touches no other, and a zero row is solved by zero`,
      run: () =>
        leakless(name, () => {
          const { u, residual } = solve([right[0]!, [Number.NaN, 1, 1], [0, 0, 0]])
          const all = values(u)
          const gap = distance([...all.slice(0, 3), ...all.slice(6)], [...exact(right[0]!), 0, 0, 0])
          expectThat(gap <= 1e-5, `The other rows moved by ${gap.toExponential(1)}.`)
          expectThat(!Number.isFinite(residual[1]!), `The row of NaN reported a residual of ${residual[1]}.`)
        }),
    },
    {
      name: `${name}: starts where it is told`,
      run: () =>
        leakless(name, () => {
          const initial: Vector = tf.tensor2d(right.map(exact))
          const { steps, u } = solve(right, { initial, tolerance: 1e-5 })
          expectThat(steps <= 2, `From the answer it took ${steps} products.`)
          expectThat(!initial.isDisposed, 'It disposed the warm start, which is borrowed.')
          expectThat(distance(values(u), right.flatMap(exact)) <= 1e-4, 'It left the answer it was given.')
        }),
    },
    {
      name: `${name}: when A is 0, u is v`,
      run: () =>
        leakless(name, () => {
          const { u, residual } = make().solve((w) => tf.zerosLike(w), tf.tensor2d(right), options)
          expectThat(distance(values(u), right.flat()) <= 1e-6, `Got ${values(u)}.`)
          expectThat(
            residual.every((r) => r <= 1e-6),
            `Reported residuals ${residual}.`,
          )
        }),
    },
    {
      name: `${name}: a tolerance, or steps, that are none are refused before anything is computed`,
      run: () =>
        leakless(name, () => {
          for (const wrong of [{ tolerance: Number.NaN }, { tolerance: -1 }, { maxSteps: 1.5 }, { maxSteps: -1 }]) {
            let code: unknown
            try {
              solve(right, wrong)
            } catch (error) {
              code = (error as { code?: unknown }).code
            }
            expectThat(code === 'option', `It took ${JSON.stringify(wrong)} and ended with ${String(code)}.`)
          }
        }),
    },
    {
      name: `${name}: right-hand sides beyond the squares of float32`,
      run: () =>
        leakless(name, () => {
          const { u } = solve(right.map((row, b) => row.map((x) => x * (b === 0 ? 1e-25 : 1e25))))
          const got = values(u).map((x, i) => x * (i < 3 ? 1e25 : 1e-25))
          const gap = distance(got, right.flatMap(exact))
          expectThat(gap <= 1e-4, `Relative to the right-hand side, it is off by ${gap.toExponential(1)}.`)
        }),
    },
    {
      name: `${name}: owns no tensor after an exception`,
      run: () => {
        for (let at = 1; at <= 4; at++) {
          const [v, m] = [tf.tensor2d(right), tf.tensor2d(matrix)]
          let calls = 0
          try {
            leaklessFailure(name, () =>
              make().solve(
                (u) => {
                  if (++calls === at) throw new Error('boom')
                  return tf.matMul(u, m)
                },
                v,
                { tolerance: 0, maxSteps: 20 },
              ),
            )
          } finally {
            tf.dispose([v, m])
          }
        }
      },
    },
  ]
}
