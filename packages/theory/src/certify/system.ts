import { EquilibriaError } from '@equilibria/tensor'
import { matrixOf } from '../dense/matrix.ts'
import { type Span, point, product, rising, sum } from './interval.ts'

/** A box: one interval per entry of the state. */
export type Box = readonly Span[]

/** `z ↦ G(z)` as interval arithmetic sees it: everything returned encloses the truth on the whole box. */
export interface IntervalSystem {
  readonly size: number
  value(box: Box): Box
  /** `∂G/∂z`, row-major. */
  jacobian(box: Box): Box
}

/** `G(z) = φ(W z + b)`: a dense layer with its input filled in, `b` the injection. */
export interface DenseSystem {
  /** `[size][size]`, as in `W z`. */
  readonly weight: readonly ArrayLike<number>[]
  readonly offset: ArrayLike<number>
  readonly activation: 'identity' | 'relu' | 'sigmoid' | 'tanh'
}

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))
const clip = ([low, high]: Span, least: number, most: number): Span => [
  low < least ? least : low,
  high > most ? most : high,
]

const functions: Record<DenseSystem['activation'], { value(v: Span): Span; slope(v: Span): Span }> = {
  identity: { value: (v) => v, slope: () => [1, 1] },
  relu: {
    value: ([low, high]) => [Math.max(0, low), Math.max(0, high)],
    slope: ([low, high]) => (low > 0 ? [1, 1] : high < 0 ? [0, 0] : [0, 1]),
  },
  tanh: {
    value: (v) => clip(rising(Math.tanh, v), -1, 1),
    // 1 − t² of an enclosure of t.
    slope: (v) => {
      const t = clip(rising(Math.tanh, v), -1, 1)
      const square = product(t, t)
      return clip([1 - square[1] - 2 ** -52, 1 - (t[0] <= 0 && t[1] >= 0 ? 0 : square[0]) + 2 ** -52], 0, 1)
    },
  },
  sigmoid: {
    value: (v) => clip(rising(sigmoid, v), 0, 1),
    slope: (v) => {
      const s = clip(rising(sigmoid, v), 0, 1)
      // s(1 − s) rises to ¼ at ½ and falls after it.
      const at = (x: number): number => x * (1 - x)
      const [a, b] = [at(s[0]), at(s[1])]
      const top = s[0] <= 0.5 && s[1] >= 0.5 ? 0.25 : Math.max(a, b)
      return clip([Math.min(a, b) - 2 ** -50, top + 2 ** -50], 0, 0.25)
    },
  },
}

/**
 * A dense layer for `certify`. Weights and offset are taken as exact: pass the float32 values of the operator, widened.
 *
 * @throws EquilibriaError `shape` when the weight is not square or the offset does not fit
 */
export function denseSystem({ weight, offset, activation }: DenseSystem): IntervalSystem {
  const w = matrixOf(weight)
  const n = w.rows
  if (w.columns !== n || offset.length !== n)
    throw new EquilibriaError(
      'shape',
      `denseSystem() got a weight [${n}, ${w.columns}] and an offset of ${offset.length}.`,
      'The weight is square, the offset has one entry per row.',
    )
  const { value, slope } = functions[activation]
  const before = (box: Box): Span[] =>
    Array.from({ length: n }, (_, i) => {
      let total: Span = point(offset[i]!)
      for (let j = 0; j < n; j++) {
        const x = w.data[i * n + j]!
        if (x !== 0) total = sum(total, product(point(x), box[j]!))
      }
      return total
    })
  return {
    size: n,
    value: (box) => before(box).map(value),
    jacobian: (box) =>
      before(box).flatMap((v, i) => {
        const s = slope(v)
        return Array.from({ length: n }, (_, j): Span => {
          const x = w.data[i * n + j]!
          return x === 0 ? [0, 0] : s[0] === 1 && s[1] === 1 ? point(x) : product(s, point(x))
        })
      }),
  }
}
