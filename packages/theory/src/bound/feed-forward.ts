import { EquilibriaError } from '@equilibria/tensor'
import { type Matrix, matrixOf } from '../dense/matrix.ts'

/** Activations whose slopes are known. */
export type ActivationName = 'gelu' | 'identity' | 'relu' | 'sigmoid' | 'silu' | 'softplus' | 'tanh'

/** `x ↦ W_l φ(… φ(W_1 x + b_1) …) + b_l` in float64: what the bounds look at. Weights are `[outputs][inputs]`. */
export interface FeedForward {
  readonly layers: readonly {
    readonly weight: readonly ArrayLike<number>[]
    readonly bias?: ArrayLike<number>
  }[]
  readonly activation: ActivationName
}

interface Scalar {
  /** Smallest and largest slope, rounded outwards. */
  readonly slopes: readonly [number, number]
  value(x: number): number
  /** Slopes on `[low, high]`, rounded outwards; absent where only the global ones are used. */
  readonly slopesOn?: (low: number, high: number) => readonly [number, number]
}

const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))
/** For functions that rise to their value at 0 and fall after it. */
const peaked =
  (slope: (x: number) => number, top: number) =>
  (low: number, high: number): readonly [number, number] => {
    const ends = [slope(low), slope(high)]
    const most = low <= 0 && high >= 0 ? top : Math.max(...ends)
    return [Math.max(0, Math.min(...ends) - 1e-15), Math.min(top, most + 1e-15)]
  }

/** Values are good to a few units in the last place, as the engine's `exp` and `tanh` are; slopes say more than that. */
export const scalars: Readonly<Record<ActivationName, Scalar>> = {
  identity: { slopes: [1, 1], value: (x) => x, slopesOn: () => [1, 1] },
  relu: {
    slopes: [0, 1],
    value: (x) => Math.max(0, x),
    slopesOn: (low, high) => [low > 0 ? 1 : 0, high < 0 ? 0 : 1],
  },
  tanh: { slopes: [0, 1], value: Math.tanh, slopesOn: peaked((x) => 1 - Math.tanh(x) ** 2, 1) },
  sigmoid: { slopes: [0, 0.25], value: sigmoid, slopesOn: peaked((x) => sigmoid(x) * sigmoid(-x), 0.25) },
  softplus: {
    slopes: [0, 1],
    value: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    slopesOn: (low, high) => [Math.max(0, sigmoid(low) - 1e-15), Math.min(1, sigmoid(high) + 1e-15)],
  },
  // x Φ(x) and x σ(x): extremes at x = ±√2 and ±2.3994, to 16 digits, rounded outwards.
  gelu: { slopes: [-0.128904145185155, 1.128904145185155], value: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2 },
  silu: { slopes: [-0.0998393201288674, 1.0998393201288674], value: (x) => x * sigmoid(x) },
}

/** The series of the error function, and its continued fraction beyond 3. */
function erf(x: number): number {
  const size = Math.abs(x)
  if (size > 6) return Math.sign(x)
  if (size > 3) {
    let fraction = 0
    for (let k = 60; k > 0; k--) fraction = k / 2 / (size + fraction)
    return Math.sign(x) * (1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * (size + fraction)))
  }
  let [term, sum] = [x, x]
  for (let k = 1; k < 100; k++) {
    term *= (-x * x) / k
    sum += term / (2 * k + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

/** The network at one input, in float64. */
export function evaluate(network: FeedForward, x: ArrayLike<number>): Float64Array {
  const { value } = scalars[network.activation]
  let h = Float64Array.from(x)
  network.layers.forEach(({ weight, bias }, i) => {
    const into = h
    h = Float64Array.from(weight, (row, k) => {
      let sum = bias?.[k] ?? 0
      for (let j = 0; j < into.length; j++) sum += row[j]! * into[j]!
      return i < network.layers.length - 1 ? value(sum) : sum
    })
  })
  return h
}

/** @throws EquilibriaError `shape` when layers do not fit each other; `option` on an activation that is not known */
export function checkedWeights({ layers, activation }: FeedForward): readonly Matrix[] {
  if (!(activation in scalars))
    throw new EquilibriaError(
      'option',
      `The activation is "${String(activation)}".`,
      `Slopes are known for ${Object.keys(scalars).join(', ')}.`,
    )
  if (layers.length === 0) throw new EquilibriaError('shape', 'The network has no layer.', 'Give at least one weight.')
  const weights = layers.map(({ weight }) => matrixOf(weight))
  weights.forEach(({ rows, columns, data }, i) => {
    const before = weights[i - 1]
    const bias = layers[i]!.bias
    if (data.length === 0 || (before && columns !== before.rows) || (bias && bias.length !== rows))
      throw new EquilibriaError(
        'shape',
        `Layer ${i} is [${rows}, ${columns}]${before ? ` after one of ${before.rows} outputs` : ''}${bias ? `, its bias has ${bias.length}` : ''}.`,
        'Weights are [outputs][inputs], the inputs of a layer are the outputs of the one before.',
      )
  })
  return weights
}
