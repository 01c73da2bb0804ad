import * as tf from '@tensorflow/tfjs-core'
import type { Linearization, Vector } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { add, column, offTape, scale, scoped, sub } from '@equilibria/tensor'
import { rowNorms } from '../host.ts'
import { normal } from '../statistics/random.ts'

export interface TopSingularOptions {
  /** Most power iterations. Default `40`. */
  readonly iterations?: number
  /** Stop when no sample's value moved by more than this, relatively, in one step. Default `1e-6`. */
  readonly tolerance?: number
  /** Seed of the start directions. Default `0`. */
  readonly seed?: number
  /** Step of the central differences, relative to `max(‖x‖₂, 1)`. Default `3e-3`. */
  readonly difference?: number
}

/** The largest singular value of a Jacobian, per sample, with what is known about its error. */
export interface TopSingular {
  /** Per sample. */
  readonly values: Float64Array
  readonly steps: number
  /** Largest relative change in the last step: small does not prove convergence, large disproves it. */
  readonly change: number
}

/**
 * Largest singular value of `J = ∂f/∂x` per sample, by power iteration on `JᵀJ`:
 * `u ← Jv/‖Jv‖, w ← Jᵀu, σ = ‖w‖, v ← w/σ`.
 *
 * `Jv` by central differences, which only steer; `Jᵀu` from the tape, so that every value is `‖Jᵀu‖` of a unit `u`: up to
 * rounding never above the true one. `x` and `f(x)`: `[batch, size]`, rows independent. Cost per step: two evaluations
 * and one pullback. A gap `σ₂/σ₁` near 1 makes it slow: the error falls by `(σ₂/σ₁)⁴` per step.
 *
 * @throws EquilibriaError `option` on settings that are not usable
 */
export function topSingular(
  f: (x: Vector) => Vector,
  linear: Pick<Linearization, 'vjp'>,
  x: Vector,
  options: TopSingularOptions = {},
): TopSingular {
  const { iterations = 40, tolerance = 1e-6, seed = 0, difference = 3e-3 } = options
  requireWhole('topSingular({ iterations })', iterations, 1)
  requireRange('topSingular({ tolerance })', tolerance, 0)
  requireRange('topSingular({ difference })', difference, 1e-6, 1)
  const [batch, size] = x.shape
  return offTape(() =>
    scoped(() => {
      const draw = normal(seed)
      const reach = rowNorms(x).map((norm) => difference * Math.max(norm, 1))
      let v = unit(tf.tensor2d(Float32Array.from({ length: batch * size }, draw), [batch, size]))
      let values: Float64Array = new Float64Array(batch)
      let change = Number.POSITIVE_INFINITY
      let step = 0
      while (step < iterations && change > tolerance) {
        const w = scoped(() => {
          const move = scale(v, column(reach))
          return linear.vjp(unit(sub(f(add(x, move)), f(sub(x, move)))))
        })
        v.dispose()
        const next = rowNorms(w)
        change = next.reduce((worst, s, i) => Math.max(worst, Math.abs(s - values[i]!) / Math.max(s, 1e-30)), 0)
        values = next
        v = unit(w)
        step++
      }
      v.dispose()
      return { values, steps: step, change }
    }),
  )
}

/** Every row divided by its norm; zero and non-finite rows become zero. Takes `v` over. */
export function unit(v: Vector): Vector {
  const inverse = rowNorms(v).map((norm) => (norm > 0 && Number.isFinite(norm) ? 1 / norm : 0))
  // Twice: one float32 factor overflows or underflows for very long and very short rows.
  const half = inverse.map(Math.sqrt)
  const result = scoped(() => scale(scale(v, column(half)), column(half)))
  v.dispose()
  return result
}
