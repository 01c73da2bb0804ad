import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree, Vector } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { linearize, offTape, packing, scoped } from '@equilibria/tensor'
import type { SteppedMap } from '../map.ts'
import { normal } from '../statistics/random.ts'
import type { LipschitzSamples } from './samples.ts'

/** How pairs are searched for. */
export interface AscentOptions {
  /** Depths, increasing. */
  readonly steps: readonly number[]
  /** Both points of a pair stay within this 2-norm distance of the sample. Default `1e-1`. */
  readonly reach?: number
  /** Adam steps. Default `60`. */
  readonly iterations?: number
  /** Default `0`. */
  readonly seed?: number
}

/**
 * `max ‖y_t(a) − y_t(b)‖ / ‖a − b‖` over pairs in the ball of radius `reach` around every sample, by gradient ascent (Adam,
 * step falling from a fifth of the reach to a hundredth of that) on its logarithm in `a` and `b` together:
 * `∇_a = J(a)ᵀd/‖d‖² − e/‖e‖²`, `d = y_t(a) − y_t(b)`, `e = a − b`.
 *
 * The constant of a neighbourhood, where `powerSamples` gives that of a point: the pair found is a witness, and the value
 * a lower bound. Pairs closer than `reach / 1000` are moved apart: in float32 their difference is rounding. Not concave:
 * the value may be a local maximum; `topSingular` over a grid is surer where the constant varies little.
 *
 * @cost per depth, `2 · iterations` recorded runs of `t` steps and as many pullbacks
 * @throws EquilibriaError `option` on a reach that is no length, or no whole number of iterations
 * @cite liu2026
 */
export function ascentSamples<X extends TensorTree, Y extends TensorTree>(
  map: SteppedMap<X, Y>,
  input: X,
  options: AscentOptions,
): LipschitzSamples {
  const { steps, reach = 1e-1, iterations = 60, seed = 0 } = options
  requireRange('ascentSamples({ reach })', reach, Number.MIN_VALUE, Number.MAX_VALUE)
  requireWhole('ascentSamples({ iterations })', iterations, 1)
  const { pack, unpack, batch } = packing(input)
  return offTape(() =>
    scoped(() => {
      const centre = pack(input)
      const residuals = scoped(() => map(input, steps).map(({ residual }) => Array.from(residual ?? [])))
      const values = steps.map((t) => {
        const f = (at: Vector): Vector => {
          const [answer] = map(unpack(at), [t])
          return packing(answer!.y).pack(answer!.y)
        }
        return Array.from(climb(f, centre, { reach, iterations, seed }), (value) => Float64Array.of(value))
      })
      return {
        method: 'ascent' as const,
        steps,
        perturbations: [],
        radius: reach,
        repeats: 1,
        values,
        residuals,
        floors: steps.map(() => Array.from({ length: batch }, () => 0)),
        change: null,
      }
    }),
  )
}

/** Value and gradient: `f(at)`, and `u ↦ J(at)ᵀu`. */
function evaluated(f: (x: Vector) => Vector, at: Float64Array, shape: [number, number]) {
  return scoped(() => {
    const linear = linearize(f, tf.tensor2d(Float32Array.from(at), shape))
    const value = Float64Array.from(linear.value.dataSync())
    return {
      value,
      pull: (u: Float64Array): Float64Array =>
        scoped(() =>
          Float64Array.from(linear.vjp(tf.tensor2d(Float32Array.from(u), [shape[0], u.length / shape[0]])).dataSync()),
        ),
      dispose: () => linear.dispose(),
    }
  })
}

