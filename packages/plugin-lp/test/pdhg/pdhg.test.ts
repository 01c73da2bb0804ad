import * as tf from '@tensorflow/tfjs-core'
import { anyOf, equilibrium } from '@equilibria/core'
import {
  kktBelow,
  kktError,
  evaluator,
  type LpInput,
  pdhg,
  polish,
  programInput,
  programsOf,
  solveLp,
  solveLpAsync,
  startFrom,
  warmStartSavings,
} from '@equilibria/plugin-lp'
import { anderson, picard } from '@equilibria/solvers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dense } from './helpers.ts'

/* min −y₁ − 2y₂ subject to y₁ + y₂ ≤ 4, y₁ ≤ 3, y₂ ≤ 2, y ≥ 0: truth case lp_pdhg, y = (2, 2), λ = −(1, 0, 1). */
const none = Number.NEGATIVE_INFINITY
const wedge = dense({
  c: [-1, -2],
  a: [
    [1, 1],
    [1, 0],
    [0, 1],
  ],
  rowLower: [none, none, none],
  rowUpper: [4, 3, 2],
})

let before = 0
beforeEach(() => {
  before = tf.memory().numTensors
})
afterEach(() => {
  const after = tf.memory().numTensors
  if (after !== before) throw new Error(`${after - before} tensors leaked`)
})

/** A batch of graphs `min cᵀy, y₁ + y₂ ≤ b, 0 ≤ y ≤ 3`. */
const graphs = (costs: readonly (readonly [number, number])[], b: readonly number[]): LpInput => ({
  c: tf.tensor2d(costs as [number, number][]),
  lower: tf.zeros([costs.length, 2]),
  upper: tf.fill([costs.length, 2], 3),
  b: tf.tensor2d(b as number[], [costs.length, 1]),
  equality: tf.zeros([costs.length, 1]),
  edgeIndex: tf.tensor3d(
    costs.map(() => [
      [0, 0],
      [0, 1],
      [0, 0],
    ]),
    [costs.length, 3, 2],
    'int32',
  ),
  edgeValue: tf.tensor2d(costs.map(() => [1, 1, 0])),
})

describe('solveLp', () => {
  it('finds the vertex and the multipliers of a closed form', () => {
    const found = solveLp(wedge, { tolerance: 1e-9 })
    expect(found.status).toBe('optimal')
    // KKT 1e-9 relative on data of size 5: 1e-7 leaves a factor for the conditioning of the 2 × 2 basis
    for (const [got, want] of [
      [found.y, [2, 2]],
      [found.dual, [-1, 0, -1]],
    ] as const)
      want.forEach((v, i) => expect(got[i]).toBeCloseTo(v, 7))
    expect(found.objective).toBeCloseTo(-6, 7)
    expect(found.kkt.error).toBeLessThanOrEqual(1e-9)
  })

  it('gives the same answer without blocking, reports progress, and stops on a signal', async () => {
    const seen: number[] = []
    const found = await solveLpAsync(wedge, { tolerance: 1e-9, onProgress: (p) => seen.push(p.error) })
    expect(found.y).toEqual(solveLp(wedge, { tolerance: 1e-9 }).y)
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.at(-1)).toBeLessThanOrEqual(1e-9)
    const stopped = await solveLpAsync(wedge, { tolerance: 0, signal: AbortSignal.abort() })
    expect(stopped.status).toBe('aborted')
  })

  it('says what ran out', () => {
    expect(solveLp(wedge, { tolerance: 0, maxIterations: 100 }).status).toBe('iteration-limit')
    // "Most" means most: whole applications of 64, and a shorter one when fewer are allowed.
    for (const [most, done] of [
      [1, 1],
      [10, 10],
      [100, 64],
      [200, 192],
    ] as const)
      expect(solveLp(wedge, { tolerance: 0, maxIterations: most }).iterations).toBe(done)
    expect(solveLp(wedge, { tolerance: 0, budget: { ms: 1e-3 } }).status).toBe('time-limit')
  })

  it('proves that there is no feasible point', () => {
    const found = solveLp({ ...wedge, rowLower: Float64Array.of(6, none, none), rowUpper: Float64Array.of(7, 3, 2) })
    expect(found.status).toBe('infeasible')
    expect(found.certificate?.kind).toBe('farkas')
    // the best proof is 1·(y₁ + y₂ ≥ 6) against y₁ ≤ 3 and y₂ ≤ 2, of value 1; others near it press on y ≥ 0 a little
    const { vector, value } = found.certificate!
    ;[1, -1, -1].forEach((v, i) => expect(Math.abs(vector[i]! - v)).toBeLessThan(0.1))
    expect(value).toBeGreaterThan(0.8)
    expect(value).toBeLessThanOrEqual(1 + 1e-12)
  })

  it('proves that the objective has no floor', () => {
    const found = solveLp(dense({ c: [-1, -1], a: [[1, -1]], rowLower: [-1], rowUpper: [1] }))
    expect(found.status).toBe('unbounded')
    expect(Array.from(found.certificate!.vector)).toEqual([expect.closeTo(1, 8), expect.closeTo(1, 8)])
  })

  it('has nothing to do for a program without rows', () => {
    const found = solveLp(dense({ c: [1, -1], a: [], rowLower: [], rowUpper: [], lower: [-2, -2], upper: [5, 5] }))
    expect([found.status, ...found.y]).toEqual(['optimal', -2, 5])
  })
})

