import type { Report } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import { normal } from '../statistics/random.ts'
import { short } from '../words.ts'
import type { Ball } from './local.ts'

/** Where to look, and how hard. */
export interface LowerBoundOptions extends Ball {
  /** Random starts. Default `32`. */
  readonly starts?: number
  /** Moves tried from each of the best four. Default `40`. */
  readonly moves?: number
  /** `f` is evaluated to this relative error of `‖f‖₂`. Default `1e-14`, some dozens of float64 roundings. */
  readonly accuracy?: number
  /** Default `0`. */
  readonly seed?: number
}

/** Two inputs, and how far apart `f` takes them. */
export interface LowerBoundDetail {
  readonly a: Float64Array
  readonly b: Float64Array
  /** `‖f(a) − f(b)‖ / ‖a − b‖` as computed, before the evaluation error is taken off. */
  readonly ratio: number
  readonly evaluations: number
}

/**
 * A lower bound on the Lipschitz constant of `f` on a ball, with its witness: a pair of points, evaluated in float64. From
 * random starts, the steepest direction by central differences and power iteration, then random moves that are kept when
 * they make it steeper; pairs of several lengths along it. The ratio of the best pair, less what evaluation errors could
 * have added.
 *
 * A bound as far as `accuracy` is true; how close to the constant, nothing says: compare with `upperBound`.
 *
 * @cost about `(2n + 6) · (starts + 4 · moves)` evaluations of `f` on one input of `n` entries
 * @throws EquilibriaError `option` on settings that are not usable; `shape` when `f` changes the length of its result
 * @example
 * ```ts
 * import { lowerBound } from '@equilibria/theory'
 *
 * const { value, detail } = lowerBound((x) => Float64Array.of(Math.abs(x[0]!)), { centre: [0], radius: 1 })
 * console.log(value, detail.a, detail.b) // 1, and two points on one side of 0
 * ```
 */
export function lowerBound(f: (x: Float64Array) => Float64Array, options: LowerBoundOptions): Report<LowerBoundDetail> {
  const { centre, radius, starts = 32, moves = 40, accuracy = 1e-14, seed = 0 } = options
  requireRange('lowerBound({ radius })', radius, Number.MIN_VALUE, Number.MAX_VALUE)
  requireRange('lowerBound({ accuracy })', accuracy, 0)
  requireWhole('lowerBound({ starts })', starts, 1)
  requireWhole('lowerBound({ moves })', moves, 0)
  const n = centre.length
  const draw = normal(seed)
  let evaluations = 0
  let size: number | undefined
  const at = (x: Float64Array): Float64Array => {
    evaluations++
    const y = f(x)
    size ??= y.length
    if (y.length !== size)
      throw new EquilibriaError('shape', `f returned ${y.length} numbers after ${size}.`, 'Return as many each time.')
    return y
  }
  const confined = (x: Float64Array): Float64Array => {
    const far = Math.hypot(...x.map((v, i) => v - centre[i]!))
    // Inside by a hair, so that rounding does not leave the ball.
    return far <= radius * (1 - 1e-12)
      ? x
      : x.map((v, i) => centre[i]! + ((v - centre[i]!) * radius * (1 - 1e-9)) / far)
  }
  const best = { a: Float64Array.from(centre), b: Float64Array.from(centre), ratio: 0, safe: 0 }
  /** The steepest pair around `x`; its ratio. */
  const steepest = (x: Float64Array): number => {
    const h = 1e-5 * radius
    const columns = Array.from({ length: n }, (_, j) => {
      const [up, down] = [1, -1].map((sign) => at(x.map((v, i) => (i === j ? v + sign * h : v)))) as [
        Float64Array,
        Float64Array,
      ]
      return up.map((y, i) => (y - down[i]!) / (2 * h))
    })
    let v = Float64Array.from({ length: n }, draw)
    for (let k = 0; k < 30; k++) {
      const w = new Float64Array(columns[0]!.length)
      columns.forEach((column, j) => column.forEach((c, i) => (w[i]! += c * v[j]!)))
      const next = Float64Array.from(columns, (column) => column.reduce((s, c, i) => s + c * w[i]!, 0))
      const length = Math.hypot(...next)
      if (!(length > 0) || !Number.isFinite(length)) break
      v = next.map((c) => c / length)
    }
    const length = Math.hypot(...v)
    let most = 0
    for (const reach of [1e-4, 1e-2, 0.3]) {
      const [a, b] = [0.5, -0.5].map((side) =>
        confined(x.map((c, i) => c + (side * reach * radius * v[i]!) / length)),
      ) as [Float64Array, Float64Array]
      const [fa, fb] = [at(a), at(b)]
      const gap = Math.hypot(...a.map((c, i) => c - b[i]!))
      const ratio = Math.hypot(...fa.map((y, i) => y - fb[i]!)) / gap
      // Evaluation errors at both ends, and the rounding of the two distances.
      const safe =
        ratio * (1 - (n + fa.length + 8) * 2 ** -52) - (accuracy * (Math.hypot(...fa) + Math.hypot(...fb))) / gap
      if (safe > best.safe) Object.assign(best, { a, b, ratio, safe })
      if (ratio > most) most = ratio
    }
    return most
  }
  const inside = (): Float64Array => {
    const v = Float64Array.from({ length: n }, draw)
    const length = Math.hypot(...v) || 1
    const reach = radius * Math.abs(Math.tanh(draw())) // all distances, the edge included
    return v.map((c, i) => centre[i]! + (c / length) * reach)
  }
  const found = Array.from({ length: starts }, () => inside()).map((x) => ({ x, value: steepest(x) }))
  for (const start of found.sort((p, q) => q.value - p.value).slice(0, 4)) {
    let { x, value } = start
    let step = 0.3 * radius
    for (let k = 0; k < moves; k++) {
      const next = confined(x.map((c) => c + (step * draw()) / Math.sqrt(n)))
      const reached = steepest(next)
      if (reached > value) [x, value] = [next, reached]
      else step *= 0.9
    }
  }
  const value = Math.max(0, best.safe)
  return {
    kind: 'report',
    property: 'lipschitz-lower-bound',
    verdict: value > 0 ? 'holds' : 'unknown',
    evidence: 'bound',
    value,
    statement: `No constant below ${short(Math.floor(value * 1e4) / 1e4)} is a Lipschitz constant on the ball of radius ${short(radius)}: two inputs are on record.`,
    assumptions: [`f is evaluated to a relative error of ${accuracy} in the 2-norm.`],
    sources: [],
    detail: { a: best.a, b: best.b, ratio: best.ratio, evaluations },
  }
}
