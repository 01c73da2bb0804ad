import type { Preset, TrainingSettings } from '@equilibria/spec'

const source = 'Liu, Ding, Osher, Yin (ICLR 2026), Table 1'
const steps = [1, 2, 4, 8, 16, 32]
const training = (learningRate: number, length: Pick<TrainingSettings, 'epochs' | 'steps'>): TrainingSettings => ({
  ...length,
  batchSize: 100,
  learningRate,
  schedule: 'cosine',
  warmup: 50,
  clip: 1,
  weightDecay: 1e-4,
})

/* Width; then epochs and learning rate of the implicit network, of ours explicit, of the paper's explicit. The last sees
 * costs of 0.01 and bounds of 10 as they are and needs ten times the rate: at 5e-3 it stays at an error of 0.8. */
type Setting = readonly [epochs: number, learningRate: number]
const table1: readonly (readonly [width: number, implicit: Setting, explicit: Setting, paperExplicit: Setting])[] = [
  [4, [20, 5e-3], [60, 1e-2], [120, 6e-2]],
  [8, [20, 5e-3], [60, 1e-2], [120, 6e-2]],
  [16, [24, 5e-3], [60, 1e-2], [80, 4e-2]],
  [32, [7, 1.5e-3], [60, 1e-2], [60, 2e-2]],
]

/**
 * Studies worth running. Explicit networks get at least as many parameters as the implicit one they are compared with,
 * except in `table1`, whose widths are the paper's.
 */
export const lpPresets: Readonly<Record<string, Preset>> = {
  quick: {
    summary:
      'A small implicit and a small explicit network on random linear programs, about two minutes: 711 parameters against 870.',
    models: [
      {
        label: 'implicit',
        model: 'implicit',
        options: { width: 4 },
        // Many small batches: 240 updates of 100 programs take longer and reach 0.065 where these reach half.
        training: { ...training(5e-3, { epochs: 20, steps: 450 }), batchSize: 40 },
      },
      {
        label: 'explicit',
        model: 'explicit',
        options: { width: 5 },
        training: training(1e-2, { epochs: 150, steps: 1200 }),
      },
    ],
    steps,
    references: [
      { label: 'paper, explicit, 580 parameters', value: 0.397, source },
      { label: 'paper, implicit, 722 parameters', value: 0.218, source },
    ],
  },
  table1: {
    summary: 'Implicit and explicit networks at the four widths of Table 1, on all programs; about half an hour.',
    models: table1.flatMap(([width, implicit, explicit, paperExplicit]) =>
      (
        [
          ['implicit', implicit],
          ['explicit', explicit],
          ['paper-explicit', paperExplicit],
        ] as const
      ).map(([model, [epochs, rate]]) => ({
        label: `${model}-${width}`,
        model,
        options: { width },
        training: training(rate, { epochs }),
      })),
    ),
    steps,
    references: [
      ...[0.218, 0.177, 0.152, 0.156].map((value, i) => ({ label: `paper, implicit, width ${4 << i}`, value, source })),
      ...[0.397, 0.273, 0.283, 0.318].map((value, i) => ({ label: `paper, explicit, width ${4 << i}`, value, source })),
    ],
  },
}
