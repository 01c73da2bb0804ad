import type { LpInput } from '../graph/input.ts'

/** An `LpInput` read back to the host, for sums in float64. */
export interface HostInput {
  readonly batch: number
  readonly constraints: number
  readonly variables: number
  readonly edges: number
  readonly c: ArrayLike<number>
  readonly lower: ArrayLike<number>
  readonly upper: ArrayLike<number>
  readonly b: ArrayLike<number>
  readonly equality: ArrayLike<number>
  readonly edgeIndex: ArrayLike<number>
  readonly edgeValue: ArrayLike<number>
}

export function readInput(input: LpInput): HostInput {
  const [batch, variables] = input.c.shape
  return {
    batch,
    constraints: input.b.shape[1],
    variables,
    edges: input.edgeValue.shape[1],
    c: input.c.dataSync(),
    lower: input.lower.dataSync(),
    upper: input.upper.dataSync(),
    b: input.b.dataSync(),
    equality: input.equality.dataSync(),
    edgeIndex: input.edgeIndex.dataSync(),
    edgeValue: input.edgeValue.dataSync(),
  }
}
