import * as tf from '@tensorflow/tfjs-core'
import type { LinearResult, LinearSolver, Problem, Vector } from '@equilibria/spec'
import { pick } from '@equilibria/core'
import { add, rowDot } from '@equilibria/tensor'
import { type Adjoint, judged } from './solve.ts'
import { asSystem } from './system.ts'

/** Who may be chosen. */
export interface Candidates {
  readonly krylov: LinearSolver
  readonly backup?: LinearSolver
  readonly direct?: LinearSolver
  readonly tolerance: number
  /** Most products, per method. */
  readonly maxSteps: number
}

/** Products that measure the contraction, and the most that a series may still need after them to be worth it. */
const PROBES = 3
const PATIENCE = 8
/** Largest system that is written out: a Krylov method would need about as many products. */
const SMALL = 8

/**
 * Solve `(I − Jᵀ) u = v` by the method that fits, row by row. The terms `(Jᵀ)ⁱ v` of a Neumann series measure the contraction
 * along `v` by their growth, and are not wasted: their sum is the answer of strong contractions, and the start of the
 * Krylov method where it is nearer than 0.
 */
export function chooseAndSolve(
  problem: Problem,
  vjp: (u: Vector) => Vector,
  v: Vector,
  candidates: Candidates,
): Adjoint {
  const { krylov, backup, direct, tolerance, maxSteps } = candidates
  const system = asSystem(problem, vjp, v)
  const { apply, right, packed } = system
  const judge = (solved: LinearResult, mode: string, notes: readonly string[]): Adjoint => ({
    ...judged(system, solved, candidates),
    mode: `auto(${mode})`,
    notes,
  })
  if (direct && packed.size <= SMALL && packed.size + 2 <= maxSteps)
    return judge(direct.solve(apply, right, { tolerance, maxSteps }), direct.name, [
      `${direct.name}: a system of ${packed.size} equations`,
    ])

  const { sum, start, residual, rate, steps, perSampleSteps, open } = series(apply, right, tolerance, maxSteps)
  const rows = residual.length
  const left = open.filter(Boolean).length
  const rates = (which: boolean) => range(rate.filter((_, b) => open[b] === which))
  const reasons = left < rows ? [`series for ${rows - left} of ${rows} rows: contraction ${rates(false)}`] : []
  if (left === 0) return judge({ u: sum, steps, residual, perSampleSteps }, 'series', reasons)

  const one = krylov.solve(apply, right, { tolerance, maxSteps, initial: start })
  reasons.push(`${krylov.name} for ${left} of ${rows} rows: growth ${rates(true)} per product`)
  let best = merge({ u: sum, steps, residual, perSampleSteps }, one, open)
  const modes = [...(left < rows ? ['series'] : []), krylov.name]
  const unsolved = open.map((o, b) => o && !(best.residual[b]! <= tolerance))
  const failed = unsolved.filter(Boolean).length
  if (failed > 0 && backup) {
    const initial = pick(
      Array.from(best.residual, (r) => r < 1),
      best.u,
      tf.zerosLike(best.u),
    )
    const two = backup.solve(apply, right, { tolerance, maxSteps, initial })
    reasons.push(
      `${backup.name} for ${failed} of ${rows} rows: ${krylov.name} left a residual of ${range(best.residual.filter((_, b) => unsolved[b]))}`,
    )
    modes.push(backup.name)
    const before = best.residual
    best = merge(
      best,
      two,
      unsolved.map((o, b) => o && !(before[b]! <= two.residual[b]!)),
    )
  }
  return judge(best, modes.join(', '), reasons)
}

/** `Σ (Jᵀ)ⁱ v`, for as long as it pays: rows that it does not solve stay `open`. */
function series(apply: (u: Vector) => Vector, right: Vector, tolerance: number, maxSteps: number) {
  const norms = (t: Vector): number[] => Array.from(rowDot(t, t), Math.sqrt)
  const first = norms(right).map((s) => s || 1)
  const rows = first.length
  const residual = new Float32Array(rows).fill(1)
  const rate = new Float64Array(rows)
  const last = new Float64Array(rows)
  const perSampleSteps = new Int32Array(rows)
  const open = Array.from({ length: rows }, () => true)
  const running = Array.from({ length: rows }, () => true) // the others are solved, or not for a series
  const allowed = new Float64Array(rows).fill(PROBES)
  let earlier: ArrayLike<number> = first
  let term = right
  let sum = right
  let steps = 0
  const most = Math.min(maxSteps, PROBES + 2 * PATIENCE)
  while (steps < most && running.some(Boolean)) {
    const next = apply(term)
    steps++
    const now = norms(next)
    for (let b = 0; b < rows; b++) {
      if (!running[b]) continue
      const growth = now[b]! / (earlier[b]! || 1)
      // The last two ratios, as their geometric mean: one alone swings where eigenvalues are complex.
      rate[b] = Math.sqrt(growth * (steps === 1 ? growth : last[b]!))
      last[b] = growth
      residual[b] = now[b]! / first[b]!
      perSampleSteps[b] = steps
      if (residual[b]! <= tolerance) open[b] = running[b] = false
      else if (!Number.isFinite(now[b]!)) running[b] = false
      else if (steps === PROBES) {
        const needed = rate[b]! < 1 ? Math.log(tolerance / residual[b]!) / Math.log(rate[b]!) : Number.POSITIVE_INFINITY
        allowed[b] = PROBES + (needed <= PATIENCE ? 2 * PATIENCE : 0) // twice, for a rate that was guessed too low
      }
      if (steps >= allowed[b]!) running[b] = false
    }
    earlier = now
    if (!running.some(Boolean)) break // this product only measured
    sum = running.every(Boolean) ? add(sum, next) : pick(running, add(sum, next), sum)
    term = next
  }
  const near = Array.from(residual, (r) => r < 1)
  const start = near.every(Boolean) ? sum : pick(near, sum, tf.zerosLike(sum))
  return { sum, start, residual, rate, steps, perSampleSteps, open }
}

/** `b` in the rows marked, `a` in the others; products are added up. */
function merge(a: LinearResult, b: LinearResult, rows: readonly boolean[]): LinearResult {
  const choose = <T extends Float32Array | Int32Array>(x: T, y: T): T =>
    x.map((value, i) => (rows[i] ? y[i]! : value)) as T
  return {
    u: rows.every(Boolean) ? b.u : pick(rows, b.u, a.u),
    steps: a.steps + b.steps,
    residual: choose(a.residual, b.residual),
    perSampleSteps: choose(
      a.perSampleSteps,
      b.perSampleSteps.map((s) => s + a.steps),
    ),
  }
}

/** `0.21` or `0.21–0.34`. */
function range(values: ArrayLike<number>): string {
  const all = Array.from(values)
  const [low, high] = [Math.min(...all).toPrecision(2), Math.max(...all).toPrecision(2)]
  return low === high ? low : `${low}–${high}`
}
