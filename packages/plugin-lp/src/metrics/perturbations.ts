import type { Perturbation } from '@equilibria/spec'
import * as tf from '@tensorflow/tfjs-core'
import { randomStream } from '../data/random.ts'
import type { LpInput } from '../graph/input.ts'
import { type HostInput, readInput } from './host-input.ts'

type Leaf = 'c' | 'lower' | 'upper' | 'b' | 'edgeValue'

/** Padding has no direction to go: rows without edges, and variables fixed at 0 that nothing mentions. */
function moves(host: HostInput, leaf: Leaf): (sample: number, entry: number) => boolean {
  const { constraints: m, variables: n, edges, edgeIndex, edgeValue, lower, upper, c } = host
  if (leaf === 'edgeValue') return (k, e) => edgeValue[k * edges + e] !== 0
  const rows = new Set<number>()
  const columns = new Set<number>()
  for (let e = 0; e < host.batch * edges; e++) {
    if (edgeValue[e] === 0) continue
    const k = Math.floor(e / edges)
    rows.add(k * m + (edgeIndex[2 * e] ?? 0))
    columns.add(k * n + (edgeIndex[2 * e + 1] ?? 0))
  }
  if (leaf === 'b') return (k, i) => rows.has(k * m + i)
  return (k, j) => {
    const at = k * n + j
    return columns.has(at) || c[at] !== 0 || lower[at] !== 0 || upper[at] !== 0
  }
}

/**
 * Moves one leaf of every sample by a Gaussian direction of 2-norm `radius`. A bound that would cross the other one goes
 * the opposite way by as much, so that `lower ≤ upper` and the norm hold; infinite bounds stay. The numbers are float32:
 * at a radius of 1e-4 the norm of a move of 50 bounds of size 10 comes out right to 0.7 %. Measure it where that matters.
 */
function perturbation(name: string, leaf: Leaf): Perturbation<LpInput> {
  return {
    name,
    apply: (input, { seed, radius }) => {
      const host = readInput(input)
      const moved = input[leaf]
      const [batch, width] = moved.shape
      const values = Float32Array.from(host[leaf])
      const may = moves(host, leaf)
      for (let k = 0; k < batch; k++) {
        const random = randomStream(seed, k)
        const direction = Float64Array.from({ length: width }, (_, j) => {
          const value = random.normal()
          return may(k, j) && Number.isFinite(values[k * width + j]) ? value : 0
        })
        const norm = Math.sqrt(direction.reduce((sum, v) => sum + v * v, 0))
        if (norm === 0) continue
        for (let j = 0; j < width; j++) {
          const at = k * width + j
          const step = ((direction[j] ?? 0) * radius) / norm
          const from = values[at] ?? 0
          const crossed =
            (leaf === 'lower' && from + step > (host.upper[at] ?? Infinity)) ||
            (leaf === 'upper' && from + step < (host.lower[at] ?? -Infinity))
          values[at] = crossed ? from - step : from + step
        }
      }
      const copy: LpInput = {
        c: tf.clone(input.c),
        lower: tf.clone(input.lower),
        upper: tf.clone(input.upper),
        b: tf.clone(input.b),
        equality: tf.clone(input.equality),
        edgeIndex: tf.clone(input.edgeIndex),
        edgeValue: tf.clone(input.edgeValue),
      }
      copy[leaf].dispose()
      return { ...copy, [leaf]: tf.tensor2d(values, [batch, width]) }
    },
  }
}

/** Each of `A` (its existing edges), `b`, `c`, `lower` and `upper`, moved on its own. */
export const lpPerturbations: readonly Perturbation<LpInput>[] = [
  perturbation('A', 'edgeValue'),
  perturbation('b', 'b'),
  perturbation('c', 'c'),
  perturbation('l', 'lower'),
  perturbation('u', 'upper'),
]
