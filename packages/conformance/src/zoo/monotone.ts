import * as tf from '@tensorflow/tfjs-core'
import { linearProxSplitting, type Proximal, proximal } from '@equilibria/solvers'
import { gaussian, type Matrix, matrix, newtonFixedPoint, product, resolventNorm, times, transpose } from './host.ts'
import { type ZooProblem, zooProblem } from './problem.ts'

interface Activation {
  readonly map: Proximal
  apply(v: tf.Tensor): tf.Tensor
  host(v: number): number
  slope(v: number): number
}
const ACTIVATIONS: { readonly relu: Activation; readonly tanh: Activation } = {
  relu: {
    map: proximal.relu,
    apply: (v: tf.Tensor) => tf.relu(v),
    host: (v: number) => Math.max(v, 0),
    slope: (v: number) => (v > 0 ? 1 : 0),
  },
  tanh: {
    map: proximal.tanh,
    apply: (v: tf.Tensor) => tf.tanh(v),
    host: Math.tanh,
    slope: (v: number) => 1 - Math.tanh(v) ** 2,
  },
}

/** A monotone operator network with its matrix, for tests of gradients. */
export interface MonotoneProblem extends ZooProblem {
  /** `W`, acting on columns: `z = σ(W z + x)`. */
  readonly matrix: Matrix
  /** `∂G/∂z` at the answer of each sample. */
  jacobian(sample: number): number[][]
  /** `m` and `L` of `I − W`. */
  readonly monotonicity: number
  readonly norm: number
}

/** Largest singular value, by 200 power steps. */
function norm2(a: Matrix): number {
  const at = transpose(a)
  let v = a.map((_, i) => 1 + Math.sin(i + 1))
  let size = 0
  for (let k = 0; k < 200; k++) {
    const length = Math.hypot(...v)
    const w = times(
      a,
      v.map((x) => x / length),
    )
    size = Math.hypot(...w)
    v = times(at, w)
  }
  return size
}

/**
 * `z = σ(W z + x)` with `W = (1 − m) I − PᵀP + Q − Qᵀ`: the symmetric part of `I − W` is at least `m I`, so there is one
 * fixed point, however far Picard runs away from it. Parameters are `x`, rows are samples.
 */
export function monotoneNetwork(parts: {
  readonly name: string
  readonly monotonicity: number
  readonly P: Matrix
  readonly Q: Matrix
  readonly activation: keyof typeof ACTIVATIONS
  readonly parameters: readonly (readonly number[])[]
  readonly radius: number
}): MonotoneProblem {
  const { monotonicity: m, P, Q, parameters } = parts
  const n = Q.length
  const gram = product(transpose(P), P)
  const W = matrix(n, n, (i, j) => (i === j ? 1 - m : 0) - gram[i]![j]! + Q[i]![j]! - Q[j]![i]!)
  const M = matrix(n, n, (i, j) => Number(i === j) - W[i]![j]!)
  const norm = norm2(M) * (1 + 1e-6)
  const { map, apply, host, slope } = ACTIVATIONS[parts.activation]
  const jacobian = (z: readonly number[], x: readonly number[]) => {
    const s = times(W, z).map((v, i) => slope(v + x[i]!))
    return matrix(n, n, (i, j) => s[i]! * W[i]![j]!)
  }
  // Newton's method, from where forward–backward gets in float64: by then the active set of ReLU is the right one.
  const alpha = m / norm ** 2
  const answers = parameters.map((x) => {
    let z = x.map(() => 0)
    for (let k = 0; parts.activation === 'relu' && k < 1000; k++) {
      const s = times(W, z)
      z = z.map((v, i) => host(v - alpha * (v - s[i]! - x[i]!)))
    }
    return newtonFixedPoint(
      {
        apply: (v) => times(W, v).map((s, i) => host(s + x[i]!)),
        jacobian: (v) => jacobian(v, x),
      },
      z,
    )
  })
  const problem = zooProblem({
    name: parts.name,
    summary: `A monotone operator network: n = ${n}, m = ${m}, ‖I − W‖ = ${norm.toFixed(1)}.`,
    source: 'forward–backward and Newton in float64',
    radius: parts.radius,
    picard: 'fails',
    parameters,
    answers,
    resolvent: Math.max(...answers.map((z, b) => resolventNorm(jacobian(z, parameters[b]!)))),
    constants: () => [tf.tensor2d(transpose(W))],
    apply: (z, x, [columns]) => apply(tf.add(tf.matMul(z, columns!), x)),
  })
  return {
    ...problem,
    matrix: W,
    monotonicity: m,
    norm,
    jacobian: (b) => jacobian(answers[b]!, parameters[b]!),
    operator: () => ({
      ...problem.operator(),
      bind: (x) => {
        const weights = tf.tensor2d(transpose(W)) // rows are samples: z Wᵀ
        return {
          initial: () => tf.zerosLike(x),
          apply: (z) => apply(tf.add(tf.matMul(z, weights), x)),
          splitting: linearProxSplitting({ weights, bias: x, proximal: map, monotonicity: m, lipschitz: norm }),
        }
      },
    }),
  }
}

/** Truth case `mondeq_2d`: `‖W‖ = 2.28`, `m = 0.5`; the fixed point of the first sample is `(1/0.67, 0)`. */
const plane = (): MonotoneProblem =>
  monotoneNetwork({
    name: 'monotone-2d',
    monotonicity: 0.5,
    P: [
      [0.4, -0.2],
      [0.1, 0.3],
    ],
    Q: [
      [0, 1.5],
      [-0.7, 0],
    ],
    activation: 'relu',
    parameters: [
      [1, -0.5],
      [1, 3],
      [-0.4, 2],
    ],
    radius: 2.227,
  })

/** 20 entries and a skew part of norm 8.6: Picard runs to 1e12 and beyond. */
const hard = (activation: 'relu' | 'tanh') => (): MonotoneProblem => {
  const random = gaussian(17)
  const n = 20
  return monotoneNetwork({
    name: `monotone-${activation}`,
    monotonicity: 0.5,
    P: matrix(n, n, () => random() / Math.sqrt(n)),
    Q: matrix(n, n, () => 0.8 * random()),
    activation,
    parameters: matrix(3, n, random),
    radius: 9,
  })
}

/** Maps that are monotone though far from contractive, with their splittings. */
export const monotone: {
  readonly plane: () => MonotoneProblem
  readonly relu: () => MonotoneProblem
  readonly tanh: () => MonotoneProblem
} = { plane, relu: hard('relu'), tanh: hard('tanh') }
