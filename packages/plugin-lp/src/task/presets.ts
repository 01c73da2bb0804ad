import type { Preset, TrainingSettings } from '@equilibria/spec'

const source = 'Liu, Ding, Osher, Yin (ICLR 2026), Table 1'
const steps = [1, 2, 4, 8, 16, 32]
const training = (epochs: number, learningRate: number, batchSize = 100): TrainingSettings => ({
  epochs,
  batchSize,
  learningRate,
  schedule: 'cosine',
  warmup: 50,
  clip: 1,
  weightDecay: 1e-4,
})

/* Width; epochs and learning rate of the implicit network, then of the explicit one. The explicit one sees costs of 0.01
 * and bounds of 10 as they are and needs ten times the rate: at 5e-3 it stays at an error of 0.8. */
type Setting = readonly [epochs: number, learningRate: number]
const table1: readonly (readonly [width: number, implicit: Setting, explicit: Setting])[] = [
  [4, [20, 5e-3], [120, 6e-2]],
  [8, [20, 5e-3], [120, 6e-2]],
  [16, [12, 4e-3], [80, 4e-2]],
  [32, [6, 3e-3], [60, 2e-2]],
]

/**
 * Studies worth running. Explicit networks get at least as many parameters as the implicit one they are compared with,
 * except in `table1`, whose widths are the paper's.
 */
export const lpPresets: Readonly<Record<string, Preset>> = {
  quick: {
    summary: 'Two small networks on 800 random linear programs, about two minutes: 711 parameters against 870.',
    models: [
      {
        label: 'implicit',
        model: 'implicit',
        options: { width: 4 },
        training: training(18, 5e-3, 40),
      },
      {
        label: 'explicit',
        model: 'explicit',
        options: { width: 5 },
        training: training(80, 6e-2, 40),
      },
    ],
    limit: { train: 800, validation: 100, test: 200 },
    steps,
    references: [
      { label: 'paper, explicit, 580 parameters', value: 0.397, source },
      { label: 'paper, implicit, 722 parameters', value: 0.218, source },
    ],
  },
  table1: {
    summary: 'Both networks at the four widths of Table 1, on all programs; about an hour on two cores.',
    models: table1.flatMap(([width, implicit, explicit]) => [
      { label: `implicit-${width}`, model: 'implicit', options: { width }, training: training(...implicit) },
      { label: `explicit-${width}`, model: 'explicit', options: { width }, training: training(...explicit) },
    ]),
    steps,
    references: [
      ...[0.218, 0.177, 0.152, 0.156].map((value, i) => ({ label: `paper, implicit, width ${4 << i}`, value, source })),
      ...[0.397, 0.273, 0.283, 0.318].map((value, i) => ({ label: `paper, explicit, width ${4 << i}`, value, source })),
    ],
  },
}
