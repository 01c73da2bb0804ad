import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { BackwardStats, BoundOperator, Operator, Problem, Solver, Splitting, Vector } from '@equilibria/spec'
import { bindProblem, defineOperator, equilibrium, referenceKernels } from '@equilibria/core'
import { implicit, unrolled } from '@equilibria/implicit-diff'
import {
  davisYin,
  douglasRachford,
  forwardBackward,
  linearProxSplitting,
  peacemanRachford,
  picard,
  proximal,
  type Proximal,
} from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { scoped } from '@equilibria/tensor'
import { monotone, type MonotoneProblem, runChecks, solverChecks, zooError } from '@equilibria/conformance'

const makers: [string, () => Solver][] = [
  ['forwardBackward', () => forwardBackward()],
  ['peacemanRachford', () => peacemanRachford()],
  ['douglasRachford', () => douglasRachford()],
  ['davisYin', () => davisYin({ step: 0.5 })],
]

describe('what every solver must do', () => {
  for (const [, make] of makers) runChecks(test, solverChecks(make))
})

type Parts = Partial<Splitting<Vector>> & Pick<Splitting<Vector>, 'resolventB'>
/** An operator on `[batch, n]` with hand-written parts; its input is where it starts. */
const operatorOf = (
  apply: (z: tf.Tensor2D) => tf.Tensor,
  splitting?: Parts,
  traits = {},
): Operator<tf.Tensor2D, tf.Tensor2D> => ({
  kind: 'operator',
  spec: 1,
  name: 'parts',
  traits,
  bind: (x): BoundOperator<tf.Tensor2D> => ({ initial: () => x, apply, ...(splitting ? { splitting } : {}) }),
})
const problemOf = (operator: Operator<tf.Tensor2D, tf.Tensor2D>, x: tf.Tensor2D): Problem =>
  bindProblem(operator, x, referenceKernels).problem

/** The states, and the auxiliary points, of the first steps, driven by hand. */
function steps(solver: Solver, problem: Problem, start: tf.Tensor2D, count: number): { z: number[][]; x: number[][] } {
  const out = { z: [] as number[][], x: [] as number[][] }
  let z: Vector = start
  let memory = solver.init(problem, z)
  for (let k = 0; k <= count; k++) {
    out.z.push(Array.from(z.dataSync()))
    out.x.push(Array.from((memory as unknown as { x: tf.Tensor }).x.dataSync()))
    const next = solver.step(problem, z, memory)
    z = next.next
    memory = next.memory
  }
  return out
}