function climb(
  f: (x: Vector) => Vector,
  centre: Vector,
  { reach, iterations, seed }: { reach: number; iterations: number; seed: number },
): Float64Array {
  const [batch, size] = centre.shape
  const middle = Float64Array.from(centre.dataSync())
  const draw = normal(seed)
  const direction = Float64Array.from({ length: size }, draw)
  const length = Math.hypot(...direction)
  const points = [0.5, -0.5].map((side) => middle.map((x, i) => x + (side * reach * direction[i % size]!) / length))
  const moments = points.map((p) => ({ first: new Float64Array(p.length), second: new Float64Array(p.length) }))
  const best = new Float64Array(batch).fill(Number.NaN)
  const each = Array.from({ length: batch }, (_, b) => b)
  for (let k = 1; k <= iterations; k++) {
    // float32 is what the map sees: differences are those of the rounded points.
    for (const p of points) p.set(Float32Array.from(p))
    const [a, b] = points as [Float64Array, Float64Array]
    const sides = points.map((p) => evaluated(f, p, [batch, size]))
    try {
      const d = sides[0]!.value.map((y, i) => y - sides[1]!.value[i]!)
      const e = a.map((x, i) => x - b[i]!)
      const [dd, ee] = [d, e].map((v) => each.map((row) => squares(v, row, batch))) as [number[], number[]]
      for (const row of each) {
        const ratio = Math.sqrt(dd[row]! / ee[row]!)
        if (Number.isFinite(ratio) && !(ratio <= best[row]!)) best[row] = ratio
      }
      const u = d.map((x, i) => x / (dd[Math.floor(i / (d.length / batch))]! || 1))
      sides.forEach(({ pull }, side) => {
        const sign = side === 0 ? 1 : -1
        const slope = pull(u.map((x) => sign * x)).map((g, i) => g - (sign * e[i]!) / (ee[Math.floor(i / size)]! || 1))
        adam(points[side]!, slope, moments[side]!, k, 0.2 * reach * 0.01 ** (k / iterations))
      })
    } finally {
      for (const side of sides) side.dispose()
    }
    for (const row of each) confine(points, middle, row, size, reach)
  }
  return best
}

function adam(
  p: Float64Array,
  slope: Float64Array,
  { first, second }: { first: Float64Array; second: Float64Array },
  k: number,
  rate: number,
): void {
  slope.forEach((g, i) => {
    if (!Number.isFinite(g)) return
    first[i] = 0.9 * first[i]! + 0.1 * g
    second[i] = 0.99 * second[i]! + 0.01 * g * g
    const [m, v] = [first[i]! / (1 - 0.9 ** k), second[i]! / (1 - 0.99 ** k)]
    if (v > 0) p[i]! += (rate * m) / Math.sqrt(v)
  })
}

/** Back into the ball, then apart if the two have met. */
function confine(
  points: readonly Float64Array[],
  middle: Float64Array,
  row: number,
  size: number,
  reach: number,
): void {
  const [from, to] = [row * size, (row + 1) * size]
  for (const p of points) {
    let far = 0
    for (let i = from; i < to; i++) far += (p[i]! - middle[i]!) ** 2
    const shrink = Math.min(1, reach / Math.sqrt(far || 1e-300))
    for (let i = from; i < to; i++) p[i] = middle[i]! + shrink * (p[i]! - middle[i]!)
  }
  const [a, b] = points as [Float64Array, Float64Array]
  let gap = 0
  for (let i = from; i < to; i++) gap += (a[i]! - b[i]!) ** 2
  const least = reach / 1000
  if (Math.sqrt(gap) >= least) return
  // Move the second towards the centre, where there is room.
  let inward = 0
  for (let i = from; i < to; i++) inward += (middle[i]! - a[i]!) ** 2
  const unit = Math.sqrt(inward)
  for (let i = from; i < to; i++)
    b[i] = a[i]! + (unit > 0 ? ((middle[i]! - a[i]!) / unit) * least : i === from ? least : 0)
}

function squares(v: Float64Array, row: number, batch: number): number {
  const size = v.length / batch
  let sum = 0
  for (let i = row * size; i < (row + 1) * size; i++) sum += v[i]! ** 2
  return sum
}
