import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import { bipartite } from '../graph/bipartite.ts'
import type { LpInput } from '../graph/input.ts'
import { stack } from './dense.ts'
import type { Weighted } from './half-convolution.ts'

/** A batch as the reference's networks see it: one disjoint graph, `[channels, nodes]`. */
export interface Features {
  readonly weighted: Weighted
  /** `[2, batch · m]`: right-hand side, 1 for an equality. */
  readonly constraints: tf.Tensor2D
  /** `[3, batch · n]`: cost, lower bound, upper bound. */
  readonly variables: tf.Tensor2D
}

/** @throws EquilibriaError when the leaves do not belong together */
export function features(input: LpInput): Features {
  checkInput(input)
  const { c, lower, upper, b, equality, edgeValue } = input
  return {
    weighted: { graph: bipartite(input), values: edgeValue },
    constraints: layers([b, equality]),
    variables: layers([c, lower, upper]),
  }
}

const layers = (parts: readonly tf.Tensor2D[]): tf.Tensor2D => stack(parts.map((t) => tf.reshape(t, [1, t.size])))

/** Every leaf `[batch, …]`, with one `n`, one `m` and one number of edges. */
export function checkInput(input: LpInput): void {
  const { c, b, edgeValue } = input
  const [batch, n] = c.shape
  const [, m] = b.shape
  const [, edges] = edgeValue.shape
  const legal: Readonly<Record<keyof LpInput, readonly number[]>> = {
    c: [batch, n],
    lower: [batch, n],
    upper: [batch, n],
    b: [batch, m],
    equality: [batch, m],
    edgeIndex: [batch, edges, 2],
    edgeValue: [batch, edges],
  }
  for (const [name, shape] of Object.entries(legal)) {
    const got = input[name as keyof LpInput].shape
    if (got.join() !== shape.join())
      throw new EquilibriaError(
        'shape',
        `Leaf "${name}" of the linear programs has shape (${got}); with c (${c.shape}), b (${b.shape}) and edgeValue (${edgeValue.shape}) it must be (${shape.join()}).`,
        'Give every leaf one row per program: c, lower, upper [batch, n]; b, equality [batch, m]; edges [batch, E(, 2)].',
      )
  }
}
