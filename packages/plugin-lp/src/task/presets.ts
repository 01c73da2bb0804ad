import type { Preset, TrainingSettings } from '@equilibria/spec'

const source = 'Liu, Ding, Osher, Yin (ICLR 2026), Table 1'
const steps = [1, 2, 4, 8, 16, 32]
const training = (epochs: number): TrainingSettings => ({
  epochs,
  batchSize: 100,
  learningRate: 5e-3,
  schedule: 'cosine',
  warmup: 50,
  clip: 1,
  weightDecay: 1e-4,
})

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
        training: {
          epochs: 30,
          batchSize: 40,
          learningRate: 5e-3,
          schedule: 'cosine',
          warmup: 20,
          clip: 1,
          weightDecay: 1e-4,
        },
      },
      {
        label: 'explicit',
        model: 'explicit',
        options: { width: 5 },
        training: {
          epochs: 150,
          batchSize: 40,
          learningRate: 5e-3,
          schedule: 'cosine',
          warmup: 20,
          clip: 1,
          weightDecay: 1e-4,
        },
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
    models: ([4, 8, 16, 32] as const).flatMap((width) => [
      { label: `implicit-${width}`, model: 'implicit', options: { width }, training: training(40) },
      { label: `explicit-${width}`, model: 'explicit', options: { width }, training: training(200) },
    ]),
    steps,
    references: [
      ...[0.218, 0.177, 0.152, 0.156].map((value, i) => ({ label: `paper, implicit, width ${4 << i}`, value, source })),
      ...[0.397, 0.273, 0.283, 0.318].map((value, i) => ({ label: `paper, explicit, width ${4 << i}`, value, source })),
    ],
  },
}