describe('pdhg', () => {
  it('runs under any solver and stop rule, sample by sample', () => {
    const costs = [
      [-1, -2],
      [-3, -1],
      [1, 1],
      [-1, -1.5],
    ] as const
    tf.tidy(() => {
      const input = graphs(costs, [4, 4, 4, 2])
      const programs = programsOf(input)
      for (const solver of [picard(), picard({ damping: 0.9 }), anderson({ memory: 3 })]) {
        const layer = equilibrium(pdhg({ inner: 16 }), { solver, stop: kktBelow(1e-6, programs), maxSteps: 200 })
        const { state, stats } = layer.solve(input)
        expect(stats.perSample.status).toEqual(costs.map(() => 'converged'))
        const y = state.y.arraySync() as number[][]
        const want = [
          [1, 3],
          [3, 1],
          [0, 0],
          [0, 2],
        ]
        // 1e-6 relative to 1 + |p| + |d| ≤ 15 and costs ≥ ½ apart
        y.forEach((row, b) => row.forEach((v, j) => expect(Math.abs(v - want[b]![j]!)).toBeLessThan(1e-4)))
      }
    })
  })

  it('gives a sample the same answer alone and in a batch, compacted or not', () => {
    tf.tidy(() => {
      const solve = (input: LpInput, compaction: false | { every: number; below: number }) =>
        equilibrium(pdhg({ inner: 4 }), {
          solver: picard(),
          stop: kktBelow(1e-5, programsOf(input)),
          maxSteps: 400,
          compaction,
        }).solve(input)
      const all = solve(
        graphs(
          [
            [-1, -2],
            [1, 1],
            [-3, -1],
          ],
          [4, 4, 0.1],
        ),
        { every: 1, below: 1 },
      )
      const still = solve(
        graphs(
          [
            [-1, -2],
            [1, 1],
            [-3, -1],
          ],
          [4, 4, 0.1],
        ),
        false,
      )
      const alone = solve(graphs([[-3, -1]], [0.1]), false)
      expect(all.stats.sampleEvaluations).toBeLessThan(still.stats.sampleEvaluations)
      expect(Array.from(all.state.y.dataSync())).toEqual(Array.from(still.state.y.dataSync()))
      expect(Array.from(all.state.y.dataSync()).slice(4)).toEqual(Array.from(alone.state.y.dataSync()))
    })
  })

  it('stays where it is at a solution', () => {
    tf.tidy(() => {
      const operator = pdhg({ programs: [wedge] })
      const input = programInput([0])
      const z = startFrom(operator, input, [{ y: [2, 2], dual: [-1, 0, -1] }])
      const next = operator.bind(input).apply(z)
      // one rounding to pairs of float32 each way, in units of 1 / row scaling
      expect(tf.max(tf.abs(tf.sub(next.y as tf.Tensor, z.y))).dataSync()[0]).toBeLessThan(1e-6)
      expect(tf.max(tf.abs(tf.sub(next.dual as tf.Tensor, z.dual))).dataSync()[0]).toBeLessThan(1e-6)
      const { stats } = equilibrium(operator, { solver: picard(), tolerance: 1e-6 }).solve(input, { initial: z })
      expect(stats.steps).toBe(1)
    })
  })

  it('reaches the same vertex with averages and adaptive steps, and in single precision', () => {
    for (const options of [{ method: 'average' }, { precision: 'single' }] as const) {
      const found = solveLp(wedge, { tolerance: 1e-6, ...options })
      expect(found.status).toBe('optimal')
      found.y.forEach((v) => expect(Math.abs(v - 2)).toBeLessThan(1e-4)) // 1e-6 on data of size 5
    }
  })

  it('is refused under a gradient tape', () => {
    tf.tidy(() => {
      const input = graphs([[-1, -2]], [4])
      const bound = pdhg().bind(input)
      const start = bound.initial()
      expect(() =>
        tf.grad((y) => tf.sum(bound.apply({ ...start, y: y as tf.Tensor2D }).y as tf.Tensor))(start.y),
      ).toThrow(/no gradient/)
    })
  })
})