describe('truth cases', () => {
  // Projections onto the first axis and onto the line at the angle θ.
  const lines = (theta: number) => {
    const [c, s] = [Math.cos(theta), Math.sin(theta)]
    const onAxis = (z: tf.Tensor): Vector => tf.mul(z, tf.tensor2d([[1, 0]])) as Vector
    const onLine = (z: Vector): Vector =>
      tf.matMul(
        z,
        tf.tensor2d([
          [c * c, c * s],
          [c * s, s * s],
        ]),
      )
    return { onAxis, onLine }
  }
  const size = (v: readonly number[]) => Math.hypot(...v)
  test('two_lines_projection: alternating projections shrink by cos² θ, Douglas–Rachford by cos θ, at every step', () => {
    scoped(() => {
      for (const theta of [Math.PI / 6, Math.PI / 4, 0.2]) {
        const { onAxis, onLine } = lines(theta)
        const start: tf.Tensor2D = tf.tensor2d([[0.3, 1]])
        // Alternating projections: forward–backward on ½ dist², whose gradient is I − P and 1-cocoercive, at α = 1.
        const alternating = problemOf(
          operatorOf((z) => onLine(onAxis(z)), {
            applyC: (v) => tf.sub(v, onAxis(v)) as Vector,
            cocoercivity: 1,
            resolventB: onLine,
          }),
          start,
        )
        const ap = steps(forwardBackward(), alternating, start, 10).z.map(size)
        for (let k = 2; k <= 10; k++) expect(ap[k]! / ap[k - 1]!).toBeCloseTo(Math.cos(theta) ** 2, 5)
        const both = problemOf(
          operatorOf((z) => onLine(onAxis(z)), { resolventA: onAxis, resolventB: onLine }),
          start,
        )
        // The rate is that of the auxiliary point: the state is its shadow, which turns as well.
        const dr = steps(douglasRachford(), both, start, 10).x.map(size)
        for (let k = 2; k <= 10; k++) expect(dr[k]! / dr[k - 1]!).toBeCloseTo(Math.cos(theta), 5)
        // Peaceman–Rachford composes two reflections: a rotation, which never gets there.
        const pr = steps(peacemanRachford(), both, start, 10).x.map(size)
        for (let k = 2; k <= 10; k++) expect(pr[k]! / pr[k - 1]!).toBeCloseTo(1, 5)
      }
    })
  })

  // lasso_ista: A = [[1, .5], [0, 1]], y = (2, −.3), λ = .3; solution (1.7, 0), dw/dλ = (−1, 0).
  const H = [
    [1, 0.5],
    [0.5, 1.25],
  ]
  const lasso = (step: number): Operator<tf.Tensor2D, tf.Tensor2D> => {
    const tau = 1 / 1.6403882032022075
    const gradient = (w: tf.Tensor2D) => tf.sub(tf.matMul(w, tf.tensor2d(H)), tf.tensor2d([[2, 0.7]])) as Vector
    const soft = proximal.softThreshold(0.3)
    return operatorOf(
      (w) => soft.apply(tf.sub(w, tf.mul(gradient(w), tau)), tau),
      { applyC: gradient, cocoercivity: tau, resolventB: (v, alpha) => soft.apply(v, alpha) },
      { step },
    )
  }
  test('lasso_ista by forward–backward, and the rate of its active set', () => {
    scoped(() => {
      const start: tf.Tensor2D = tf.tensor2d([[0, 0]])
      const found = equilibrium(lasso(1), { solver: forwardBackward(), tolerance: 1e-6, maxSteps: 100 }).solve(start)
      expect(found.status).toBe('converged')
      const w = Array.from(found.state.dataSync())
      expect(w[0]).toBeCloseTo(1.7, 5)
      expect(Math.abs(w[1]!)).toBe(0) // a proximal step is exactly sparse
      // Once (0) is known to be the active set, the error shrinks by 1 − τ h₀₀ = 0.3904 per step.
      const error = steps(forwardBackward(), problemOf(lasso(1), start), start, 8).z.map((z) => Math.abs(z[0]! - 1.7))
      for (let k = 4; k <= 7; k++) expect(error[k]! / error[k - 1]!).toBeCloseTo(0.3904, 2)
    })
  })
  test('averaged_composition: a forward–backward step is 2β/(4β − γ)-averaged, on pairs of samples', () => {
    scoped(() => {
      const tau = 1 / 1.6403882032022075
      for (const relative of [1, 1.9]) {
        const averaged = 2 / (4 - relative) // 2/3 and 0.952 of the truth case, in units of β
        expect(averaged).toBeCloseTo(relative === 1 ? 0.6666666666666666 : 0.9523809523809523, 12)
        const solver = forwardBackward({ step: relative * tau })
        const map = (z: number[]): number[] => {
          const start: tf.Tensor2D = tf.tensor2d([z])
          return steps(solver, problemOf(lasso(1), start), start, 1).z[1]!
        }
        for (let i = 0; i < 30; i++) {
          const [a, b] = [
            [3 * Math.sin(i), 3 * Math.cos(2 * i)],
            [3 * Math.cos(5 * i), 3 * Math.sin(7 * i + 1)],
          ] as [number[], number[]]
          const [Ta, Tb] = [map(a), map(b)]
          const square = (v: number[]) => v.reduce((s, x) => s + x * x, 0)
          const before = square(a.map((x, j) => x - b[j]!))
          const after = square(Ta.map((x, j) => x - Tb[j]!))
          const rest = square(a.map((x, j) => x - b[j]! - (Ta[j]! - Tb[j]!)))
          // Twenty roundings of numbers below 20.
          expect(after).toBeLessThanOrEqual(before - ((1 - averaged) / averaged) * rest + 20 * 20 * 2 ** -24)
        }
      }
    })
  })

  // box_qp_projected_gradient: H = [[2, 1], [1, 2]], q = (−3, −6), box [0, 2]; x = (0.5, 2), dx/dq = diag(−½, 0).
  const boxQp = (gradient?: ReturnType<typeof implicit>, solver: Solver = forwardBackward()) => {
    const [s, W] = [
      0.3,
      [
        [1 - 0.6, -0.3],
        [-0.3, 1 - 0.6],
      ],
    ]
    const operator: Operator<tf.Tensor2D, tf.Tensor2D> = {
      kind: 'operator',
      spec: 1,
      name: 'box-qp',
      traits: { symmetric: true },
      bind: (q) => {
        const [weights, bias] = [tf.tensor2d(W), tf.mul(q, -s) as tf.Tensor2D]
        return {
          initial: () => tf.zerosLike(q),
          apply: (z) => tf.clipByValue(tf.add(tf.matMul(z, weights), bias), 0, 2),
          // I − W = s H: eigenvalues 0.3 and 0.9
          splitting: linearProxSplitting({
            weights,
            bias,
            proximal: proximal.box(0, 2),
            monotonicity: 0.3,
            lipschitz: 0.9,
          }),
        }
      },
    }
    return equilibrium(operator, { solver, ...(gradient ? { gradient } : {}), tolerance: 1e-6, maxSteps: 200 })
  }
  test('box_qp_projected_gradient: the answer and its derivative, by every method that applies', () => {
    for (const [name, make] of makers) {
      scoped(() => {
        const found = boxQp(undefined, make()).solve(tf.tensor2d([[-3, -6]]))
        expect({ [name]: found.status }).toEqual({ [name]: 'converged' })
        const x = Array.from(found.state.dataSync())
        expect(x[0]).toBeCloseTo(0.5, 5)
        expect(x[1]).toBe(2) // on the bound, exactly
        const layer = boxQp(implicit({ solver: make(), maxSteps: 200, tolerance: 1e-6 }), make())
        const slope = tf.grad((q) => tf.sum(layer.solve(q as tf.Tensor2D).state))(tf.tensor2d([[-3, -6]]))
        expect(slope.dataSync()[0]).toBeCloseTo(-0.5, 5)
        expect(Math.abs(slope.dataSync()[1]!)).toBe(0) // clamped
      })
    }
  })
})

