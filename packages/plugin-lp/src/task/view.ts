import type { View } from '@equilibria/spec'
import type { LpInput, LpOutput } from '../graph/input.ts'

/**
 * The answer to one program as curves over its variables, sorted by the label: prediction, label, and the finite bounds.
 * Without a label, sorted by the prediction.
 */
export function lpView(x: LpInput, y: LpOutput, index: number, target?: LpOutput): View {
  const n = y.shape[1]
  const row = (values: ArrayLike<number>): number[] => Array.from({ length: n }, (_, j) => values[index * n + j] ?? 0)
  const answer = row(y.dataSync())
  const label = target === undefined ? undefined : row(target.dataSync())
  const key = label ?? answer
  const order = key.map((_, j) => j).sort((i, j) => (key[i] ?? 0) - (key[j] ?? 0))
  const sorted = (values: readonly number[]): number[] => order.map((j) => values[j] ?? 0)
  const bounds = [
    { label: 'lower bound', values: sorted(row(x.lower.dataSync())) },
    { label: 'upper bound', values: sorted(row(x.upper.dataSync())) },
  ].filter(({ values }) => values.every(Number.isFinite))
  return {
    kind: 'series',
    xLabel: label === undefined ? 'variable, sorted by answer' : 'variable, sorted by label',
    yLabel: 'y',
    series: [
      { label: 'answer', values: sorted(answer) },
      ...(label === undefined ? [] : [{ label: 'label', values: sorted(label) }]),
      ...bounds,
    ],
  }
}
