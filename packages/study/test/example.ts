import type { PlainView, StudyModel, StudyResult, StudyRow, Spread } from '@equilibria/study'

const steps = [1, 2, 4, 8, 16, 32]
const spread = (middle: number): Spread => ({
  p05: middle / 4,
  p25: middle / 2,
  p50: middle,
  p75: middle * 1.7,
  p95: middle * 4,
  max: middle * 9,
})
const row = (t: number, error: number, implicit: boolean, rate = 0.75): StudyRow => ({
  steps: implicit ? t : 0,
  metrics: {
    'relative error': {
      mean: error,
      low: error * 0.94,
      high: error * 1.06,
      ...spread(error * 0.9),
      count: 500,
      nonFinite: 0,
    },
    'constraint violation': {
      mean: error / 90,
      low: error / 100,
      high: error / 80,
      ...spread(error / 100),
      count: 500,
      nonFinite: 0,
    },
  },
  residual: implicit ? spread(0.8 * rate ** t) : null,
  lipschitz: implicit
    ? {
        value: 0.4 + 2 * (1 - 0.85 ** t),
        low: 0.35 + 1.9 * (1 - 0.85 ** t),
        high: 0.45 + 2.1 * (1 - 0.85 ** t),
        floor: 1e-5,
        byPerturbation: { A: 0.2 * t, b: 0.1 * t },
      }
    : { value: 1.1, low: 1, high: 1.2, floor: 1e-5, byPerturbation: { A: 0.2 * t, b: 0.1 * t } },
  evaluations: implicit ? t : 1,
  milliseconds: implicit ? 0.02 + 0.013 * t : 0.031,
})
const method = (name: string) => ({
  method: 'perturbations' as const,
  aggregator: 'mean',
  radius: 0.01,
  samples: 200,
  perturbations: ['A', 'b', 'c', 'l', 'u'],
  interval: '95 % percentile bootstrap over samples',
  dtype: 'float32' as const,
  statement: `L_t of ${name} goes from 0.7 to 2.4.`,
})
const wave = (phase: number): number[] => Array.from({ length: 24 }, (_, i) => Math.sin(i / 3 + phase))
const grid = (t: number): number[] =>
  Array.from({ length: 24 * 24 }, (_, i) => Math.sin((i % 24) / 4) * Math.cos(Math.floor(i / 24) / (3 + t / 8)) + 0)
const view = (kind: PlainView['kind'], t: number): PlainView =>
  ({
    text: { kind: 'text' as const, title: 'answer', text: `x < ${t} & "done"\n<script>alert(1)</script>` },
    table: {
      kind: 'table' as const,
      columns: ['variable', 'ŷ', 'y'],
      rows: [
        ['x₁', 1 / t, 0.5],
        ['x₂', null, 2],
      ],
    },
    image: {
      kind: 'image' as const,
      width: 24,
      height: 24,
      channels: 1 as const,
      values: grid(t).map((v) => Math.round(127 * (1 + v))),
    },
    field: { kind: 'field' as const, title: 'vorticity', width: 24, height: 24, values: grid(t), unit: '1/s' },
    series: {
      kind: 'series' as const,
      title: 'coordinates',
      xLabel: 'coordinate',
      yLabel: 'value',
      series: [
        { label: 'answer', values: wave(2 / t) },
        { label: 'label', values: wave(0) },
      ],
    },
  })[kind]

const model = (
  name: string,
  depth: StudyModel['depth'],
  parameters: number,
  error: (t: number) => number,
): StudyModel => {
  const depths = depth === 'implicit' ? steps : [32]
  return {
    name,
    depth,
    parameters,
    rows: depths.map((t) => row(t, error(t), depth === 'implicit', parameters > 10000 ? 0.85 : 0.75)),
    lipschitz: method(name),
    perSample: Array.from(
      { length: 500 },
      (_, i) => error(32) * (0.3 + 1.2 * (i / 500) ** 2 + (i > 470 ? (i - 470) / 9 : 0)),
    ),
    answers: [],
    training: {
      unit: 'epoch',
      yLabel: 'loss',
      seconds: 182.4,
      series: [
        { label: 'training', points: Array.from({ length: 80 }, (_, i) => [i + 1, 0.1 + 2 / (i + 1)] as const) },
        { label: 'validation', points: Array.from({ length: 80 }, (_, i) => [i + 1, 0.14 + 2.1 / (i + 1)] as const) },
      ],
    },
  }
}

/** A study with everything in it, made of formulas: for looking at the report, not at figures. */
export const example = (): StudyResult => ({
  schema: 'equilibria-study/1',
  title: 'Test-time scaling of lp/random <50 variables & 10 constraints>',
  summary:
    'An implicit model solves for its answer step by step, so one trained model can be run for any number of steps t: here “implicit” on 500 samples, for t = 1 to 32. The comparison is with “explicit”, which answers in one pass.',
  task: { name: 'lp/random', summary: 'Predict an optimal point of a linear program from its data.' },
  data: { source: 'formulas', samples: 500 },
  metrics: [
    { name: 'relative error', summary: '‖ŷ − y‖ / (1 + ‖y‖).', better: 'less' },
    { name: 'constraint violation', summary: 'Largest violated amount.', better: 'less', unit: 'm' },
  ],
  models: [
    {
      ...model('implicit', 'implicit', 8390, (t) => 0.15 + 0.42 * 0.8 ** t),
      answers: (['series', 'image', 'field', 'table', 'text'] as const).map((kind, sample) => ({
        sample,
        answers: steps.map((t) => ({ steps: t, view: view(kind, t) })),
      })),
    },
    model('implicit, wider embedding with a long name', 'implicit', 31606, (t) => 0.12 + 0.5 * 0.88 ** t),
    model('explicit', 'explicit', 7888, () => 0.283),
  ],
  peers: [{ label: 'implicit, paper', metric: 'relative error', value: 0.152, source: 'liu2026, Table 1' }],
  sections: [
    {
      title: 'What a warm start saves',
      text: ['A classical solver started from the prediction needs fewer iterations than from zero.'],
      table: {
        caption: 'Iterations to 1e-4',
        columns: ['start', 'median', '95 %'],
        rows: [
          ['zero', 410, 1200],
          ['prediction', 160, null],
        ],
      },
      plot: {
        title: 'Error against iterations',
        x: { label: 'iterations' },
        y: { label: 'relative KKT error', scale: 'log' },
        series: [
          { label: 'from zero', points: Array.from({ length: 30 }, (_, i) => [i * 20, 10 ** (-i / 6)] as const) },
          {
            label: 'from the prediction',
            points: Array.from({ length: 20 }, (_, i) => [i * 20, 0.05 * 10 ** (-i / 6)] as const),
          },
        ],
        lookFor: 'the horizontal distance between the lines at the accuracy wanted.',
      },
    },
  ],
  settings: { steps, seed: 0, confidence: 0.95, interval: '95 % Student’s t over samples', batchSize: 250 },
  provenance: {
    created: null,
    backend: 'wasm',
    versions: { '@tensorflow/tfjs-core': '4.22.0' },
    options: { preset: 'quick' },
  },
  notes: ['explicit: figures come from formulas.'],
})
