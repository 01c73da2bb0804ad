import { describe, expect, test } from 'vitest'
import type { Observation, Status, StopRule } from '@equilibria/spec'
import {
  allOf,
  anyOf,
  atLeast,
  divergence,
  largest,
  nonFinite,
  residualBelow,
  stagnation,
  worstStatus,
} from '@equilibria/core'

/** What a rule says to one sample with these absolute residuals, step by step. */
function verdicts(rule: StopRule, residuals: readonly number[], norm = 1): (Status | undefined)[] {
  const judge = rule.start(1)
  let best = Number.POSITIVE_INFINITY
  return residuals.map((absolute, i) => {
    const residual = absolute / Math.max(norm, 1)
    best = Math.min(best, residual)
    const seen: Observation = {
      sample: 0,
      step: i + 1,
      absolute,
      norm,
      residual,
      first: residuals[0]!,
      best,
      bestStep: 1,
      size: 4,
      elapsedMs: i,
    }
    return judge(seen)
  })
}
const stops = (rule: StopRule, residuals: readonly number[], norm?: number) =>
  verdicts(rule, residuals, norm).findIndex((v) => v !== undefined)

describe('stop rules', () => {
  test('residual: relative, absolute per entry', () => {
    expect(stops(residualBelow(0.1), [1, 0.2, 0.1, 0])).toBe(2)
    expect(stops(residualBelow(0.1), [10, 2, 1], 10)).toBe(2)
    expect(stops(residualBelow(0, { absolute: 0.1 }), [1, 0.2])).toBe(1) // 0.1 · √4
  })
  test('non-finite: NaN and infinity, of the residual and of the state', () => {
    expect(stops(nonFinite(), [1, Number.NaN])).toBe(1)
    expect(stops(nonFinite(), [1], Number.POSITIVE_INFINITY)).toBe(0)
  })
  test('divergence waits for a factor over the first and the best; transient growth passes', () => {
    expect(stops(divergence(), [1, 38.7, 10, 1e-3])).toBe(-1) // the Jordan case of the truth data grows 38.7 times
    expect(stops(divergence(1e3), [1, 10, 100, 1001])).toBe(3)
    expect(stops(divergence(1e3), [1e-9, 1e-3, 1, 1001])).toBe(3) // not before 10³ in absolute terms
  })
  test('stagnation counts from the last real improvement', () => {
    const rule = stagnation({ window: 3, ratio: 0.9 })
    expect(stops(rule, [1, 0.95, 0.94, 0.93, 0.92])).toBe(3)
    expect(stops(rule, [1, 0.5, 0.49, 0.4, 0.3, 0.2])).toBe(-1)
  })
  test('rules compose; earlier ones win ties; those that remember see everything', () => {
    const rule = anyOf(nonFinite(), residualBelow(0.1), stagnation({ window: 2 }))
    expect(verdicts(rule, [0.05])).toEqual(['converged'])
    expect(verdicts(rule, [1, 1, 1])).toEqual([undefined, undefined, 'stagnated'])
    expect(stops(allOf(residualBelow(0.5), residualBelow(0.1)), [1, 0.4, 0.1])).toBe(2)
    expect(stops(atLeast(3, residualBelow(0.5)), [0.1, 0.1, 0.1])).toBe(2)
    expect(stops(anyOf(), [0])).toBe(-1)
    expect(stops(allOf(), [0])).toBe(-1)
  })
  test('one rule value serves many solves', () => {
    const rule = stagnation({ window: 2 })
    expect(stops(rule, [1, 1, 1])).toBe(2)
    expect(stops(rule, [1, 1, 1])).toBe(2)
  })
})

test('the worst of many', () => {
  expect(worstStatus(['converged', 'max-steps', 'exited'])).toBe('max-steps')
  expect(largest([1, 3, 2])).toBe(3)
  expect(largest([Number.NaN, 3])).toBeNaN()
  expect(largest([3, Number.NaN])).toBeNaN()
  expect(largest([], 0)).toBe(0)
})
