import * as tf from '@tensorflow/tfjs-core'
import { add, column, EquilibriaError, offTape, scale, sub } from '@equilibria/tensor'
import type { Solver, Vector } from '@equilibria/spec'
import { trust, type Trust } from './anderson/depth.ts'

/** What the method remembers; every tensor `[batch, …]`. Columns are newest first. */
export interface AndersonMemory {
  readonly [key: string]: AndersonLast | readonly Vector[] | tf.Tensor2D | number | null
  /** `zᵢ₊₁ − zᵢ` and `rᵢ₊₁ − rᵢ`, each `[batch, size]`. */
  readonly dz: readonly Vector[]
  readonly dr: readonly Vector[]
  /** One row per sample: columns there, columns trusted, then `‖r‖` and difference quotients of the last steps. */
  readonly history: tf.Tensor2D | null
  /** Since the last restart; 1 without restarts, so that memories of different age can look alike. */
  readonly steps: number
  readonly last: AndersonLast | null
}
type AndersonLast = {
  readonly z: Vector
  readonly r: Vector
  /** `r − ΔR γ`: the residual that the step under way was promised. */
  readonly mixed: Vector
}
export interface AndersonOptions {
  /** `m`: how many past differences to mix. Default `5`. */
  readonly memory?: number
  /** `β`: how far to move along the mixed residual. Default `1`. */
  readonly mixing?: number
  /** `λ`, relative: added to a Gram matrix of unit columns. Default `1e-12`. */
  readonly regularization?: number
  /**
   * `D`: a step whose residual is more than `D` times the largest of the last `m + 1` is answered by one half-damped
   * Picard step on a shortened memory. Default `10`; `Infinity` switches it off.
   */
  readonly safeguard?: number
  /** Largest `Σ |γᵢ| ‖Δrᵢ‖ / ‖r‖`. Default `1e4`. */
  readonly cap?: number
  /** Forget every column each so many steps, for maps with kinks. Default `0`: never. */
  readonly restart?: number
}

/**
 * Anderson acceleration, type II, one small least-squares problem per sample, with `r = G(z) − z`:
 *
 * `γ = argmin ‖r − ΔR γ‖`,   `z ← z + β r − (ΔZ + β ΔR) γ`.
 *
 * Columns of `ΔR` are scaled to unit length and regularised relatively, so that progress does not stop when residuals
 * become small (an absolute `λ` turns the method into averaging there). On a linear problem with enough memory it does
 * what GMRES does. Not monotone: the residual may rise before it falls; on non-normal maps it may rise a lot.
 *
 * A row uses as many columns as have proved right: where the residual comes out larger than the columns promised, and
 * larger than a Picard step would have left it, it uses half of them, or none where Picard contracts tenfold. So curved
 * and kinked maps cost no more than by Picard; but where `G` is itself Newton's method (its derivative vanishes at the
 * answer), expect an evaluation more than `picard()`.
 *
 * `keepMemory` keeps the differences: on a problem nearby they are a start.
 *
 * States are `[batch, size]`; coefficients, safeguard and memory are per row.
 *
 * @cost 1 evaluation, `2m + 3` stored vectors, one `m × m` system per sample in float64 on the host
 * While the solve itself is recorded (`unrolled()`), the coefficients and the safeguard count as constants.
 *
 * @throws EquilibriaError on a memory below 1, a mixing outside `(0, 1]`, a negative regularization, a safeguard below 1 or a
 * cap that is not positive
 * @cite anderson1965, walker2011
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson } from '@equilibria/solvers'
 *
 * const slow = defineOperator({ name: 'slow', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.99), x) })
 * const { stats } = equilibrium(slow, { solver: anderson() }).solve(tf.tensor2d([[1, 2]]))
 * console.log(stats.evaluations) // a handful, where Picard takes hundreds
 * ```
 */
