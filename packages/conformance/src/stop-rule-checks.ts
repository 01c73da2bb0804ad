import type { Observation, Status, StopRule } from '@equilibria/spec'
import { type Check, expectThat } from './check.ts'

const STATUSES: readonly Status[] = [
  'converged',
  'floor',
  'exited',
  'stagnated',
  'cycle',
  'max-steps',
  'out-of-time',
  'aborted',
  'diverged',
  'non-finite',
]

/** One sample whose residual falls by half, stalls, and explodes: something for every rule to look at. */
const story = [
  ...Array.from({ length: 20 }, (_, k) => 2 ** -k),
  ...Array.from({ length: 60 }, () => 1e-6),
  1e9,
  Number.NaN,
]

function verdicts(rule: StopRule, batch: number, told: readonly number[]): (Status | undefined)[][] {
  const judge = rule.start(batch)
  const best = told.map(() => Number.POSITIVE_INFINITY)
  return story.map((absolute, k) =>
    told.map((sample, i) => {
      best[i] = Math.min(best[i]!, absolute)
      const seen: Observation = {
        sample,
        step: k + 1,
        absolute,
        norm: 1,
        residual: absolute,
        first: 1,
        best: best[i]!,
        bestStep: 1,
        size: 4,
        elapsedMs: k,
      }
      return judge(seen)
    }),
  )
}

/**
 * Checks on a stop rule: it only says what a status can say, keeps nothing from one solve to the next, and judges a sample
 * by that sample alone.
 */
export function stopRuleChecks(make: () => StopRule): Check[] {
  const name = make().name
  return [
    {
      name: `${name}: answers with a status or nothing`,
      run: () => {
        const odd = verdicts(make(), 1, [0])
          .flat()
          .find((v) => v !== undefined && !STATUSES.includes(v))
        expectThat(odd === undefined, `It answered "${String(odd)}".`)
      },
    },
    {
      name: `${name}: remembers nothing between solves`,
      run: () => {
        const rule = make()
        const [first, second] = [verdicts(rule, 1, [0]), verdicts(rule, 1, [0])]
        expectThat(
          JSON.stringify(first) === JSON.stringify(second),
          'A second solve with the same rule ended otherwise.',
        )
      },
    },
    {
      name: `${name}: judges each sample alone`,
      run: () => {
        const alone = verdicts(make(), 3, [1]).flat()
        const together = verdicts(make(), 3, [2, 1, 0]).map((row) => row[1])
        expectThat(JSON.stringify(alone) === JSON.stringify(together), 'A sample was judged otherwise in company.')
      },
    },
  ]
}