test('davisYin: three parts, λ‖w‖₁ and a box and a quadratic', () => {
  scoped(() => {
    // min ½ wᵀHw − gᵀw + 0.1 ‖w‖₁ with 0 ≤ w ≤ 1, H = [[2, .5], [.5, 1]], g = (3, .5): w₁ = 1 (bound), then
    // w₂ = max(0, .5 − .1 − .5) = 0.
    const gradient = (w: tf.Tensor2D) =>
      tf.sub(
        tf.matMul(
          w,
          tf.tensor2d([
            [2, 0.5],
            [0.5, 1],
          ]),
        ),
        tf.tensor2d([
          [3, 0.5],
          [0.4, 0.9],
        ]),
      ) as Vector
    const [soft, box] = [proximal.softThreshold(0.1), proximal.box(0, 1)]
    // Second sample, g = (.4, .9): w = H⁻¹ (.3, .8) = (−.0571, .8286) has a negative entry, so w₁ = 0, w₂ = .8.
    const operator = operatorOf((w) => box.apply(soft.apply(tf.sub(w, tf.mul(gradient(w), 0.4)), 0.4), 0.4), {
      resolventA: (v, alpha) => box.apply(v, alpha),
      resolventB: (v, alpha) => soft.apply(v, alpha),
      applyC: gradient,
      cocoercivity: 1 / 2.21, // largest eigenvalue of H: 1.5 + √0.5
    })
    const found = equilibrium(operator, {
      solver: davisYin(),
      tolerance: 1e-6,
      maxSteps: 300,
      compaction: false,
    }).solve(tf.zeros([2, 2]))
    expect(found.status).toBe('converged')
    const want = [1, 0, 0, 0.8]
    Array.from(found.state.dataSync()).forEach((w, i) => expect(w).toBeCloseTo(want[i]!, 5))
    expect(() => equilibrium(operator, { solver: peacemanRachford() }).solve(tf.zeros([2, 2]))).toThrow(/davisYin/)
  })
})

