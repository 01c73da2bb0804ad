import type { Status, StopRule } from '@equilibria/spec'
import { requireWhole } from '../validate.ts'

/** Stops as soon as one rule does; earlier rules win ties. */
export const anyOf = (...rules: readonly StopRule[]): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: rules.map((r) => r.name).join(' | '),
  start: (batch) => {
    const judges = rules.map((rule) => rule.start(batch))
    return (seen) => {
      let answer: Status | undefined
      for (const judge of judges) {
        const verdict = judge(seen) // every rule sees every observation: some of them remember
        answer ??= verdict
      }
      return answer
    }
  },
})

/** Stops when every rule does, with the status of the first. */
export const allOf = (...rules: readonly StopRule[]): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: rules.map((r) => r.name).join(' & '),
  start: (batch) => {
    const judges = rules.map((rule) => rule.start(batch))
    return (seen) => {
      const verdicts = judges.map((judge) => judge(seen))
      return verdicts.every((v) => v !== undefined) ? verdicts[0] : undefined
    }
  },
})

/**
 * Not before a sample has taken `steps` steps, trouble included: keep `nonFinite()` outside.
 *
 * @throws EquilibriaError when `steps` is not a whole number ≥ 0
 */
export function atLeast(steps: number, rule: StopRule): StopRule {
  requireWhole('atLeast(steps)', steps, 0)
  return {
    kind: 'stop-rule',
    spec: 1,
    name: `${rule.name} after ${steps}`,
    start: (batch) => {
      const judge = rule.start(batch)
      return (seen) => {
        const verdict = judge(seen) // rules that remember see every step
        return seen.step >= steps ? verdict : undefined
      }
    },
  }
}