describe('bad input', () => {
  const refuse = (text: RegExp, run: () => unknown) =>
    expect(() => tf.tidy(() => run() as tf.TensorContainer)).toThrow(text)
  it('is named', () => {
    expect.hasAssertions()
    refuse(/inner: 0/, () => pdhg({ inner: 0 }))
    refuse(/method: "newton"/, () => pdhg({ method: 'newton' as 'average' }))
    refuse(/steps: 0/, () => polish([wedge], [{ y: [0, 0] }], { steps: 0 }))
    refuse(/0 predictions for 1/, () => polish([wedge], [], { steps: 1 }))
    refuse(/0 predictions for 1/, () => warmStartSavings([wedge], []))
    refuse(/y of 1 and/, () => polish([wedge], [{ y: [0] }], { steps: 1 }))
    refuse(/ruiz: -1/, () => pdhg({ ruiz: -1 }))
    refuse(/sufficient: 2/, () => pdhg({ restart: { sufficient: 2 } }))
    refuse(/kktBelow\(-1\)/, () => kktBelow(-1, []))
    refuse(/maxIterations: 0/, () => solveLp(wedge, { maxIterations: 0 }))
    refuse(/budget: \{ ms: 0/, () => solveLp(wedge, { budget: { ms: 0 } }))
    refuse(/cost of column 0 is NaN/, () => solveLp({ ...wedge, c: Float64Array.of(Number.NaN, 1) }))
    refuse(/bounds of column 1 are 2 and 1/, () =>
      solveLp({ ...wedge, lower: Float64Array.of(0, 2), upper: Float64Array.of(3, 1) }),
    )
    refuse(/rowLower has length 2, not 3/, () => solveLp({ ...wedge, rowLower: new Float64Array(2) }))
    refuse(/has no variables/, () => solveLp(dense({ c: [], a: [], rowLower: [], rowUpper: [] })))
    refuse(/program 1; the operator has 1/, () => pdhg({ programs: [wedge] }).bind(programInput([1])))
    refuse(/y of 3 and dual of 0/, () => startFrom(pdhg({ programs: [wedge] }), programInput([0]), [{ y: [1, 2, 3] }]))
    refuse(/y\[1\] = NaN/, () => polish([wedge], [{ y: [0, Number.NaN] }], { steps: 1 }))
    refuse(/dual\[2\] = Infinity/, () => solveLp(wedge, { initial: { y: [0, 0], dual: [0, 0, Infinity] } }))
    refuse(/given 0 programs/, () =>
      equilibrium(pdhg({ programs: [wedge] }), { solver: picard(), stop: anyOf(kktBelow(1, [])) }).solve(
        programInput([0]),
      ),
    )
    refuse(/Sample 1 is 0 × 2/, () =>
      pdhg({ programs: [wedge, dense({ c: [1, 1], a: [], rowLower: [], rowUpper: [] })] }).bind(programInput([0, 1])),
    )
  })
})

describe('kktError', () => {
  it('is zero at the optimum and counts each part by itself', () => {
    const of = evaluator(wedge)
    expect(kktError(of, [2, 2], [-1, 0, -1])).toMatchObject({ primal: 0, dual: 0, gap: 0, error: 0, objective: -6 })
    // y₁ = 4 breaks y₁ + y₂ ≤ 4 by 2 and y₁ ≤ 3 by 1; ‖b‖ = √29
    expect(kktError(of, [4, 2], [-1, 0, -1]).primal).toBeCloseTo(Math.sqrt(5) / (1 + Math.sqrt(29)), 12)
    // λ = 0: c = (−1, −2) presses on upper bounds that are not there
    expect(kktError(of, [2, 2], [0, 0, 0]).dual).toBeCloseTo(Math.sqrt(5) / (1 + Math.sqrt(5)), 12)
    // λ₁ > 0 presses on a side that is not there
    expect(kktError(of, [2, 2], [1, 0, 0]).dual).toBeGreaterThan(0.3)
    expect(kktError(of, [0, 0], [-1, 0, -1]).gap).toBeCloseTo(6 / 7, 12)
  })
})