export function anderson({
  memory = 5,
  mixing = 1,
  regularization = 1e-12,
  safeguard = 10,
  cap = 1e4,
  restart = 0,
}: AndersonOptions = {}): Solver {
  if (!Number.isInteger(memory) || memory < 1 || !(mixing > 0 && mixing <= 1))
    throw new EquilibriaError(
      'option',
      `anderson({ memory: ${memory}, mixing: ${mixing} }) is not usable.`,
      'Pass a whole memory ≥ 1 and 0 < mixing ≤ 1.',
    )
  if (!(regularization >= 0 && regularization < Number.POSITIVE_INFINITY) || !(safeguard >= 1) || !(cap > 0))
    throw new EquilibriaError(
      'option',
      `anderson({ regularization: ${regularization}, safeguard: ${safeguard}, cap: ${cap} }) is not usable.`,
      'Pass a finite regularization ≥ 0, a safeguard ≥ 1 (Infinity: none) and a cap > 0.',
    )
  if (!Number.isInteger(restart) || restart < 0)
    throw new EquilibriaError('option', `anderson({ restart: ${restart} }) is not usable.`, 'Pass a whole number ≥ 0.')
  const solver: Solver<AndersonMemory> = {
    kind: 'solver',
    spec: 1,
    name: 'anderson',
    requires: { kernels: ['norms', 'leastSquares', 'combine'] },
    init: () => ({ dz: [], dr: [], history: null, steps: 0, last: null }),
    // Differences of a nearby problem are nearly this one's; trust in them is earned anew.
    resume: (_problem, _z, { dz, dr }) => ({ dz, dr, history: null, steps: 0, last: null }),
    step(problem, z, { dz: zs, dr: rs, history, steps, last }) {
      const r = sub(problem.apply(z), z)
      const dz = last ? [sub(z, last.z), ...zs].slice(0, memory) : zs
      const dr = last ? [sub(r, last.r), ...rs].slice(0, memory) : rs
      const rows = offTape(() => judge())
      const wild = rows.some((row) => row.wild)
      const gamma = offTape(() => {
        const depth = rows.map(({ after, wild }) => (wild ? 0 : Math.max(0, Math.min(after.depth, after.there))))
        return dr.length && depth.some((d) => d > 0)
          ? problem.kernels.leastSquares(r, dr, { regularization, cap, depth })
          : null
      })
      const kept = offTape(() => write(rows.map((row) => row.after)))
      const mixed = gamma ? sub(r, problem.kernels.combine(gamma, dr)) : r
      const from = gamma ? sub(z, problem.kernels.combine(gamma, dz)) : z
      const beta = wild ? offTape(() => column(rows.map((row) => (row.wild ? mixing / 2 : mixing)))) : mixing
      const move = beta === 1 ? mixed : scale(mixed, beta)
      return {
        next: add(from, move),
        residual: r,
        memory: { dz, dr, history: kept, steps: restart > 0 ? (steps + 1) % restart : 1, last: { z, r, mixed } },
      }

      /** Every row's history with this step in it. */
      function judge(): { after: Trust; wild: boolean }[] {
        const before = read(history, z.shape[0], zs.length)
        if (!last) {
          const norms = problem.kernels.norms(r, z)
          return before.map((row, b) => ({ after: { ...row, residuals: [norms[b]!] }, wild: false }))
        }
        const batch = z.shape[0]
        const now = problem.kernels.norms(r, dz[0]!)
        const then = problem.kernels.norms(add(dz[0]!, dr[0]!), last.mixed)
        const forget = restart > 0 && steps % restart === 0
        return before.map((row, b) => {
          const seen = { residual: now[b]!, moved: now[batch + b]!, image: then[b]!, promised: then[batch + b]! }
          const judged = trust(row, seen, memory, safeguard)
          return forget ? { ...judged, after: { ...judged.after, there: 0 } } : judged
        })
      }
    },
  }
  return solver as unknown as Solver

  /** `[batch, 2m + 3]`; `NaN` where nothing has happened yet. */
  function write(rows: readonly Trust[]): tf.Tensor2D {
    const width = 2 * memory + 3
    const data = new Float32Array(rows.length * width).fill(Number.NaN)
    rows.forEach(({ there, depth, residuals, quotients }, b) => {
      data.set([there, depth, ...residuals], b * width)
      data.set(quotients, b * width + memory + 3)
    })
    return tf.tensor2d(data, [rows.length, width])
  }
  function read(history: tf.Tensor2D | null, batch: number, warm: number): Trust[] {
    if (!history)
      return Array.from({ length: batch }, () => ({ there: warm, depth: memory, residuals: [], quotients: [] }))
    const width = 2 * memory + 3
    const data = history.dataSync()
    const known = (from: number, length: number) =>
      Array.from(data.subarray(from, from + length)).filter((v) => !Number.isNaN(v))
    return Array.from({ length: batch }, (_, b) => ({
      there: data[b * width]!,
      depth: data[b * width + 1]!,
      residuals: known(b * width + 2, memory + 1),
      quotients: known(b * width + memory + 3, memory),
    }))
  }
}
