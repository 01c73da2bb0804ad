import type { Metric } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import type { LpInput, LpOutput } from '../graph/input.ts'
import { readInput } from './host-input.ts'

/** `value(sample)` for each sample, after the shapes were compared. */
function perSample(prediction: LpOutput, target: LpOutput, value: (sample: number, n: number) => number): Float32Array {
  const [batch, n] = target.shape
  if (prediction.shape.join() !== target.shape.join()) {
    throw new EquilibriaError(
      'shape',
      `The prediction is [${prediction.shape.join(', ')}] and the label [${target.shape.join(', ')}].`,
      'Both are [batch, variables].',
    )
  }
  return Float32Array.from({ length: batch }, (_, k) => value(k, n))
}

/** `‖ŷ − y‖₂ / (1 + ‖y‖₂)`: the headline. */
export const relativeError: Metric<LpInput, LpOutput> = {
  name: 'relative error',
  summary: 'Distance to the label, ‖ŷ − y‖₂ / (1 + ‖y‖₂).',
  better: 'less',
  measure: (prediction, target) => {
    const [p, y] = [prediction.dataSync(), target.dataSync()]
    return perSample(prediction, target, (k, n) => {
      let [difference, size] = [0, 0]
      for (let j = k * n; j < (k + 1) * n; j++) {
        difference += ((p[j] ?? 0) - (y[j] ?? 0)) ** 2
        size += (y[j] ?? 0) ** 2
      }
      return Math.sqrt(difference) / (1 + Math.sqrt(size))
    })
  },
}

/** `|cᵀŷ − cᵀy| / (1 + |cᵀy|)`. Small for an infeasible prediction too: read it beside the violation. */
export const objectiveGap: Metric<LpInput, LpOutput> = {
  name: 'objective gap',
  summary: 'Difference of the objectives, |cᵀŷ − cᵀy| / (1 + |cᵀy|).',
  better: 'less',
  measure: (prediction, target, input) => {
    const [p, y, c] = [prediction.dataSync(), target.dataSync(), input.c.dataSync()]
    return perSample(prediction, target, (k, n) => {
      let [ours, best] = [0, 0]
      for (let j = k * n; j < (k + 1) * n; j++) {
        ours += (c[j] ?? 0) * (p[j] ?? 0)
        best += (c[j] ?? 0) * (y[j] ?? 0)
      }
      return Math.abs(ours - best) / (1 + Math.abs(best))
    })
  },
}

/** `‖v‖₂ / (1 + ‖b‖₂)` with `v` the violations of rows and bounds. */
export const constraintViolation: Metric<LpInput, LpOutput> = {
  name: 'constraint violation',
  summary: 'Violations of rows and bounds, ‖(A ŷ − b)₊ or |A ŷ − b|, (lower − ŷ)₊, (ŷ − upper)₊‖₂ / (1 + ‖b‖₂).',
  better: 'less',
  measure: (prediction, target, input) => {
    const p = prediction.dataSync()
    const { constraints: m, edges, lower, upper, b, equality, edgeIndex, edgeValue } = readInput(input)
    return perSample(prediction, target, (k, n) => {
      const activity = new Float64Array(m)
      for (let e = k * edges; e < (k + 1) * edges; e++) {
        const i = edgeIndex[2 * e] ?? 0
        activity[i] = (activity[i] ?? 0) + (edgeValue[e] ?? 0) * (p[k * n + (edgeIndex[2 * e + 1] ?? 0)] ?? 0)
      }
      let [violation, size] = [0, 0]
      for (let i = 0; i < m; i++) {
        const bound = b[k * m + i] ?? 0
        const over = (activity[i] ?? 0) - bound
        violation += (equality[k * m + i] === 1 ? over : Math.max(over, 0)) ** 2
        size += bound ** 2
      }
      for (let j = k * n; j < (k + 1) * n; j++) {
        const value = p[j] ?? 0
        violation += Math.max((lower[j] ?? 0) - value, value - (upper[j] ?? 0), 0) ** 2
      }
      return Math.sqrt(violation) / (1 + Math.sqrt(size))
    })
  },
}

/** The headline first. All in float64 on the host. */
export const lpMetrics: readonly Metric<LpInput, LpOutput>[] = [relativeError, objectiveGap, constraintViolation]
