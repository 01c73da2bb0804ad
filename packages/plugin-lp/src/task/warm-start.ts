import type { Dataset, Model, StudySection } from '@equilibria/spec'
import { scoped } from '@equilibria/tensor'
import type { LpDataset } from '../data/dataset.ts'
import type { LpInput, LpOutput } from '../graph/input.ts'
import { programsOf } from '../pdhg/input.ts'
import { type Savings, warmStartSavings } from '../pdhg/savings.ts'
import type { LinearProgram } from '../program/program.ts'

/** On how many programs, and how exactly, the warm start is measured. */
export interface WarmStartOptions {
  /** Programs looked at, the first ones. Default `50`. */
  readonly count?: number
  /** Relative KKT error that both runs go to. Default `1e-4`. */
  readonly tolerance?: number
  readonly signal?: AbortSignal
}

/**
 * What a prediction saves a classical solver: PDHG from zero and from each model's answer, to the same relative KKT
 * error, as a section of a study. Two batched solves of `count` programs per model.
 */
export async function warmStartSection(
  models: Readonly<Record<string, Model<LpInput, LpOutput>>>,
  data: Dataset<LpInput, LpOutput>,
  { count = 50, tolerance = 1e-4, signal }: WarmStartOptions = {},
): Promise<StudySection> {
  const indices = Array.from({ length: Math.min(count, data.size) }, (_, k) => k)
  const found: [string, Savings][] = []
  for (const [label, model] of Object.entries(models)) {
    signal?.throwIfAborted()
    found.push([label, savingsOf(model, data, indices, tolerance)])
    // Two solves take a second or so: let the terminal and an abort through between models.
    await new Promise((resolve) => setTimeout(resolve))
  }
  const round = (v: number): number => Math.round(v)
  return {
    title: 'What a warm start saves',
    text: [
      `Restarted PDHG solves ${indices.length} test programs to a relative KKT error of ${tolerance}, from zero and from ` +
        'the answer of each model (its dual estimated from that answer). Fewer steps from the answer mean that the ' +
        'model knows something about the solution that its distance alone does not show.',
    ],
    table: {
      caption: 'PDHG steps to the tolerance, over programs',
      columns: ['start', 'median', 'mean', '5 %', '95 %', 'saved, of all steps', 'not finished'],
      rows: [
        ...found.slice(0, 1).map(([, s]) => {
          const [low, , , high] = s.coldSteps.quantiles
          return [
            'zero',
            round(s.coldSteps.median),
            round(s.coldSteps.mean),
            round(low),
            round(high),
            null,
            s.unfinished.cold,
          ]
        }),
        ...found.map(([label, s]) => {
          const [low, , , high] = s.warmSteps.quantiles
          const share = `${(100 * s.savedShare).toFixed(1)} %`
          return [
            label,
            round(s.warmSteps.median),
            round(s.warmSteps.mean),
            round(low),
            round(high),
            share,
            s.unfinished.warm,
          ]
        }),
      ],
    },
    plot: {
      title: 'Programs solved within a number of PDHG steps',
      x: { label: 'PDHG steps', scale: 'log' },
      y: { label: 'programs solved', unit: '%' },
      series: [
        ...found.slice(0, 1).map(([, s]) => ({ label: 'from zero', points: solvedWithin(s.cold) })),
        ...found.map(([label, s]) => ({ label: `from ${label}`, points: solvedWithin(s.warm) })),
      ],
      lookFor: 'A curve further to the left: more programs are solved exactly with the same number of steps.',
    },
  }
}

/** The share of programs that are done after so many steps, as a rising curve. */
const solvedWithin = (steps: Int32Array): (readonly [x: number, y: number])[] =>
  [...steps].sort((a, b) => a - b).map((s, k) => [Math.max(1, s), (100 * (k + 1)) / steps.length] as const)

function savingsOf(
  model: Model<LpInput, LpOutput>,
  data: Dataset<LpInput, LpOutput>,
  indices: readonly number[],
  tolerance: number,
): Savings {
  const { programs, predictions } = scoped(() => {
    const { x, y } = data.batch(indices)
    const n = y.shape[1]
    const answer = model.predict(x).y.dataSync()
    const own = originals(data)
    return {
      programs: own === undefined ? programsOf(x) : indices.map((k) => own[k]!),
      predictions: indices.map((_, k) => ({ y: Float64Array.from(answer.slice(k * n, (k + 1) * n)) })),
    }
  })
  return warmStartSavings(programs, predictions, { tolerance })
}

/** The float64 programs behind a dataset of ours, when all are of one size, as a batch of solves needs them. */
function originals(data: Dataset<LpInput, LpOutput> & Partial<LpDataset>): readonly LinearProgram[] | undefined {
  const programs = data.programs?.map(({ program }) => program)
  const [first] = programs ?? []
  const same = programs?.every(
    ({ matrix: { rows, columns } }) => rows === first?.matrix.rows && columns === first.matrix.columns,
  )
  return same === true ? programs : undefined
}