/** In float32 the residual cannot get below a few roundings of `W z`, `4 · 2⁻²⁴ · 9 ‖z‖ = 2e-6` with `‖W‖ = 9`. */
const TOLERANCE = 4e-6
describe('monotone operator networks, where Picard diverges', () => {
  const problems = Object.values(monotone).map((make) => make())
  const solve = (problem: MonotoneProblem, solver: Solver, maxSteps = 400, tolerance = TOLERANCE) =>
    equilibrium(problem.operator(), { solver, tolerance, maxSteps }).solve(problem.input())
  const figures: string[] = []

  for (const problem of problems)
    test(`${problem.name}: Picard runs away or circles; Peaceman–Rachford and Douglas–Rachford find the answer`, () => {
      const before = tf.memory().numTensors
      scoped(() => {
        expect(problem.norm).toBeGreaterThan(2)
        const away = solve(problem, picard(), 200)
        expect(away.status).not.toBe('converged')
        for (const [name, solver] of [
          ['peacemanRachford', peacemanRachford()],
          ['douglasRachford', douglasRachford()],
        ] as const) {
          const found = solve(problem, solver)
          figures.push(
            `${problem.name} (L/m ${(problem.norm / problem.monotonicity).toFixed(0)}) ${name}: ${found.stats.steps} steps`,
          )
          expect({ [name]: found.status }).toEqual({ [name]: 'converged' })
          expect(zooError(problem, found.state)).toBeLessThan(4 * problem.tolerance) // which is for 1e-6
        }
        figures.push(`  picard: ${away.status}, residual ${away.stats.residual.toExponential(1)}`)
      })
      expect(tf.memory().numTensors).toBe(before)
    })
  test('mondeq_2d: the fixed point of the truth case, by forward–backward too, at its rate', () => {
    scoped(() => {
      const problem = monotone.plane()
      // m/L² = 0.09, and √(1 − m²/L²) = 0.977 per step: 1e-6 in at most 600 steps.
      const found = solve(problem, forwardBackward(), 600, 1e-6)
      figures.push(`${problem.name} forwardBackward: ${found.stats.steps} steps`)
      expect(found.status).toBe('converged')
      const z = found.state.dataSync()
      expect(z[0]).toBeCloseTo(1.492537313432836, 5)
      expect(z[1]).toBe(0)
      expect(problem.norm).toBeCloseTo(2.3478655974622376, 4)
    })
  })
  test('Picard on the hard one runs to 1e12', () => {
    scoped(() => {
      const problem = monotone.relu()
      const state = equilibrium(problem.operator(), { solver: picard(), tolerance: 0, maxSteps: 45 }).solve(
        problem.input(),
      ).state
      expect(tf.max(tf.abs(state)).dataSync()[0]).toBeGreaterThan(1e12)
    })
  })
  for (const problem of problems)
    test(`${problem.name}: gradients by Peaceman–Rachford, against float64`, () => {
      const before = tf.memory().numTensors
      scoped(() => {
        const [x, seen] = [problem.input(), [] as BackwardStats[]]
        const n = problem.matrix.length
        const layer = equilibrium(problem.operator(), {
          solver: peacemanRachford(),
          gradient: implicit({ solver: peacemanRachford(), tolerance: TOLERANCE, maxSteps: 400, onFailure: 'throw' }),
          tolerance: TOLERANCE,
          maxSteps: 400,
        })
        // ℓ = Σ c z with c = sin: dℓ/dx = D u, u = (I − J)⁻ᵀ c, J = D W.
        const weights = Array.from({ length: n }, (_, i) => Math.sin(i + 1))
        const gradient = tf.grad((b) =>
          tf.sum(
            tf.mul(layer.solve(b as tf.Tensor2D, { onBackward: (s) => seen.push(s) }).state, tf.tensor1d(weights)),
          ),
        )(x)
        const want = problem.answers.flatMap((_, b) => {
          const J = problem.jacobian(b)
          const u = transposedSolve(J, weights)
          return J.map((row, i) => {
            const pivot = row.findIndex((v, j) => Math.abs(problem.matrix[i]![j]!) > 1e-3 && v !== 0)
            return (pivot < 0 ? 0 : row[pivot]! / problem.matrix[i]![pivot]!) * u[i]!
          })
        })
        const got = Array.from(gradient.dataSync())
        const worst = Math.max(...got.map((g, i) => Math.abs(g - want[i]!)))
        figures.push(`${problem.name} adjoint: ${seen[0]!.steps} steps, error ${worst.toExponential(1)}`)
        expect(seen[0]!.converged).toBe(true)
        // Adjoint residual 4e-6 ‖v‖, and a state that is 4e-6 ‖z‖ off, each amplified by ‖(I − J)⁻¹‖, twice for the latter.
        expect(worst).toBeLessThan(problem.tolerance * 20)
        // And by GMRES, which knows nothing of the parts.
        const other = equilibrium(problem.operator(), {
          solver: peacemanRachford(),
          gradient: implicit({ solver: gmres(), tolerance: TOLERANCE }),
          tolerance: TOLERANCE,
          maxSteps: 400,
        })
        const second = tf.grad((b) => tf.sum(tf.mul(other.solve(b as tf.Tensor2D).state, tf.tensor1d(weights))))(x)
        expect(Math.max(...Array.from(second.dataSync(), (g, i) => Math.abs(g - got[i]!)))).toBeLessThan(
          problem.tolerance * 20,
        )
      })
      expect(tf.memory().numTensors).toBe(before)
    })
  test('figures', () => {
    console.log(`[${tf.getBackend()}] ${figures.join('\n')}`)
    expect(figures.length).toBeGreaterThan(5)
  })
  test('rows: each as if alone, NaN touches no other, and rows that are done leave the batch', () => {
    scoped(() => {
      const problem = monotone.relu()
      const x = problem.input()
      const layer = equilibrium(problem.operator(), {
        solver: peacemanRachford(),
        tolerance: 1e-5,
        maxSteps: 400,
        compaction: { every: 1, below: 1 },
      })
      const together = layer.solve(x).state
      const alone = layer.solve(tf.slice(x, [1, 0], [1, -1])).state
      const gap = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!
      expect(gap(tf.slice(together, [1, 0], [1, -1]), alone)).toBeLessThan(problem.tolerance * 10)
      const spoilt = layer.solve(
        tf.concat([tf.slice(x, [0, 0], [2, -1]), tf.fill([1, x.shape[1]], Number.NaN)], 0) as tf.Tensor2D,
      )
      expect(spoilt.stats.perSample.status).toEqual(['converged', 'converged', 'non-finite'])
      expect(gap(tf.slice(spoilt.state, [0, 0], [2, -1]), tf.slice(together, [0, 0], [2, -1]))).toBeLessThan(
        problem.tolerance * 10,
      )
    })
  })
})

