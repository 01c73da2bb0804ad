import type { Preset, TrainingSettings } from '@equilibria/spec'

const training = (epochs: number, batchSize: number): TrainingSettings => ({
  epochs,
  batchSize,
  learningRate: 5e-3,
  schedule: 'cosine',
  warmup: Math.min(50, epochs),
  weightDecay: 1e-4,
  clip: 1,
})

const source = 'Table 1 of liu2026: mean test error, 2 500 training programs'
/** Published test errors by width. */
const published: Readonly<Record<number, readonly [explicit: number, implicit: number]>> = {
  4: [0.397, 0.218],
  8: [0.273, 0.177],
  16: [0.283, 0.152],
  32: [0.318, 0.156],
}
const widths = [4, 8, 16, 32]

const references = (width: number): NonNullable<Preset['references']> => {
  const [explicit = Number.NaN, implicit = Number.NaN] = published[width] ?? []
  return [
    { label: `published explicit, width ${width}`, value: explicit, source },
    { label: `published implicit, width ${width}`, value: implicit, source },
  ]
}

/** Recommended studies of the random programs. */
export const lpPresets: Readonly<Record<string, Preset>> = {
  quick: {
    summary:
      'An implicit and an explicit network of about 2 300 parameters, 800 programs; about 3 minutes on two cores.',
    models: [
      { label: 'implicit', model: 'implicit', options: { width: 8 }, training: training(25, 50) },
      // One wider, so that the baseline is not the smaller one: 2 610 parameters against 2 333.
      { label: 'explicit', model: 'explicit', options: { width: 9 }, training: training(100, 50) },
    ],
    limit: { train: 800, validation: 100, test: 200 },
    steps: [1, 2, 4, 8, 16, 32],
    references: references(8),
  },
  table1: {
    summary: 'Implicit and explicit networks at the four published widths on all programs; about an hour on two cores.',
    models: widths.flatMap((width) => [
      { label: `implicit-${width}`, model: 'implicit', options: { width }, training: training(40, 100) },
      { label: `explicit-${width}`, model: 'explicit', options: { width }, training: training(200, 100) },
    ]),
    steps: [1, 2, 4, 8, 16, 32],
    references: widths.flatMap(references),
  },
}
