import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import { type Bipartite, bipartite } from '../graph/bipartite.ts'
import type { LpInput } from '../graph/input.ts'
import { edgeDot, sparseProduct } from '../graph/sparse-product.ts'
import { checkInput } from './features.ts'

/**
 * A batch of programs in units of their own: variables `u = (y − centre) / half` in `[−1, 1]`, constraints of unit row
 * norm, costs of unit root mean square. Rescaling a program (its variables, rows or objective) changes nothing here.
 */
export interface Scaled {
  readonly graph: Bipartite
  /** `[batch, E]` */
  readonly matrix: tf.Tensor2D
  /** Entries of `matrix`, squared. */
  readonly squared: tf.Tensor2D
  /** `[1, batch · n]` */
  readonly cost: tf.Tensor2D
  /** `[1, batch · m]` */
  readonly right: tf.Tensor2D
  readonly equality: tf.Tensor2D
  /** `[batch, n]`: middle of the bounds, and half their distance. */
  readonly centre: tf.Tensor2D
  readonly half: tf.Tensor2D
  /** `[batch, m]`: from scaled multipliers back to those of the program. */
  readonly dualUnit: tf.Tensor2D
}

/* Under the square roots: far below any sum of squares that means something, and its root has a finite gradient. */
const TINY = 1e-20

/** @throws EquilibriaError when leaves do not belong together, or bounds are infinite, crossed or not numbers */
export function scaleProgram(input: LpInput): Scaled {
  checkInput(input)
  checkBounds(input)
  const { c, lower, upper, b, equality, edgeValue } = input
  const graph = bipartite(input)
  const [batch, m] = b.shape
  const row = (t: tf.Tensor): tf.Tensor2D => tf.reshape(t, [1, t.size])
  const half = tf.mul(tf.sub(upper, lower), 0.5) as tf.Tensor2D
  const centre = tf.mul(tf.add(upper, lower), 0.5) as tf.Tensor2D
  const width = row(half)

  const cost = tf.mul(c, half)
  const free = tf.maximum(tf.sum(tf.step(half), 1, true), 1) // padding must not count
  const costUnit = tf.sqrt(tf.add(tf.div(tf.sum(tf.square(cost), 1, true), free), TINY))
  const norm = tf.sqrt(
    tf.add(sparseProduct(graph, tf.square(edgeValue), tf.square(width), 'constraints'), TINY),
  ) as tf.Tensor2D
  const matrix = tf.mul(edgeValue, edgeDot(graph, tf.div(1, norm), width)) as tf.Tensor2D
  const slack = tf.sub(row(b), sparseProduct(graph, edgeValue, row(centre), 'constraints'))
  return {
    graph,
    matrix,
    squared: tf.square(matrix),
    cost: row(tf.div(cost, costUnit)),
    right: tf.div(slack, norm) as tf.Tensor2D,
    equality: row(equality),
    centre,
    half,
    dualUnit: tf.div(costUnit, tf.reshape(norm, [batch, m])) as tf.Tensor2D,
  }
}

function checkBounds({ lower, upper }: LpInput): void {
  const [low, high] = [lower.dataSync(), upper.dataSync()]
  const n = lower.shape[1]
  const bad = low.findIndex((l, j) => !(l <= high[j]! && Number.isFinite(l) && Number.isFinite(high[j]!)))
  if (bad >= 0)
    throw new EquilibriaError(
      'data',
      `Variable ${bad % n} of program ${Math.floor(bad / n)} has the bounds [${low[bad]}, ${high[bad]}].`,
      'This network scales variables by their bounds: give finite ones, the lower at most the upper.',
    )
}
