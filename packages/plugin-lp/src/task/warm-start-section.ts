import type { Dataset, Model, StudySection } from '@equilibria/spec'
import { scoped } from '@equilibria/tensor'
import type { LpDataset } from '../data/dataset.ts'
import type { LpInput, LpOutput } from '../graph/input.ts'
import { warmStartSavings } from '../pdhg/savings.ts'

/** Programs the section looks at: enough for a median, few enough for seconds. */
const PROGRAMS = 100
const TOLERANCE = 1e-4

const keepsPrograms = (data: Dataset<LpInput, LpOutput>): data is LpDataset => 'programs' in data

/**
 * What a prediction is worth to an exact method: PDHG steps to a relative KKT error of 1e-4 from zero, and from each
 * model's answer (its dual estimated), on the first 100 programs of the data. Nothing for data without its programs.
 */
export async function warmStartSections(
  models: Readonly<Record<string, Model<LpInput, LpOutput>>>,
  data: Dataset<LpInput, LpOutput>,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly StudySection[]> {
  if (!keepsPrograms(data)) return []
  const programs = data.programs.slice(0, PROGRAMS).map(({ program }) => program)
  const indices = programs.map((_, k) => k)
  const rows: (string | number)[][] = []
  const curves: { readonly label: string; readonly steps: Int32Array }[] = []
  for (const [label, model] of Object.entries(models)) {
    options.signal?.throwIfAborted()
    const answers = scoped(() => model.predict(data.batch(indices).x).y.dataSync())
    const n = answers.length / programs.length
    const saved = warmStartSavings(
      programs,
      indices.map((k) => ({ y: answers.subarray(k * n, (k + 1) * n) })),
      { tolerance: TOLERANCE },
    )
    if (curves.length === 0) curves.push({ label: 'from zero', steps: saved.cold })
    curves.push({ label: `from ${label}`, steps: saved.warm })
    rows.push([
      label,
      Math.round(saved.coldSteps.mean),
      Math.round(saved.warmSteps.mean),
      Math.round(saved.coldSteps.median),
      Math.round(saved.warmSteps.median),
      `${(100 * saved.savedShare).toFixed(0)} %`,
      saved.unfinished.warm,
    ])
    await new Promise((resolve) => setTimeout(resolve, 0)) // Ctrl-C and timers
  }
  return [
    {
      title: 'What the answer is worth to an exact method',
      text: [
        `Each answer starts restarted PDHG, a classical method with guarantees, on ${programs.length} test programs; it runs to a relative KKT error of ${TOLERANCE}. Steps saved are the price of exactness that the learned model has already paid.`,
      ],
      table: {
        caption: `PDHG steps to a relative KKT error of ${TOLERANCE}, ${programs.length} programs`,
        columns: [
          'model',
          'mean, cold',
          'mean, warm',
          'median, cold',
          'median, warm',
          'steps saved',
          'unfinished, warm',
        ],
        rows,
      },
      plot: {
        title: 'Programs solved within a number of PDHG steps',
        x: { label: 'PDHG steps', scale: 'log' },
        y: { label: 'programs solved', unit: '%' },
        series: curves.map(({ label, steps }) => ({
          label,
          points: [...steps]
            .sort((a, b) => a - b)
            .map((s, k) => [Math.max(1, s), (100 * (k + 1)) / steps.length] as const),
        })),
        lookFor: 'A curve further to the left: more programs are solved exactly with the same number of steps.',
      },
    },
  ]
}