/** `u = Jᵀ u + v` by Gaussian elimination in float64. */
function transposedSolve(J: number[][], v: readonly number[]): number[] {
  const n = v.length
  const rows = J.map((_, i) => [...J.map((row, j) => Number(i === j) - row[i]!), v[i]!])
  for (let k = 0; k < n; k++) {
    let p = k
    for (let i = k; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[p]![k]!)) p = i
    ;[rows[k], rows[p]] = [rows[p]!, rows[k]!]
    for (let i = 0; i < n; i++)
      if (i !== k) {
        const f = rows[i]![k]! / rows[k]![k]!
        for (let j = k; j <= n; j++) rows[i]![j]! -= f * rows[k]![j]!
      }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}

describe('proximal maps', () => {
  const values = Array.from({ length: 81 }, (_, i) => (i - 40) / 5)
  /** `(v − z)/α`, which must be a subgradient of `h` at `z`; for tanh and sigmoid `artanh z − z` and `logit z − z`. */
  for (const [name, map, of] of [
    ['tanh', proximal.tanh, (y: number) => [Math.tanh(y), y] as const],
    ['sigmoid', proximal.sigmoid, (y: number) => [1 / (1 + Math.exp(-y)), y] as const],
  ] as [string, Proximal, (y: number) => readonly [number, number]][])
    test(`${name}: v = z + α ∂h(z) is solved back for α from 0.01 to 100`, () => {
      for (const alpha of [0.01, 0.1, 0.5, 1, 2, 10, 100])
        scoped(() => {
          // From y, the activation's own argument: z = σ(y), ∂h(z) = y − z, so v = (1 − α) z + α y is exact.
          const pairs = values.map((y) => of(y))
          const v = tf.tensor2d([pairs.map(([z, y]) => (1 - alpha) * z + alpha * y)])
          const got = Array.from(map.apply(v, alpha).dataSync())
          const worst = Math.max(...got.map((z, i) => Math.abs(z - pairs[i]![0])))
          // v carries a rounding of 2⁻²⁴ |v|, |v| ≤ max(1, 8 α), and dz/dv ≤ 1 / (1 − α + α dy/dz) ≤ max(1, 1/α).
          expect({ alpha, ok: worst < 8 * 2 ** -24 * Math.max(8, 1 / alpha) }).toEqual({ alpha, ok: true })
        })
    })
  test('closed forms, and slopes where the value is known', () => {
    scoped(() => {
      const v = tf.tensor2d([[-2, -0.2, 0, 0.2, 2]])
      const at = (map: Proximal, alpha = 1) =>
        Array.from(map.apply(v, alpha).dataSync(), (x) => Number(x.toFixed(6)) + 0)
      const slope = (map: Proximal) => Array.from(map.slope(map.apply(v, 1)).dataSync())
      expect(at(proximal.relu, 3)).toEqual([0, 0, 0, 0.2, 2])
      expect(at(proximal.softThreshold(0.1), 5)).toEqual([-1.5, 0, 0, 0, 1.5])
      expect(at(proximal.box(-1, 0.1), 7)).toEqual([-1, -0.2, 0, 0.1, 0.1])
      expect(at(proximal.identity)).toEqual([-2, -0.2, 0, 0.2, 2].map((x) => Number(x.toFixed(6))))
      expect(slope(proximal.relu)).toEqual([0, 0, 0, 1, 1])
      expect(slope(proximal.softThreshold(0.1))).toEqual([1, 1, 0, 1, 1])
      expect(slope(proximal.box(-1, 0.1))).toEqual([0, 1, 1, 0, 0])
    })
    expect(() => proximal.softThreshold(-1)).toThrow(/threshold/)
    expect(() => proximal.box(1, 1)).toThrow(/empty/)
  })
})

