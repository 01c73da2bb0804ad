import type { Operator } from '@equilibria/spec'
import * as tf from '@tensorflow/tfjs-core'
import { bipartite } from '../graph/bipartite.ts'
import type { LpInput } from '../graph/input.ts'
import { sparseProduct } from '../graph/sparse-product.ts'

/** A point and its multipliers: `y [batch, n]`, `dual [batch, m]` with `c = Aᵀ dual + r`, `dual ≤ 0` on `≤` rows. */
export type PdhgStepState = { readonly y: tf.Tensor2D; readonly dual: tf.Tensor2D }

/**
 * One primal–dual hybrid gradient step on linear programs, in plain tensors, so that gradients pass through it:
 *
 * `y⁺ = clip(y − τ (c − Aᵀλ), lower, upper)`, `λ⁺ = λ − σ (A (2 y⁺ − y) − b)`, negative part only on `≤` rows,
 *
 * with the diagonal steps `τ_j = 1 / Σᵢ |aᵢⱼ|`, `σᵢ = 1 / Σⱼ |aᵢⱼ|`. Its fixed points are the optimal primal–dual pairs;
 * it is nonexpansive in a weighted norm, not a contraction. State in the units of the program, from 0.
 *
 * Cost per step: two sparse products, `4 E` multiply–adds per sample. Not for getting an LP solved: `solveLp` restarts,
 * adapts its steps and keeps 48 bits. This one is for looking at, for Anderson, and for implicit gradients in
 * `c`, `b`, `lower`, `upper` and the edge values where the optimum is unique.
 * @cost 1 evaluation is two sparse products, no stored vectors
 * @throws `data` when an edge names a constraint or a variable that is not there
 * @cite pock2011
 */
export function pdhgStep(): Operator<PdhgStepState, LpInput> {
  return {
    kind: 'operator',
    spec: 1,
    name: 'lp/pdhg-step',
    traits: { rowwise: true },
    bind: (input) => {
      const { c, lower, upper, b, equality, edgeValue } = input
      const [batch, n] = c.shape
      const m = b.shape[1]
      const graph = bipartite(input)
      const product = (x: tf.Tensor, to: 'constraints' | 'variables'): tf.Tensor =>
        tf.reshape(sparseProduct(graph, edgeValue, tf.reshape(x, [1, -1]), to), [batch, to === 'constraints' ? m : n])
      const [tau, sigma] = steps(input)
      return {
        initial: () => ({
          y: tf.minimum(tf.maximum(tf.zeros([batch, n]), lower), upper),
          dual: tf.zeros([batch, m]),
        }),
        apply: ({ y, dual }) => {
          const gradient = tf.sub(c, product(dual, 'variables'))
          const next = tf.minimum(tf.maximum(tf.sub(y, tf.mul(tau, gradient)), lower), upper)
          const residual = tf.sub(product(tf.sub(tf.mul(next, 2), y), 'constraints'), b)
          const free = tf.sub(dual, tf.mul(sigma, residual))
          const signed = tf.minimum(free, 0)
          return { y: next, dual: tf.add(signed, tf.mul(equality, tf.sub(free, signed))) }
        },
      }
    },
  }
}

/** `τ` and `σ` as constants: they move the path, not the fixed points. Empty rows and columns get 1. */
function steps({ c, b, edgeIndex, edgeValue }: LpInput): readonly [tf.Tensor2D, tf.Tensor2D] {
  const [batch, n] = c.shape
  const m = b.shape[1]
  const edges = edgeValue.shape[1]
  const [index, value] = [edgeIndex.dataSync(), edgeValue.dataSync()]
  const columns = new Float32Array(batch * n)
  const rows = new Float32Array(batch * m)
  for (let e = 0; e < batch * edges; e++) {
    const k = Math.floor(e / edges)
    const i = k * m + (index[2 * e] ?? 0)
    const j = k * n + (index[2 * e + 1] ?? 0)
    rows[i] = (rows[i] ?? 0) + Math.abs(value[e] ?? 0)
    columns[j] = (columns[j] ?? 0) + Math.abs(value[e] ?? 0)
  }
  const inverse = (sums: Float32Array): Float32Array => sums.map((sum) => (sum > 0 ? 1 / sum : 1))
  return [tf.tensor2d(inverse(columns), [batch, n]), tf.tensor2d(inverse(rows), [batch, m])]
}
