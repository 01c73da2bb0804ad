import { EquilibriaError } from '@equilibria/tensor'
import type { LpInput } from './input.ts'

/** One side of the graph, all samples of the batch together: node `i` has entries `starts[i] … starts[i + 1] − 1`. */
export interface Adjacency {
  /** Length `batch · nodes + 1`. */
  readonly starts: Int32Array
  /** Node on the other side, counted over the whole batch. */
  readonly neighbours: Int32Array
  /** Position of the edge in the flattened `[batch, E]` values. */
  readonly edges: Int32Array
}

/** The sparsity pattern of a batch, read once per bind. Plain host arrays: nothing to dispose. */
export interface Bipartite {
  readonly batch: number
  readonly constraints: number
  readonly variables: number
  /** Edges per sample, `E`. */
  readonly edges: number
  readonly byConstraint: Adjacency
  readonly byVariable: Adjacency
  /** Constraint and variable of each edge, counted over the whole batch; length `batch · E`. */
  readonly constraintOf: Int32Array
  readonly variableOf: Int32Array
}

/**
 * Sorts the edges of a batch by constraint and by variable.
 *
 * @cost `O(batch · (E + m + n))` on the host, one read-back of `edgeIndex`
 * @throws EquilibriaError when an edge names a constraint or a variable that is not there
 */
export function bipartite({ b, c, edgeIndex }: LpInput): Bipartite {
  const [batch, constraints] = b.shape
  const variables = c.shape[1]
  const edges = edgeIndex.shape[1]
  const index = edgeIndex.dataSync()
  const constraintOf = new Int32Array(batch * edges)
  const variableOf = new Int32Array(batch * edges)
  for (let e = 0; e < batch * edges; e++) {
    const sample = Math.floor(e / edges)
    const constraint = index[2 * e]!
    const variable = index[2 * e + 1]!
    if (!(constraint >= 0 && constraint < constraints && variable >= 0 && variable < variables))
      throw new EquilibriaError(
        'data',
        `Edge ${e - sample * edges} of sample ${sample} joins constraint ${constraint} and variable ${variable}; ` +
          `the program has ${constraints} constraints and ${variables} variables.`,
        'Count constraints and variables from 0 within each sample; pad with edges of value 0 between existing nodes.',
      )
    constraintOf[e] = sample * constraints + constraint
    variableOf[e] = sample * variables + variable
  }
  return {
    batch,
    constraints,
    variables,
    edges,
    byConstraint: adjacency(batch * constraints, constraintOf, variableOf),
    byVariable: adjacency(batch * variables, variableOf, constraintOf),
    constraintOf,
    variableOf,
  }
}

/** Counting sort: linear, and stable, so that sums run in the order of the edges. */
function adjacency(nodes: number, own: Int32Array, other: Int32Array): Adjacency {
  const starts = new Int32Array(nodes + 1)
  for (const i of own) starts[i + 1]!++
  for (let i = 0; i < nodes; i++) starts[i + 1]! += starts[i]!
  const next = starts.slice(0, nodes)
  const neighbours = new Int32Array(own.length)
  const edges = new Int32Array(own.length)
  for (let e = 0; e < own.length; e++) {
    const k = next[own[e]!]!++
    neighbours[k] = other[e]!
    edges[k] = e
  }
  return { starts, neighbours, edges }
}