describe('what is refused', () => {
  const bare = operatorOf((z) => tf.mul(z, 0.5))
  const at = (operator: Operator<tf.Tensor2D, tf.Tensor2D>, solver: Solver) => () =>
    scoped(() => equilibrium(operator, { solver }).solve(tf.tensor2d([[1, 2]])).status)
  const code = (fn: () => unknown): unknown => {
    try {
      fn()
    } catch (error) {
      return (error as { code?: unknown }).code
    }
    return 'nothing thrown'
  }
  test('no splitting, or not the part that is needed', () => {
    const before = tf.memory().numTensors
    for (const [, make] of makers) {
      expect(at(bare, make())).toThrow(/offers no splitting/)
      expect(code(at(bare, make()))).toBe('requirement')
    }
    const resolventB = (v: Vector) => v
    expect(
      at(
        operatorOf((z) => z, { resolventB, applyA: (v) => v }),
        peacemanRachford(),
      ),
    ).toThrow(/needs the resolvent/)
    expect(
      at(
        operatorOf((z) => z, { resolventB, applyA: (v) => v }),
        davisYin(),
      ),
    ).toThrow(/needs the resolvent/)
    expect(
      at(
        operatorOf((z) => z, { resolventB, resolventA: (v) => v }),
        forwardBackward(),
      ),
    ).toThrow(/only its resolvent/)
    expect(
      at(
        operatorOf((z) => z, { resolventB }),
        forwardBackward(),
      ),
    ).toThrow(/neither A nor C/)
    expect(tf.memory().numTensors).toBe(before)
  })
  test('steps and relaxations that are none', () => {
    for (const make of [forwardBackward, peacemanRachford, douglasRachford, davisYin])
      for (const step of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => make({ step })).toThrow(/step/)
    for (const relaxation of [0, 2, Number.NaN]) {
      expect(() => douglasRachford({ relaxation })).toThrow(/relaxation/)
      expect(() => davisYin({ relaxation })).toThrow(/relaxation/)
    }
    scoped(() => {
      expect(() =>
        linearProxSplitting({ weights: tf.zeros([2, 2]), bias: tf.zeros([1, 3]), proximal: proximal.relu }),
      ).toThrow(/weights \(2,2\) for a bias of 3/)
    })
  })
  test('an adjoint by splitting where the operator has none', () => {
    const before = tf.memory().numTensors
    const half = defineOperator<tf.Tensor2D, tf.Tensor2D>({
      name: 'half',
      initial: (x) => tf.zerosLike(x),
      apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
    })
    const layer = equilibrium(half, { solver: picard(), gradient: implicit({ solver: peacemanRachford() }) })
    const x = tf.tensor2d([[1, 2]])
    expect(() => tf.grad((v) => tf.sum(layer.solve(v as tf.Tensor2D).state))(x)).toThrow(/offers no splitting/)
    x.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
  test('a resolvent on the tape', () => {
    scoped(() => {
      const problem = monotone.plane()
      const layer = equilibrium(problem.operator(), { solver: peacemanRachford(), gradient: unrolled(), maxSteps: 3 })
      expect(() => tf.grad((v) => tf.sum(layer.solve(v as tf.Tensor2D).state))(problem.input())).toThrow(
        /not differentiated/,
      )
    })
  })
})

test('a matrix that is trained: its inverse follows it', () => {
  const before = tf.memory().numTensors
  scoped(() => {
    const W = tf.variable(tf.tensor2d([[0.5]]))
    const at = () => {
      const parts = linearProxSplitting({
        weights: W as tf.Tensor2D,
        bias: tf.tensor2d([[1]]),
        proximal: proximal.relu,
      })
      return parts.resolventA!(tf.tensor2d([[2]]), 1).dataSync()[0]
    }
    expect(at()).toBeCloseTo(3 / 1.5, 6)
    expect(at()).toBeCloseTo(3 / 1.5, 6)
    W.assign(tf.tensor2d([[-1]]))
    expect(at()).toBeCloseTo(3 / 3, 6)
    W.dispose()
  })
  expect(tf.memory().numTensors).toBe(before)
})

test('the gradient in W itself: D u zᵀ', () => {
  const before = tf.memory().numTensors
  scoped(() => {
    const problem = monotone.plane()
    const n = problem.matrix.length
    const W = tf.variable(tf.transpose(tf.tensor2d(problem.matrix as number[][]))) as tf.Variable<tf.Rank.R2>
    const operator: Operator<tf.Tensor2D, tf.Tensor2D> = {
      ...problem.operator(),
      bind: (bias) => ({
        initial: () => tf.zerosLike(bias),
        apply: (z) => tf.relu(tf.add(tf.matMul(z, W), bias)),
        splitting: linearProxSplitting({
          weights: W,
          bias,
          proximal: proximal.relu,
          monotonicity: 0.5,
          lipschitz: 2.35,
        }),
      }),
    }
    const layer = equilibrium(operator, {
      solver: peacemanRachford(),
      gradient: implicit({ solver: peacemanRachford(), tolerance: 1e-6, maxSteps: 200, onFailure: 'throw' }),
      tolerance: 1e-6,
      maxSteps: 200,
    })
    const { grads } = tf.variableGrads(() => tf.sum(layer.solve(problem.input()).state), [W])
    const want = Array.from({ length: n * n }, () => 0) // [j, i] += z_j (D u)_i over the samples, for z W with rows z
    problem.answers.forEach((z, b) => {
      const u = transposedSolve(
        problem.jacobian(b),
        z.map(() => 1),
      )
      for (let j = 0; j < n; j++) for (let i = 0; i < n; i++) want[j * n + i]! += z[j]! * (z[i]! > 0 ? u[i]! : 0)
    })
    const got = Array.from(Object.values(grads)[0]!.dataSync())
    got.forEach((g, i) => expect(g).toBeCloseTo(want[i]!, 4))
    W.dispose()
  })
  expect(tf.memory().numTensors).toBe(before)
})

test('second derivatives: the tangent is solved by splitting as well', () => {
  // z = tanh(z W + x) with one entry, W = −3: z′ = D / (1 + 3 D), D = 1 − z², and by differentiating once more.
  const before = tf.memory().numTensors
  scoped(() => {
    const operator: Operator<tf.Tensor2D, tf.Tensor2D> = {
      kind: 'operator',
      spec: 1,
      name: 'scalar',
      traits: {},
      bind: (bias) => {
        const weights = tf.tensor2d([[-3]])
        return {
          initial: () => tf.zerosLike(bias),
          apply: (z) => tf.tanh(tf.add(tf.matMul(z, weights), bias)),
          splitting: linearProxSplitting({ weights, bias, proximal: proximal.tanh, monotonicity: 4, lipschitz: 4 }),
        }
      },
    }
    const layer = equilibrium(operator, {
      solver: peacemanRachford(),
      gradient: implicit({ solver: peacemanRachford(), tolerance: 1e-6, onFailure: 'throw' }),
      tolerance: 1e-6,
      maxSteps: 100,
    })
    const x = tf.tensor2d([[1.3]])
    const z = layer.solve(x).state.dataSync()[0]!
    const slope = (v: tf.Tensor) => tf.grad((w) => tf.sum(layer.solve(w as tf.Tensor2D).state))(v)
    const [D, first] = [1 - z * z, (1 - z * z) / (1 + 3 * (1 - z * z))]
    expect(slope(x).dataSync()[0]).toBeCloseTo(first, 5)
    // d/dx [D / (1 + 3D)] = D′ / (1 + 3D)², D′ = −2 z z′
    const second = (-2 * z * first) / (1 + 3 * D) ** 2
    expect(tf.grad(slope)(x).dataSync()[0]).toBeCloseTo(second, 4)
  })
  expect(tf.memory().numTensors).toBe(before)
})

test('W by its products alone: a circulant matrix, inverted by hand', () => {
  scoped(() => {
    // W = c (S − Sᵀ), S the cyclic shift of 3: I + α(I − W) is circulant with first column ((1 + α), −αc, αc).
    const shift = (v: Vector, k: number): Vector =>
      tf.gather(
        v,
        tf.tensor1d(
          [0, 1, 2].map((i) => (i + k + 3) % 3),
          'int32',
        ),
        1,
      ) as Vector
    const c = 4
    const apply = (v: Vector): Vector => tf.mul(tf.sub(shift(v, -1), shift(v, 1)), c) as Vector
    const matrixOf = (f: (v: Vector) => Vector) => f(tf.eye(3) as Vector).arraySync()
    const W = matrixOf(apply)
    const dense = (weights: number[][]) =>
      linearProxSplitting({ weights: tf.tensor2d(weights), bias: tf.zeros([1, 3]), proximal: proximal.relu })
        .resolventA!
    const x = tf.tensor2d([[1, -2, 0.5]])
    const parts = linearProxSplitting({
      weights: {
        apply,
        transpose: (v) => tf.neg(apply(v)) as Vector,
        resolvent: (v, alpha) => dense(W)(v, alpha),
        resolventTransposed: (v, alpha) => dense(W.map((row) => row.map((w) => -w)))(v, alpha),
      },
      bias: x,
      proximal: proximal.relu,
      monotonicity: 1,
    })
    const operator = operatorOf((z) => tf.relu(tf.add(apply(z), x)), parts)
    const found = equilibrium(operator, { solver: peacemanRachford(), tolerance: TOLERANCE, maxSteps: 200 }).solve(
      tf.zeros([1, 3]),
    )
    expect(found.status).toBe('converged')
    const z = found.state.dataSync()
    const s = apply(found.state).dataSync()
    Array.from(z).forEach((v, i) => expect(v).toBeCloseTo(Math.max(0, s[i]! + x.dataSync()[i]!), 4))
  })
})
